//! The `shipping` service: makes a shipment of each request and reports back.

use async_trait::async_trait;
use seaworthy_core::{
    boot::Boot,
    inbox::{Consumer, ConsumerConfig, Handler, HandlerError, Handlers},
    message::Message,
    outbox::MessageBuilder,
    ports::{Expected, Ports, Transaction, draw_id},
    wake::Wake,
};
use serde::{Deserialize, Serialize};
use smol_str::{SmolStr, format_smolstr};

use super::{
    Own, Pieces, Settings, run_beside,
    stock::{Goods, encode},
    upkeep,
};
use crate::order_fulfillment::documents::{SHIPMENTS, Shipment};

/// The service, its consumer group, its store and the source of its messages.
pub const SHIPPING: &str = "shipping";
/// Topic of requests to this service.
pub const SHIPMENT_REQUESTS: &str = "shipment-requests";
/// Asks for a shipment.
pub const SHIPMENT_REQUESTED: &str = "shipment.requested";
/// Topic of what this service reports.
pub const SHIPMENT_EVENTS: &str = "shipments";
/// Reports that a shipment has a number.
pub const SHIPMENT_CREATED: &str = "shipment.created";
/// Reports that it has left. It comes after [`SHIPMENT_CREATED`], since both have the order as their key.
pub const SHIPMENT_DISPATCHED: &str = "shipment.dispatched";

/// One replica of the service: a consumer, a relay and upkeep.
pub async fn shipping(boot: Boot, pieces: Pieces, settings: Settings) {
    let ports = boot.ports;
    let wake = Wake::new();
    run_beside(
        &ports,
        [
            ("relay", (pieces.relay)(ports.clone(), settings.clone(), wake.clone())),
            ("upkeep", Box::pin(upkeep::keep_tidy(ports.clone(), settings, vec![SHIPPING.into()]))),
        ],
    );
    (pieces.shipping_consumer)(ports, wake).await;
}

/// The consumer as it should be: shipment, report and inbox row in one transaction, acknowledged after its commit.
pub async fn consume_with_inbox(ports: Ports, wake: Wake) {
    let handlers =
        Handlers::new().on(SHIPMENT_REQUESTED, CreateShipment(Own::of(&ports))).expect("one handler for one type");
    Consumer::of(&ports, SHIPPING, handlers, ConsumerConfig::of([SHIPMENT_REQUESTS]))
        .with_wake(wake)
        .run(ports.stop.clone())
        .await;
}

/// The payload of both reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShipmentReport {
    /// The order that was shipped.
    pub order: SmolStr,
    /// The shipment's number.
    pub shipment: SmolStr,
}

/// Makes a parcel with a number of its own, and stages the reports of it. Doing it twice makes two parcels: it is the
/// inbox that keeps it from happening.
#[derive(Clone)]
pub struct CreateShipment(pub Own);

#[async_trait]
impl Handler for CreateShipment {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        let Goods { order, sku, quantity } = message.json()?;
        let number = format_smolstr!("shipment-{}", draw_id(&*self.0.clock, &*self.0.random).simple());
        let shipment = Shipment { order: order.clone(), sku, quantity };
        tx.put(SHIPMENTS, &number, Expected::Absent, encode(&shipment)).await?;
        let report = ShipmentReport { order, shipment: number };
        for kind in [SHIPMENT_CREATED, SHIPMENT_DISPATCHED] {
            let message = MessageBuilder::new(SHIPPING, kind, report.order.clone())
                .topic(SHIPMENT_EVENTS)
                .caused_by(message)
                .json(&report)?
                .draw(&*self.0.clock, &*self.0.random);
            tx.stage(&message).await?;
        }
        Ok(())
    }
}
