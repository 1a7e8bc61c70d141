//! Small services: requests that each name one thing, the stock invariants and nothing else.

pub(crate) mod messaging;
pub(crate) mod streams;

use std::{ops::Range, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use seaworthy_core::ports::{Clock, Ports, Store};
use seaworthy_sim::scenario::{Client, Draw, Scenario, StoreFactory, Topology, Workload};
use serde::{Deserialize, Serialize};

/// Makes a store that reads the time from a clock.
pub(crate) type MakeStore = fn(Arc<dyn Clock>) -> Arc<dyn Store>;

/// A service, right or with its mistake.
#[derive(Clone, Copy)]
pub(crate) struct Service {
    pub(crate) name: &'static str,
    /// Its processes and groups.
    pub(crate) topology: fn(is_right: bool) -> Topology,
    /// The store of the service with the mistake, where it is the store that makes it.
    pub(crate) store: Option<MakeStore>,
    pub(crate) is_right: bool,
    /// Whether faults strike that spoil one piece of work for good.
    pub(crate) fails_for_good: bool,
    /// Whether stores are put back to what they were.
    pub(crate) restores: bool,
    /// Time between two requests.
    pub(crate) gap_ms: u64,
}

impl Service {
    /// With its mistake.
    pub(crate) const fn wrong(name: &'static str, topology: fn(is_right: bool) -> Topology) -> Self {
        Self { name, topology, store: None, is_right: false, fails_for_good: false, restores: false, gap_ms: 20 }
    }

    /// The same under faults that spoil one piece of work for good, too.
    pub(crate) const fn fails_for_good(self) -> Self {
        Self { fails_for_good: true, ..self }
    }

    /// The same without it.
    pub(crate) const fn right(self) -> Self {
        Self { store: None, is_right: true, ..self }
    }
}

/// The items that are asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Items(Vec<String>);

impl Items {
    /// Draws up to three of them.
    pub(crate) fn draw(draw: &mut Draw) -> Self {
        Self((1..=draw.between(1, 3)).map(|number| format!("item-{number}")).collect())
    }

    pub(crate) fn names(&self) -> &[String] {
        &self.0
    }
}

impl Workload for Items {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn without(&self, range: Range<usize>) -> Self {
        let mut fewer = self.clone();
        fewer.0.drain(range);
        fewer
    }
}

#[async_trait]
impl Scenario for Service {
    type Workload = Items;

    fn name(&self) -> &str {
        self.name
    }

    fn about(&self) -> &str {
        "a service with one mistake, or without it"
    }

    fn topology(&self) -> Topology {
        let topology = (self.topology)(self.is_right);
        let topology = if self.fails_for_good { topology.fails_for_good() } else { topology };
        if self.restores { topology.restores() } else { topology }
    }

    fn workload(&self, draw: &mut Draw) -> Items {
        Items::draw(draw)
    }

    async fn drive(&self, workload: &Items, client: Client) {
        for name in &workload.0 {
            // A refusal is an answer, too.
            let _ = client.ask("front", "take", Bytes::from(name.clone())).await;
            client.sleep(Duration::from_millis(self.gap_ms)).await;
        }
    }

    fn store(&self) -> Option<StoreFactory> {
        let make = self.store?;
        Some(Arc::new(move |_, clock| make(clock)))
    }

    fn shares_threads(&self) -> bool {
        true
    }

    async fn prepare(&self, _: &Items, _: &(dyn Fn(&str) -> Arc<dyn Store> + Send + Sync)) {}
}

/// What is said to a request; an error says nothing, so that the request comes again.
pub(crate) enum Answer {
    Yes,
    No(&'static str),
}

/// Takes requests one after the other and answers them.
pub(crate) async fn serve<E>(ports: Ports, take: impl Fn(Ports, String) -> BoxFuture<'static, Result<Answer, E>>) {
    while let Some(request) = ports.ingress.next().await {
        let name = String::from_utf8_lossy(&request.body).into_owned();
        match take(ports.clone(), name).await {
            Ok(Answer::Yes) => request.response.accept(Bytes::new()),
            Ok(Answer::No(why)) => request.response.refuse(why),
            Err(_) => {}
        }
    }
}
