//! The signal for a graceful stop.

use std::{
    future::poll_fn,
    pin::pin,
    ptr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
};

use tokio::sync::Notify;

/// A flag that is set once, which loops look at between two units of work and while they wait.
///
/// ```
/// use seaworthy_core::stop::Stop;
/// let stop = Stop::new();
/// assert!(!stop.is_set());
/// stop.clone().set();
/// assert!(stop.is_set());
/// ```
#[derive(Clone, Debug)]
pub struct Stop(Arc<Signal>);

#[derive(Debug)]
struct Signal {
    is_set: AtomicBool,
    waiting: Notify,
}

impl Stop {
    /// A signal that is not set.
    pub fn new() -> Self {
        Self(Arc::new(Signal { is_set: AtomicBool::new(false), waiting: Notify::new() }))
    }

    /// Asks everything that holds a clone to stop.
    pub fn set(&self) {
        self.0.is_set.store(true, Ordering::SeqCst);
        self.0.waiting.notify_waiters();
    }

    /// Returns `true` once a stop was asked for.
    pub fn is_set(&self) -> bool {
        self.0.is_set.load(Ordering::SeqCst)
    }

    /// Waits until a stop is asked for. Dropping the future ends the wait.
    pub async fn wait(&self) {
        let mut told = pin!(self.0.waiting.notified());
        // Address of the waker that stands in line. The line keeps it, so no other can have come to lie at the same place.
        let mut in_line = None;
        poll_fn(|cx| {
            let waker = (cx.waker().data().addr(), ptr::from_ref(cx.waker().vtable()).addr());
            // Mostly somebody else's turn has come in the same task: there is no need to go to the line once more.
            if in_line != Some(waker) {
                // In line before it looks, or a stop between the two would go unheard.
                if told.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(());
                }
                in_line = Some(waker);
            }
            if self.is_set() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

impl Default for Stop {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::AtomicU32,
        task::{Context, Wake, Waker},
    };

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicU32);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn whoever_waited_last_is_woken_once_however_often_the_wait_was_polled() {
        let (stop, tasks) = (Stop::new(), [Arc::new(Woken::default()), Arc::new(Woken::default())]);
        let mut wait = pin!(stop.wait());
        for task in [&tasks[0], &tasks[0], &tasks[1], &tasks[1]] {
            assert!(wait.as_mut().poll(&mut Context::from_waker(&Waker::from(task.clone()))).is_pending());
        }
        stop.set();
        assert_eq!(
            tasks.each_ref().map(|task| task.0.load(Ordering::SeqCst)),
            [0, 1],
            "the wait moved to another task"
        );
        assert!(wait.poll(&mut Context::from_waker(Waker::noop())).is_ready());
    }

    #[test]
    fn a_wait_that_begins_after_the_stop_is_over_at_once() {
        let stop = Stop::new();
        stop.set();
        assert!(pin!(stop.wait()).poll(&mut Context::from_waker(Waker::noop())).is_ready());
    }
}
