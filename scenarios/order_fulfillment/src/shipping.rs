//! The `shipping` service: makes a shipment of each request and reports back.

use seaworthy_core::{boot::Boot, wake::Wake};

use crate::{messages::SHIPPING, settings::Settings, upkeep, variant::Variant};

/// Runs one replica of the service until a stop is asked for: a consumer, a relay and upkeep. Dropping the future ends the
/// consumer; the relay and upkeep are tasks of the process and go on until it stops.
pub async fn shipping(boot: Boot, variant: Variant, settings: Settings) {
    let (ports, wake) = (boot.ports, Wake::new());
    ports.spawner.spawn("relay", (variant.relay)(ports.clone(), settings.clone(), wake.clone()));
    ports.spawn("upkeep", upkeep::keep_tidy(ports.clone(), settings.clone(), vec![SHIPPING.into()]));
    (variant.shipping_consumer)(ports, settings, wake).await;
}
