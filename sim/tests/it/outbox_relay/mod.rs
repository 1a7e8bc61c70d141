//! The relay over the simulated store and broker.

mod contexts;
mod crashes;
mod dead;
mod dispatch;
mod kinds;
mod leaving;
mod outage;

use seaworthy_core::outbox::RelayConfig;

fn config() -> RelayConfig {
    RelayConfig::default()
}
