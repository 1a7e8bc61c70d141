use std::{
    pin::Pin,
    task::{Context, Poll, Waker},
};

use madsim::time::Sleep;

/// A wait in virtual time that sets one timer, however often it is polled.
///
/// madsim's own sets a new one at every poll, and every one of them wakes the task when it is due. A task that waits for
/// several things at once is polled for each.
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub(crate) struct Moment {
    sleep: Sleep,
    /// Whose timer is set. The timer keeps the waker, so that no other can have come to lie at the same place.
    told: Option<(usize, usize)>,
}

impl Moment {
    pub(super) fn new(sleep: Sleep) -> Self {
        Self { sleep, told: None }
    }
}

impl Future for Moment {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let whose = identity(cx.waker());
        if self.told == Some(whose) {
            return if self.sleep.is_elapsed() { Poll::Ready(()) } else { Poll::Pending };
        }
        let polled = Pin::new(&mut self.sleep).poll(cx);
        self.told = Some(whose);
        polled
    }
}

/// What tells one waker from all others that live at the same time.
fn identity(waker: &Waker) -> (usize, usize) {
    (waker.data().addr(), std::ptr::from_ref(waker.vtable()).addr())
}

#[cfg(test)]
mod tests {
    use std::{pin::pin, task::Poll, time::Duration};

    use futures_util::{FutureExt, future::select, poll, stream::FuturesUnordered, stream::StreamExt};
    use madsim::{
        runtime::Runtime,
        time::{TimeHandle, sleep},
    };

    use super::Moment;

    fn moment(ms: u64) -> Moment {
        Moment::new(TimeHandle::current().sleep(Duration::from_millis(ms)))
    }

    #[test]
    fn a_wait_that_is_polled_between_ends_when_it_is_due() {
        Runtime::with_seed_and_config(1, madsim::Config::default()).block_on(async {
            let start = TimeHandle::current().elapsed();
            let mut long = pin!(moment(50));
            for _ in 0..4 {
                select(&mut long, pin!(sleep(Duration::from_millis(10)))).await;
            }
            assert!(poll!(&mut long).is_pending());
            long.await;
            let took = TimeHandle::current().elapsed() - start;
            assert!(took >= Duration::from_millis(50) && took < Duration::from_millis(51), "{took:?}");
        });
    }

    #[test]
    fn a_wait_that_moves_to_another_waker_wakes_that_one() {
        Runtime::with_seed_and_config(1, madsim::Config::default()).block_on(async {
            let mut wait = moment(10);
            assert!(matches!(poll!(&mut wait), Poll::Pending));
            // Polled from here on under a waker of the set's own, and then in another task.
            let mut set = FuturesUnordered::from_iter([wait.boxed()]);
            assert!(poll!(set.next()).is_pending());
            madsim::task::spawn(async move { set.next().await }).await.expect("the task ends");
        });
    }
}
