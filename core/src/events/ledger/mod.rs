mod decide;
mod snapshots;

use std::{marker::PhantomData, sync::Arc, time::Duration};

use serde::{Serialize, de::DeserializeOwned};
use smol_str::{SmolStr, format_smolstr};

use super::Sourced;
use crate::{
    aggregate::{DomainEvent, MapError},
    backoff::Backoff,
    ports::{Clock, Random},
    wake::Wake,
};
use snapshots::Snapshots;

/// An event-sourced aggregate as its stream says it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded<A> {
    /// Fold of its events.
    pub state: A,
    /// Version of the last one; `0` if there is none yet.
    pub version: u64,
}

/// Loads event-sourced aggregates, decides, and appends what happens to their streams; what others are to hear of is staged
/// in the outbox in the same transaction, under the same id. Cloning is cheap.
///
/// A decision is appended under the version that it was taken on. Where somebody else was faster that is a conflict, and the
/// command is decided again on what the stream holds then, a bounded number of times.
///
/// ```
/// use seaworthy_core::{aggregate::Cause, events::{Ledger, Sourced}, ports::Ports};
///
/// /// Commands of an aggregate whose events are all published.
/// async fn carry_out<A: Sourced<Refusal = String>>(ports: &Ports, id: &str, command: &A::Command) -> Result<u64, String> {
///     let ledger = Ledger::<A>::new("bank", ports.clock.clone(), ports.random.clone()).publish_all();
///     let done = ledger.execute(&*ports.store, id, command, Cause::New).await;
///     done.map(|loaded| loaded.version).map_err(|error| error.to_string())
/// }
/// ```
pub struct Ledger<A: Sourced> {
    source: SmolStr,
    /// Names of events that are published.
    published: Arc<[&'static str]>,
    topic: SmolStr,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    snapshots: Option<Snapshots<A>>,
    wakes: Vec<Wake>,
    retries: u32,
    backoff: Backoff,
    of: PhantomData<fn() -> A>,
}

impl<A: Sourced> Clone for Ledger<A> {
    fn clone(&self) -> Self {
        Self {
            source: self.source.clone(),
            published: self.published.clone(),
            topic: self.topic.clone(),
            clock: self.clock.clone(),
            random: self.random.clone(),
            snapshots: self.snapshots.clone(),
            wakes: self.wakes.clone(),
            retries: self.retries,
            backoff: self.backoff,
            of: PhantomData,
        }
    }
}

impl<A: Sourced> Ledger<A> {
    /// A ledger of `source`, the service that the events come from, which is their topic as well. It publishes no event and
    /// keeps no snapshots, until it is told to. [`execute`](Self::execute) tries up to 8 times, 5 ms to 200 ms apart.
    pub fn new(source: impl Into<SmolStr>, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        let source = source.into();
        Self {
            topic: source.clone(),
            source,
            published: Arc::from([]),
            clock,
            random,
            snapshots: None,
            wakes: Vec::new(),
            retries: 8,
            backoff: Backoff::new(Duration::from_millis(5), Duration::from_millis(200)),
            of: PhantomData,
        }
    }

    /// Publishes all events: each is staged in the outbox when it is appended.
    #[must_use]
    pub fn publish_all(mut self) -> Self {
        self.published = A::Event::NAMES.into();
        self
    }

    /// Publishes the events of these names, and keeps the others to the service.
    ///
    /// # Errors
    /// [`MapError`] if a name is not declared, or is there twice.
    pub fn publish(mut self, names: &[&'static str]) -> Result<Self, MapError> {
        for (at, name) in names.iter().enumerate() {
            if !A::Event::NAMES.contains(name) {
                return Err(MapError::Undeclared(name));
            }
            if names[..at].contains(name) {
                return Err(MapError::Twice(name));
            }
        }
        self.published = names.into();
        Ok(self)
    }

    /// Publishes to another topic than that of the source.
    #[must_use]
    pub fn topic(mut self, topic: impl Into<SmolStr>) -> Self {
        self.topic = topic.into();
        self
    }

    /// Keeps a snapshot each time that a stream has grown by so many events, so that no more than about as many are read to
    /// load it. It is written in the transaction of the append that is due for it. Zero is taken as one.
    #[must_use]
    pub fn snapshot_every(mut self, events: u64) -> Self
    where
        A: Serialize + DeserializeOwned,
    {
        self.snapshots = Some(Snapshots::every(events));
        self
    }

    /// Hints after [`execute`](Self::execute) has committed: to the process's relay, and to each of its subscribers by
    /// another call.
    #[must_use]
    pub fn wake(mut self, wake: Wake) -> Self {
        self.wakes.push(wake);
        self
    }

    /// Returns the name of the stream of an aggregate.
    pub fn stream(&self, id: &str) -> SmolStr {
        format_smolstr!("{}-{id}", A::NAME)
    }
}
