use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use seaworthy_core::ports::{Expected, Ports};
use seaworthy_sim::{
    explore::{Campaign, Difference, Seeds, SweepOptions, Until, sweep},
    invariants::{Ending, Invariant, Judge, Mode},
    plan::Profile,
    scenario::{Client, Draw, Scenario, Topology, Workload},
    trace::Event,
};
use serde::{Deserialize, Serialize};

/// What a service writes down for each request: whatever it takes from where it should not.
pub(crate) type Source = fn(Ports) -> BoxFuture<'static, String>;

/// A service of one process that writes down what its source gives, and is right in all else.
pub(crate) struct Leaky {
    pub(crate) source: Source,
    pub(crate) shares_threads: bool,
    /// Whether the protocol is judged, too, whose invariants are rehearsed.
    pub(crate) rehearses: bool,
}

impl Leaky {
    pub(crate) fn new(source: Source) -> Self {
        Self { source, shares_threads: false, rehearses: false }
    }
}

/// So many requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Requests(usize);

impl Workload for Requests {
    fn len(&self) -> usize {
        self.0
    }

    fn without(&self, range: Range<usize>) -> Self {
        Self(self.0 - range.len())
    }
}

#[async_trait]
impl Scenario for Leaky {
    type Workload = Requests;

    fn name(&self) -> &str {
        "leaky"
    }

    fn about(&self) -> &str {
        "takes something from outside its ports"
    }

    fn topology(&self) -> Topology {
        let source = self.source;
        let topology = if self.rehearses { Topology::new() } else { Topology::new().without_protocol() };
        topology.process("notes-1", "notes", "notes", move |boot| async move {
            while let Some(request) = boot.ports.ingress.next().await {
                let said = source(boot.ports.clone()).await;
                let id = String::from_utf8_lossy(&request.body).into_owned();
                let written = async {
                    let mut tx = boot.ports.store.begin().await?;
                    tx.put("notes", &id, Expected::Any, Bytes::from(said)).await?;
                    tx.commit().await
                };
                if written.await.is_ok() {
                    request.response.accept(Bytes::new());
                }
            }
        })
    }

    fn workload(&self, draw: &mut Draw) -> Requests {
        Requests(draw.between(2, 4) as usize)
    }

    fn invariants(&self, _: &Requests) -> Vec<Box<dyn Invariant>> {
        vec![Box::new(AnythingGoes)]
    }

    async fn drive(&self, workload: &Requests, client: Client) {
        for number in 0..workload.0 {
            let _ = client.ask("notes", "note", Bytes::from(format!("note-{number}"))).await;
        }
    }

    fn shares_threads(&self) -> bool {
        self.shares_threads
    }
}

/// An invariant that always holds: nothing but the two runs can show the leak.
struct AnythingGoes;

impl Invariant for AnythingGoes {
    fn name(&self) -> &'static str {
        "anything-goes"
    }

    fn mode(&self) -> Mode {
        Mode::Always
    }

    fn observe(&mut self, _: &Event, judge: &mut Judge<'_>) {
        judge.judged();
    }

    fn conclude(&mut self, _: Ending, _: &mut Judge<'_>) {}
}

/// A campaign of 50 seeds on two threads.
pub(crate) fn campaign(leaky: &Leaky) -> Campaign {
    let mut options = SweepOptions::new(Seeds::Base(11), Until::runs(50));
    options.profiles = vec![Profile::Calm];
    options.search.jobs = 2;
    sweep(leaky, &options, &|_| {}).expect("it runs")
}

/// What a campaign over a service with this source says.
#[track_caller]
pub(crate) fn caught(leaky: &Leaky) -> Difference {
    let campaign = campaign(leaky);
    assert!(!campaign.verdict().held);
    let difference = campaign.difference().expect("two runs of one plan differ").clone();
    assert!(difference.story.contains("two runs of one plan differ at event"), "{}", difference.story);
    assert!(difference.story.contains(&format!("likely cause: {}", difference.cause)), "{}", difference.story);
    difference
}
