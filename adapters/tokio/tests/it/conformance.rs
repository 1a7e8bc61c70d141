//! The conformance suite of the broker port, on the in-process broker under tokio's paused time.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use seaworthy_core::{
    conformance::BrokerSubject,
    ports::{Broker, Clock, Timestamp},
};
use seaworthy_tokio::{LocalBroker, Unroutable};
use tokio::time::Instant;

/// A clock that follows tokio's paused time.
struct PausedClock(Instant);

#[async_trait]
impl Clock for PausedClock {
    fn now(&self) -> Timestamp {
        Timestamp::EPOCH + self.0.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

struct InProcess;

#[async_trait]
impl BrokerSubject for InProcess {
    async fn fresh(&self) -> Arc<dyn Broker> {
        let config = LocalBroker::config().visibility_timeout(self.visibility_timeout()).payload_bytes_max(1_000);
        let config = config.unroutable(Unroutable::Reject);
        Arc::new(LocalBroker::new(Arc::new(PausedClock(Instant::now())), config))
    }

    async fn advance(&self, by: Duration) {
        tokio::time::sleep(by).await;
    }

    fn unroutable_topic(&self) -> Option<&str> {
        Some("nobody-listens")
    }

    fn payload_bytes_refused(&self) -> Option<usize> {
        Some(1_001)
    }
}

seaworthy_core::broker_conformance!(InProcess, |check| {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("a runtime").block_on(check)
});
