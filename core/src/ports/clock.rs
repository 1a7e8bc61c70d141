use std::{future::poll_fn, task::Poll, time::Duration};

use async_trait::async_trait;

use crate::time::Timestamp;

/// The process's clock.
///
/// Two processes' clocks may disagree and may step back: compare moments of one clock only. Leases are judged by the
/// store's own clock, never by this one.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The current moment on this process's clock.
    fn now(&self) -> Timestamp;

    /// Waits for at least `duration`. Dropping the future ends the wait.
    async fn sleep(&self, duration: Duration);

    /// Waits as [`Clock::sleep`] does, and says that the caller holds nothing in memory meanwhile: whatever it will do
    /// afterwards shows in a store or a broker already, or is upkeep that nobody waits for. The loops of this crate wait
    /// for work in this way.
    ///
    /// In production there is no difference. A simulation goes on until every [`Clock::sleep`] of a process has led to
    /// nothing, and does not wait for this one. A loop over tables of one's own uses [`Clock::sleep`], unless the
    /// simulation is told by other means what is pending in them.
    async fn idle(&self, duration: Duration) {
        self.sleep(duration).await;
    }

    /// Waits as [`Clock::sleep`] does, beside a piece of work that has so long and no longer. As a rule the work is done
    /// first and this is dropped.
    ///
    /// In production there is no difference. A simulation forgets a limit that was dropped, and spends nothing on it.
    async fn limit(&self, duration: Duration) {
        self.sleep(duration).await;
    }

    /// Lets other tasks of the thread go on, and timers that are due, before the caller does. Loops call it between two
    /// pieces of work that follow each other without a wait: a store or a broker in the process may never have one wait for
    /// anything, and a loop over them would have its thread for itself.
    ///
    /// Unless a clock knows better, the caller is polled again at once. In a simulation nothing has to be let on, since time
    /// stands still while something is ready.
    async fn yield_now(&self) {
        let mut yielded = false;
        poll_fn(|context| {
            if std::mem::replace(&mut yielded, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}

#[cfg(test)]
mod tests {
    use std::{
        pin::pin,
        task::{Context, Waker},
    };

    use super::*;

    struct Still;

    #[async_trait]
    impl Clock for Still {
        fn now(&self) -> Timestamp {
            Timestamp::EPOCH
        }

        async fn sleep(&self, _: Duration) {}
    }

    #[test]
    fn whoever_yields_is_polled_once_more() {
        let mut yields = pin!(Still.yield_now());
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(yields.as_mut().poll(&mut context), Poll::Pending);
        assert_eq!(yields.as_mut().poll(&mut context), Poll::Ready(()));
    }
}
