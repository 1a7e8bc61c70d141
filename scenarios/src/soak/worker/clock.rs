use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use seaworthy_core::ports::{Clock, Timestamp};
use seaworthy_tokio::TokioClock;

/// This machine's clock, as if somebody had set it back.
#[derive(Debug)]
pub(super) struct SetBackClock(AtomicI64);

impl SetBackClock {
    /// A clock that is behind by so many milliseconds.
    pub(super) fn behind(ms: u64) -> Self {
        Self(AtomicI64::new(micros(ms)))
    }

    /// Sets it back, further than it is.
    pub(super) fn set_back(&self, ms: u64) {
        self.0.fetch_add(micros(ms), Ordering::SeqCst);
    }
}

fn micros(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX).saturating_mul(1_000)
}

#[async_trait]
impl Clock for SetBackClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(TokioClock.now().as_micros().saturating_sub(self.0.load(Ordering::SeqCst)))
    }

    async fn sleep(&self, duration: Duration) {
        TokioClock.sleep(duration).await;
    }
}
