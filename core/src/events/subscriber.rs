use std::{pin::pin, sync::Arc};

use smol_str::SmolStr;
use tracing::{debug, error, warn};

use super::{SubscriberConfig, reading::Reading};
use crate::{
    inbox::Handlers,
    ports::{Clock, Part, Ports, Random, Scopes, Store, StoreError, scoped},
    stop::Stop,
    wake::{Wake, Woken},
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
    wake: Wake,
    /// Whom to hint after a commit.
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

    /// Handles events until a stop is asked for. What is being handled by then is finished.
    ///
    /// Ends at once, with an error in the log, if a setting can't work or the store lacks [events](Part::Events),
    /// [checkpoints](Part::Checkpoints) or the [inbox](Part::Inbox), in which failures are counted.
    ///
    /// Dropping the future, as a crash does, rolls back what is open; the next run goes on behind the checkpoint.
    pub async fn run(self) {
        if let Err(error) = self.config.check() {
            error!(subscriber = %self.name, %error, "subscriber ends: its settings can't work");
            return;
        }
        if let Err(error) = self.store.parts().require(&[Part::Events, Part::Checkpoints, Part::Inbox]) {
            error!(subscriber = %self.name, %error, "subscriber ends: its store lacks what it needs");
            return;
        }
        if let Some(spawner) = &self.scopes {
            spawner.offer(Arc::new(self.clone()));
        }
        let (mut reading, mut idle, mut errors) = (Reading::default(), 0_u32, 0_u32);
        while !self.stop.is_set() {
            let passed = scoped(self.scopes.as_deref(), pin!(self.pass(&mut reading))).await;
            match passed.unwrap_or_else(|dropped| Err(dropped.into())) {
                Ok(true) => {
                    (idle, errors) = (0, 0);
                    self.clock.yield_now().await;
                }
                Ok(false) => {
                    errors = 0;
                    let delay = self.config.poll.delay(idle, &*self.random);
                    idle = match self.wake.wait(&*self.clock, &self.stop, delay).await {
                        Woken::Hint => 0,
                        _ => idle.saturating_add(1),
                    };
                }
                Err(error) => {
                    // What is in memory may be older than what is stored.
                    reading.read_again();
                    let delay = self.config.store_backoff.delay(errors, &*self.random);
                    match error {
                        StoreError::Refused(_) => error!(
                            subscriber = %self.name, %error, ?delay,
                            "subscriber pauses: its store refuses, and trying again will hardly help"
                        ),
                        StoreError::Unavailable(_) => {
                            warn!(subscriber = %self.name, %error, ?delay, "subscriber pauses: its store can't be reached")
                        }
                        error => debug!(subscriber = %self.name, %error, ?delay, "subscriber reads again"),
                    }
                    errors = errors.saturating_add(1);
                    self.rest(delay).await;
                }
            }
        }
    }

    /// Handles what is there now, and returns the position that it has come to: for a projection that is built before
    /// anybody reads it, and for tests. What fails is tried again and parked as in [`run`](Self::run). It ends early where a
    /// stop is asked for, or a parked event blocks the subscriber.
    ///
    /// # Errors
    /// Any [`StoreError`]; what was handled before it stays handled. Dropping the future has the same effect.
    pub async fn catch_up(&self) -> Result<u64, StoreError> {
        let mut reading = Reading::default();
        while self.pass(&mut reading).await? && !self.stop.is_set() {}
        self.position().await
    }

    /// Returns the position up to which it has handled events; `0` before the first time.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn position(&self) -> Result<u64, StoreError> {
        Ok(self.store.begin().await?.checkpoint(&self.name).await?.unwrap_or(0))
    }
}
