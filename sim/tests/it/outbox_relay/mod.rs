//! The relay over the simulated store and broker.

mod dead;
mod dispatch;
mod leaving;
mod outage;

use seaworthy_core::outbox::RelayConfig;

fn config() -> RelayConfig {
    RelayConfig::default()
}
