//! A hint that there is work, so that a poller need not wait for its next poll.

use std::{pin::pin, sync::Arc, time::Duration};

use futures_util::future::{Either, select};
use tokio::sync::Notify;

use crate::{ports::Clock, stop::Stop};

/// An in-process hint from whoever commits work to whoever polls for it. Clones reach the same poller.
///
/// A hint only shortens the wait: it is not stored, and it is lost in a crash. What polls must find everything by
/// polling alone. One hint wakes one of those that wait, and is kept for the next if none does.
#[derive(Clone, Debug, Default)]
pub struct Wake(Arc<Notify>);

/// Reason why a wait ended.
///
/// Closed on purpose: whoever waits goes on in another way after each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// A graceful stop was asked for.
    Stop,
    /// Somebody hinted that there is work.
    Hint,
    /// The time is over.
    Timeout,
}

impl Wake {
    /// A hint that nobody has given yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Hints that there is work: call it after a commit that left some.
    pub fn hint(&self) {
        self.0.notify_one();
    }

    /// Waits for a hint, for a stop, or for `duration` on the process's clock, whichever comes first; a stop wins over
    /// a hint and a hint over the time. Dropping the future ends the wait and loses no hint.
    pub async fn wait(&self, clock: &dyn Clock, stop: &Stop, duration: Duration) -> Woken {
        self.or(stop, clock.sleep(duration)).await
    }

    /// Waits as [`Wake::wait`] does, for a loop that holds nothing in memory meanwhile, see [`Clock::idle`].
    pub async fn idle(&self, clock: &dyn Clock, stop: &Stop, duration: Duration) -> Woken {
        self.or(stop, clock.idle(duration)).await
    }

    async fn or(&self, stop: &Stop, time: impl Future<Output = ()> + Unpin) -> Woken {
        let stopped = pin!(stop.wait());
        let hinted = pin!(self.0.notified());
        match select(select(stopped, hinted), time).await {
            Either::Left((Either::Left(_), _)) => Woken::Stop,
            Either::Left((Either::Right(_), _)) => Woken::Hint,
            Either::Right(_) => Woken::Timeout,
        }
    }
}

/// Waits for `duration`, or for a stop, in a loop that holds nothing in memory meanwhile. Whether it may go on.
pub(crate) async fn pause(clock: &dyn Clock, stop: &Stop, duration: Duration) -> bool {
    let stopped = pin!(stop.wait());
    matches!(select(stopped, clock.idle(duration)).await, Either::Right(_))
}

#[cfg(test)]
mod tests {
    use std::future;

    use async_trait::async_trait;

    use super::*;
    use crate::ports::Timestamp;

    /// A clock on which time never passes, or passes at once.
    struct Still(bool);

    #[async_trait]
    impl Clock for Still {
        fn now(&self) -> Timestamp {
            Timestamp::EPOCH
        }

        async fn sleep(&self, _: Duration) {
            if self.0 {
                future::pending::<()>().await;
            }
        }
    }

    #[tokio::test]
    async fn a_hint_given_before_the_wait_ends_it_once() {
        let (wake, stop) = (Wake::new(), Stop::new());
        wake.clone().hint();
        assert_eq!(wake.wait(&Still(true), &stop, Duration::from_secs(1)).await, Woken::Hint);
        assert_eq!(wake.wait(&Still(false), &stop, Duration::from_secs(1)).await, Woken::Timeout);
    }

    #[tokio::test]
    async fn a_stop_wins_over_a_hint() {
        let (wake, stop) = (Wake::new(), Stop::new());
        wake.hint();
        stop.set();
        assert_eq!(wake.wait(&Still(true), &stop, Duration::from_secs(1)).await, Woken::Stop);
        assert!(!pause(&Still(true), &stop, Duration::from_secs(1)).await);
    }
}
