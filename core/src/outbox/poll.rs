use std::sync::Arc;

use tracing::{error, warn};

use super::{PassReport, RelayConfig};
use crate::{
    ports::{Clock, Random, StoreError},
    stop::Stop,
    wake::{Wake, Woken, pause},
};

/// Pauses between the passes of a relay: none while something moves, longer and longer ones while nothing does.
pub(super) struct Polling {
    config: RelayConfig,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    wake: Wake,
    stop: Stop,
    /// Passes in a row that found nothing.
    idle: u32,
    /// Passes in a row that the store failed.
    errors: u32,
}

impl Polling {
    pub(super) fn new(
        config: RelayConfig,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        wake: Wake,
        stop: Stop,
    ) -> Self {
        Self { config, clock, random, wake, stop, idle: 0, errors: 0 }
    }

    /// Rests as long as the outcome of the last pass asks for, a hint cuts it short, or a stop is asked for.
    pub(super) async fn pause(&mut self, pass: Result<PassReport, StoreError>) {
        let report = match pass {
            Ok(report) => report,
            Err(error) => {
                let delay = self.config.store_backoff.delay(self.errors, &*self.random);
                if error.is_retryable() {
                    warn!(%error, ?delay, "relay pauses: its store did not answer");
                } else {
                    error!(%error, ?delay, "relay pauses: its store refuses, and trying again will hardly help");
                }
                self.errors = self.errors.saturating_add(1);
                pause(&*self.clock, &self.stop, delay).await;
                return;
            }
        };
        self.errors = 0;
        if report.wants_more() {
            self.idle = 0;
            self.clock.yield_now().await;
        } else {
            // What backed off comes back after its own delay, so polling starts from the shortest wait again.
            let idle = if report.claimed > 0 { 0 } else { self.idle };
            let delay = self.config.poll.delay(idle, &*self.random);
            self.idle = match self.wake.idle(&*self.clock, &self.stop, delay).await {
                Woken::Hint => 0,
                Woken::Stop | Woken::Timeout => idle.saturating_add(1),
            };
        }
    }
}
