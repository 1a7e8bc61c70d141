use std::sync::Arc;

use smol_str::SmolStr;

use super::SubscriberConfig;
use crate::{
    inbox::Handlers,
    ports::{Clock, Ports, Random, Scopes, Store},
    stop::Stop,
    wake::Wake,
};

/// Reads the log of events and has the effect of each exactly once: what its handlers write, what they stage and the move of
/// the checkpoint are one transaction. First it catches up with what is there, then it follows.
///
/// Its checkpoint is a row of its own, under its name, so subscribers hold nobody up: each is where it is. Events of types
/// that have no handler are passed over.
///
/// # Replicas
/// Any number of processes may run a subscriber of one name. There is no lease: each transaction reads the checkpoint and
/// moves it on from there, and of two that overlap one conflicts, so an event has its effect once whoever is faster. The one
/// that has lost finds the checkpoint further on and reads from there. Two do no more work than one, but either goes on at
/// once when the other dies.
///
/// # What becomes of an event
/// | what happens | the event |
/// |---|---|
/// | its type has no handler | is passed over |
/// | the handler succeeds and the transaction commits | has had its effect, and the checkpoint is past it |
/// | the store can't be reached | waits, and nothing is counted against it |
/// | the store conflicts, or the commit's outcome is unknown | is handled again at once, unless the checkpoint is past it by then |
/// | the handler fails, panics, or is not done within its limit | is counted and handled again after a backoff; at the last failure it is parked |
/// | it is the first that is handled after a start | is counted before it is handled: what ends its process each time is parked in the end |
/// | it can't be decoded, or the handler refuses it | is parked at once |
/// | its [store can't read it](crate::ports::RecordedEvent::unreadable) | is parked at once; a redrive reads it again |
/// | an event of its stream before it is parked | waits behind that, parked as well |
///
/// What is parked is a dead letter of the subscriber, with the whole event and the reason, said at `WARN`:
/// [`dead_letters`](crate::ports::InboxStore::dead_letters) lists it by the subscriber's name,
/// [`redrive`](Self::redrive) handles it again, [`discard`](crate::inbox::discard) drops it. Once it is gone either way, what
/// waited behind it goes on by itself, in order. By [configuration](super::WhenParked) it blocks the whole subscriber instead.
///
/// # Rebuild from zero
/// A checkpoint never goes back. To build a projection anew is to run another subscriber, under another name and into
/// another place, beside the old one; whoever reads the projection changes over once the new one has
/// [caught up](Self::catch_up).
///
/// # What it leaves behind
/// An event that has failed has a row in the [inbox](crate::ports::InboxStore), by which its failures are counted, also once it is
/// handled. [`InboxRetention`](crate::inbox::InboxRetention) deletes such rows, if it is given the subscriber's name beside those of
/// consumers; it deletes the counts, too, of which nobody knows any more, since the process that had failed died before another
/// replica handled the event.
///
/// Source of the pattern: the catch-up subscriptions of EventStoreDB, and Axon's sequenced dead-letter queue.
///
/// ```
/// use seaworthy_core::{events::Subscriber, inbox::Handlers, ports::Ports, wake::Wake};
///
/// async fn balances(ports: Ports, handlers: Handlers, appended: Wake) {
///     Subscriber::new(&ports, "balances", handlers).wake(appended).run().await;
/// }
/// ```
#[derive(Clone)]
pub struct Subscriber {
    pub(super) name: SmolStr,
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Arc<dyn Random>,
    pub(super) handlers: Arc<Handlers>,
    pub(super) config: Arc<SubscriberConfig>,
    /// Hints that there are events.
    pub(super) wake: Wake,
    /// Relay to hint after a commit.
    pub(super) hints: Option<Wake>,
    /// Passes and attempts of handlers may be dropped one by one.
    pub(super) scopes: Scopes,
    pub(super) stop: Stop,
}

impl Subscriber {
    /// A subscriber of a process, called `name`, which is its checkpoint and the consumer of what it parks: renaming one makes
    /// it handle everything again. It works until the process is asked to stop, with the default configuration, and polls
    /// for events unless it is given a [`wake`](Self::wake).
    pub fn new(ports: &Ports, name: impl Into<SmolStr>, handlers: Handlers) -> Self {
        let Ports { store, clock, random, stop, .. } = ports;
        let mut subscriber = Self::from_parts(name, store.clone(), clock.clone(), random.clone(), handlers);
        subscriber.scopes = Some(ports.spawner.clone());
        subscriber.stop(stop.clone())
    }

    /// A subscriber outside a process: it never stops unless it is given a [`stop`](Self::stop).
    pub fn from_parts(
        name: impl Into<SmolStr>,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        handlers: Handlers,
    ) -> Self {
        let (handlers, config) = (Arc::new(handlers), Arc::default());
        let (wake, hints, scopes, stop) = (Wake::new(), None, None, Stop::new());
        Self { name: name.into(), store, clock, random, handlers, config, wake, hints, scopes, stop }
    }

    /// Sets how it works.
    #[must_use]
    pub fn config(mut self, config: SubscriberConfig) -> Self {
        self.config = Arc::new(config);
        self
    }

    /// Takes hints from those who append events, so that it need not wait for its next poll. A hint wakes one subscriber:
    /// each has a `Wake` of its own.
    #[must_use]
    pub fn wake(mut self, wake: Wake) -> Self {
        self.wake = wake;
        self
    }

    /// Hints to this process's relay after each commit, so that what handlers stage is published at once.
    #[must_use]
    pub fn hint(mut self, relay: Wake) -> Self {
        self.hints = Some(relay);
        self
    }

    /// Sets what stops it.
    #[must_use]
    pub fn stop(mut self, stop: Stop) -> Self {
        self.stop = stop;
        self
    }
}
