//! A shipment: made in the transaction that remembers its request, and reported from there.

use async_trait::async_trait;
use seaworthy_core::{
    inbox::{Consumer, Handler, HandlerError, Handlers},
    message::{Message, MessageBuilder},
    ports::{Expected, Ports, Transaction, draw_id},
    wake::Wake,
};
use smol_str::format_smolstr;

use crate::{
    clock_and_random::ClockAndRandom,
    documents::{SHIPMENT_COLLECTION, Shipment},
    json::encode,
    messages::{
        Goods, SHIPMENT_CREATED, SHIPMENT_DISPATCHED, SHIPMENT_EVENTS, SHIPMENT_REQUESTED, SHIPMENT_REQUESTS, SHIPPING,
        ShipmentReport,
    },
    settings::Settings,
};

/// Makes a shipment of each request until a stop is asked for: shipment, report and inbox row in one transaction,
/// acknowledged after its commit.
pub async fn consume(ports: Ports, settings: Settings, wake: Wake) {
    let handlers = Handlers::builder()
        .on(SHIPMENT_REQUESTED, CreateShipment(ClockAndRandom::from_ports(&ports)))
        .build()
        .expect("one handler for one type");
    Consumer::new(&ports, SHIPPING, handlers, settings.consumer([SHIPMENT_REQUESTS])).wake(wake).run().await;
}

/// Makes a parcel with a number of its own, and stages the reports of it. Doing it twice makes two parcels: it is the
/// inbox that keeps it from happening.
#[derive(Clone)]
pub struct CreateShipment(pub ClockAndRandom);

#[async_trait]
impl Handler for CreateShipment {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        let Goods { order, sku, quantity } = message.json()?;
        let number = format_smolstr!("shipment-{}", draw_id(&*self.0.clock, &*self.0.random).simple());
        let shipment = Shipment { order: order.clone(), sku, quantity };
        tx.put(SHIPMENT_COLLECTION, &number, Expected::Absent, encode(&shipment)).await?;
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
