//! What tests of the simulated store and broker need: a clock that a test moves, and a way to run a future.

// Each test crate that includes this file uses a part of it.
#![allow(dead_code)]

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use seaworthy_core::ports::{Clock, Timestamp};
use tokio::sync::oneshot;

/// A clock that stands still until it is moved.
#[derive(Default)]
pub(crate) struct ManualClock(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    now: Timestamp,
    sleepers: BTreeMap<Timestamp, Vec<oneshot::Sender<()>>>,
}

impl ManualClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Moves the clock and wakes whose time has come.
    pub(crate) fn advance(&self, by: Duration) {
        let mut inner = self.0.lock().expect("no test panics with the clock in hand");
        inner.now = inner.now + by;
        let next = inner.now + Duration::from_micros(1);
        let later = inner.sleepers.split_off(&next);
        for sleeper in std::mem::replace(&mut inner.sleepers, later).into_values().flatten() {
            let _ = sleeper.send(());
        }
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.0.lock().expect("no test panics with the clock in hand").now
    }

    async fn sleep(&self, duration: Duration) {
        let woken = {
            let mut inner = self.0.lock().expect("no test panics with the clock in hand");
            let (wake, woken) = oneshot::channel();
            let at = inner.now + duration;
            inner.sleepers.entry(at).or_default().push(wake);
            woken
        };
        let _ = woken.await;
    }
}

/// Runs a future to its end on this thread.
///
/// A future that is never woken again is a deadlock, which a test has to name rather than sit out.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let woken = Arc::new(Woken(true.into()));
    let waker = std::task::Waker::from(Arc::clone(&woken));
    let mut task = std::task::Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    while woken.0.swap(false, std::sync::atomic::Ordering::AcqRel) {
        if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut task) {
            return output;
        }
    }
    panic!("everything waits and nothing would wake it");
}

struct Woken(std::sync::atomic::AtomicBool);

impl std::task::Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, std::sync::atomic::Ordering::Release);
    }
}
