use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use seaworthy_core::ports::{Clock, Timestamp};
use tokio::sync::oneshot;

/// A clock that stands still until a test moves it, and then wakes whoever has slept long enough.
///
/// Cancelling a sleep forgets it.
///
/// ```
/// use std::time::Duration;
/// use seaworthy_core::ports::{Clock, Timestamp};
/// use seaworthy_memory::ManualClock;
///
/// let clock = ManualClock::new();
/// clock.advance(Duration::from_secs(30));
/// assert_eq!(clock.now(), Timestamp::EPOCH + Duration::from_secs(30));
/// ```
#[derive(Debug, Default)]
pub struct ManualClock(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    now: Timestamp,
    sleepers: BTreeMap<Timestamp, Vec<oneshot::Sender<()>>>,
}

impl ManualClock {
    /// A clock that shows [`Timestamp::EPOCH`], shared as the ports take it.
    pub fn new() -> Arc<Self> {
        Self::at(Timestamp::EPOCH)
    }

    /// A clock that shows `now`.
    pub fn at(now: Timestamp) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Inner { now, sleepers: BTreeMap::new() })))
    }

    /// Moves the clock and wakes whose time has come.
    pub fn advance(&self, by: Duration) {
        let due = {
            let mut inner = self.inner();
            inner.now = inner.now + by;
            let next = inner.now + Duration::from_micros(1);
            let later = inner.sleepers.split_off(&next);
            std::mem::replace(&mut inner.sleepers, later)
        };
        for sleeper in due.into_values().flatten() {
            // Whoever has given up sleeping does not listen any more.
            let _ = sleeper.send(());
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.inner().now
    }

    async fn sleep(&self, duration: Duration) {
        if duration.is_zero() {
            return;
        }
        let woken = {
            let mut inner = self.inner();
            let (wake, woken) = oneshot::channel();
            let at = inner.now + duration;
            inner.sleepers.entry(at).or_default().push(wake);
            woken
        };
        let _ = woken.await;
    }
}
