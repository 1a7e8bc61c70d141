use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use seaworthy_core::ports::{Clock, Timestamp};

/// The operating system's clock, and tokio's timer.
///
/// The clock is the wall clock: it may step when the machine's time is set. Sleeps are measured by a monotonic clock and
/// do not notice.
#[derive(Clone, Copy, Debug, Default)]
pub struct TokioClock;

#[async_trait]
impl Clock for TokioClock {
    #[expect(clippy::disallowed_methods, reason = "this is the production clock, which the ban points to")]
    fn now(&self) -> Timestamp {
        let micros = |duration: Duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Timestamp::from_micros(match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => micros(since),
            Err(before) => -micros(before.duration()),
        })
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    async fn limit(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    async fn yield_now(&self) {
        tokio::task::yield_now().await;
    }
}
