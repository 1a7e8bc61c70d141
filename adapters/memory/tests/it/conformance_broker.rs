//! The simulated broker keeps every promise of the broker port.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use seaworthy_core::{
    conformance::{BrokerSubject, block_on},
    ports::Broker,
};
use seaworthy_memory::{
    ManualClock,
    broker::{BrokerConfig, MemoryBroker, Unroutable},
};

struct Memory(Arc<ManualClock>);

#[async_trait]
impl BrokerSubject for Memory {
    async fn fresh(&self) -> Arc<dyn Broker> {
        let config = BrokerConfig::default().unroutable(Unroutable::Reject);
        Arc::new(MemoryBroker::new(self.0.clone(), config))
    }

    async fn advance(&self, by: Duration) {
        self.0.advance(by);
    }

    fn visibility_timeout(&self) -> Duration {
        BrokerConfig::default().visibility_timeout
    }

    fn unroutable_topic(&self) -> Option<&str> {
        Some("nobody-listens")
    }

    fn payload_bytes_refused(&self) -> Option<usize> {
        Some(BrokerConfig::default().payload_bytes_max + 1)
    }
}

seaworthy_core::broker_conformance!(Memory(ManualClock::new()), block_on);
