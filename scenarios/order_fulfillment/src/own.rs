use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use seaworthy_core::ports::{Clock, Ports, Random, Timestamp};

/// A process's own clock and randomness, for ids and times of what it makes.
#[derive(Clone)]
pub struct Own {
    /// Its clock.
    pub clock: Arc<dyn Clock>,
    /// Its randomness.
    pub random: Arc<dyn Random>,
}

impl Own {
    /// Those of a process with these ports.
    pub fn of(ports: &Ports) -> Self {
        Self { clock: ports.clock.clone(), random: ports.random.clone() }
    }

    /// Those of no process: time stands still and dice show zero. For looking at a definition, not for running it.
    pub fn of_nobody() -> Self {
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
