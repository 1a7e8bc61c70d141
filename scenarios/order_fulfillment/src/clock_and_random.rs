use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use seaworthy_core::ports::{Clock, Ports, Random, Timestamp};

/// A process's own clock and randomness, for ids and times of what it makes.
#[derive(Clone)]
pub struct ClockAndRandom {
    /// Clock of the process.
    pub clock: Arc<dyn Clock>,
    /// Randomness of the process.
    pub random: Arc<dyn Random>,
}

impl ClockAndRandom {
    /// Returns the clock and the randomness of a process with these ports.
    pub fn from_ports(ports: &Ports) -> Self {
        Self { clock: ports.clock.clone(), random: ports.random.clone() }
    }

    /// Returns a clock that stands still and dice that show zero, to inspect a definition that is not run.
    pub fn dummy() -> Self {
        Self { clock: Arc::new(Nobody), random: Arc::new(Nobody) }
    }
}

struct Nobody;

#[async_trait]
impl Clock for Nobody {
    fn now(&self) -> Timestamp {
        Timestamp::EPOCH
    }

    async fn sleep(&self, _: Duration) {
        std::future::pending::<()>().await;
    }
}

impl Random for Nobody {
    fn next_u64(&self) -> u64 {
        0
    }
}
