//! Parts that all three domains have in the same form.

use std::{pin::pin, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::{Either, select};
use seaworthy_core::{
    aggregate::{AggregateError, UpdateError},
    inbox::{Consumer, Handlers, InboxRetention},
    outbox::{OutboxRetention, Relay},
    ports::{Ports, Request, StoreError},
    wake::Wake,
};
use serde::{Serialize, de::DeserializeOwned};
use smol_str::{SmolStr, ToSmolStr as _};
use tracing::{debug, warn};

use crate::messages::GROUPS;

/// Time in which the broker may deliver a message again.
const REDELIVERY_WINDOW: Duration = Duration::from_secs(10 * 60);
/// Time for which inbox rows and the notes of ended processes are kept: longer than that.
pub(crate) const KEEP: Duration = Duration::from_secs(15 * 60);

/// Time that a request has. Its caller waits no longer, and what its transaction holds by then is let go: others wait for that.
const REQUEST_LIMIT: Duration = Duration::from_secs(10);

/// The consumers of a domain: the handlers of each group.
#[derive(Default)]
pub struct Consumers(Vec<(&'static str, Handlers)>);

impl Consumers {
    /// No consumers yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Handles what one of the [`GROUPS`] hears, in place of what it was handled by before.
    #[must_use]
    pub fn with(mut self, group: &'static str, handlers: Handlers) -> Self {
        self.0.retain(|(other, _)| *other != group);
        self.0.push((group, handlers));
        self
    }

    /// Leaves a group to somebody else.
    #[must_use]
    pub fn without(mut self, group: &str) -> Self {
        self.0.retain(|(other, _)| *other != group);
        self
    }

    /// Handles what they hear, publishes what is staged, and deletes what is needed no longer, in tasks of the process.
    ///
    /// # Panics
    /// If a group is none of the [`GROUPS`].
    pub fn spawn(self, ports: &Ports, wake: &Wake) {
        ports.spawn("relay", Relay::new(ports).wake(wake.clone()).run());
        let inbox = InboxRetention::new(KEEP, REDELIVERY_WINDOW).expect("rows are kept for longer than the window");
        let groups = self.0.iter().map(|(group, _)| SmolStr::new_static(group)).collect();
        ports.spawn("inbox-retention", inbox.run(groups, ports.clone()));
        ports.spawn("outbox-retention", OutboxRetention::default().run(ports.clone()));
        for (group, handlers) in self.0 {
            let topics = topics(group);
            ports.spawn(group, Consumer::new(ports, group, handlers, topics).wake(wake.clone()).run());
        }
    }
}

/// Returns the topics that a group listens to, as the configuration of its consumer.
///
/// # Panics
/// If it is none of the [`GROUPS`].
pub fn topics(group: &str) -> seaworthy_core::inbox::ConsumerConfig {
    let (_, topics) = GROUPS.iter().find(|(name, _)| *name == group).expect("a group of the three domains");
    seaworthy_core::inbox::ConsumerConfig::new(topics.iter().copied())
}

/// A request that was not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Denied {
    /// It never will be, for this reason.
    Refused(SmolStr),
    /// It may be, or was, and nobody knows: the caller has to ask again.
    AskAgain(SmolStr),
}

impl From<StoreError> for Denied {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused(why) => Self::Refused(why),
            error => Self::AskAgain(error.to_smolstr()),
        }
    }
}

impl<E: std::fmt::Display> From<UpdateError<E>> for Denied {
    fn from(error: UpdateError<E>) -> Self {
        match error {
            UpdateError::Aggregate(AggregateError::Store(error)) => error.into(),
            error => Self::Refused(error.to_smolstr()),
        }
    }
}

/// Handler of the requests of a replica: carries out those of the outside.
#[async_trait]
pub trait RequestHandler: Send + Sync {
    /// Carries out a request. One that is asked again is carried out once.
    ///
    /// # Errors
    /// [`Denied`] says whether it never will be, or whether the caller has to ask again.
    async fn carry_out(&self, operation: &str, body: &[u8]) -> Result<(), Denied>;
}

/// Answers the requests of one replica until a stop is asked for, side by side.
pub async fn answer(ports: &Ports, handler: Arc<dyn RequestHandler>, wake: Wake) {
    while let Some(request) = ports.ingress.next().await {
        let (handler, wake, scoped) = (handler.clone(), wake.clone(), ports.clone());
        ports.spawn("request", async move {
            let serving = pin!(scoped.scope(serve(handler, request, wake)));
            match select(serving, scoped.clock.limit(REQUEST_LIMIT)).await {
                Either::Left((Ok(()), _)) => {}
                Either::Left((Err(dropped), _)) => debug!(%dropped, "the caller has to ask again"),
                Either::Right(_) => warn!("a request is given up after its time: the caller has to ask again"),
            }
        });
    }
}

async fn serve(handler: Arc<dyn RequestHandler>, request: Request, wake: Wake) {
    match handler.carry_out(&request.operation, &request.body).await {
        Ok(()) => {
            request.response.accept(Bytes::new());
            wake.hint();
        }
        Err(Denied::Refused(why)) => request.response.refuse(why),
        // Dropped without an answer, a request is asked again.
        Err(Denied::AskAgain(why)) => debug!(%why, "the caller has to ask again"),
    }
}

/// Reads the body of a request.
///
/// # Errors
/// [`Denied::Refused`] if it is not JSON of this shape.
pub fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, Denied> {
    serde_json::from_slice(body).map_err(|error| Denied::Refused(error.to_smolstr()))
}

/// Writes a value as JSON.
///
/// # Panics
/// If the value has no JSON form. Whatever this crate keeps and sends has one.
pub fn encode<T: Serialize>(value: &T) -> Bytes {
    serde_json::to_vec(value).expect("what is kept and sent are structs of strings and numbers").into()
}
