//! A clock of virtual time, which a test may set wrong.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use seaworthy_core::ports::{Clock, Timestamp};
use tokio::time::Instant;

/// Shows the epoch when it is made; its wall may step, its sleeps do not notice.
pub(crate) struct VirtualClock {
    start: Instant,
    steps_micros: AtomicI64,
}

impl VirtualClock {
    pub(crate) fn new() -> Self {
        Self { start: Instant::now(), steps_micros: AtomicI64::new(0) }
    }

    /// Sets the wall ahead.
    pub(crate) fn set_ahead(&self, by: Duration) {
        let by = i64::try_from(by.as_micros()).expect("a step of a test");
        self.steps_micros.fetch_add(by, Ordering::SeqCst);
    }

    /// Sets the wall back.
    pub(crate) fn set_back(&self, by: Duration) {
        let by = i64::try_from(by.as_micros()).expect("a step of a test");
        self.steps_micros.fetch_sub(by, Ordering::SeqCst);
    }
}

#[async_trait]
impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        let micros = i64::try_from(self.start.elapsed().as_micros()).expect("a time of a test");
        Timestamp::from_micros(micros + self.steps_micros.load(Ordering::SeqCst))
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
