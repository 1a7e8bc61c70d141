//! The request for the shipment is published after the commit, without an outbox.

use async_trait::async_trait;
use seaworthy_core::{
    message::MessageBuilder,
    ports::Ports,
    saga::{Action, DriveOutcome},
};
use seaworthy_order_fulfillment::{
    Variant,
    checkout::{ChargeCard, ReleaseStock, ReserveStock, checkout_with},
    json::encode,
    messages::{ORDERS_SERVICE, SHIPMENT_REQUESTED, SHIPMENT_REQUESTS},
    order::goods,
    requests::PlaceOrder,
};

use crate::order_fulfillment::OrderFulfillment;

/// Returns the broken twin.
pub(super) fn twin() -> OrderFulfillment {
    OrderFulfillment::twin(
        "dual-write",
        "the request for the shipment is published after the commit, without an outbox",
        Variant {
            checkout: |sources| checkout_with(sources, (ReserveStock, ReleaseStock), ChargeCard, PublishLater),
            after_checkout: |ports, order, outcome| Box::pin(publish_request(ports, order, outcome)),
            ..Variant::default()
        },
    )
    // What no transaction staged is a phantom as such. Who writes this has no outbox to compare with: the loss itself has
    // to be found.
    .without(&["phantom-event"])
}

/// Stages nothing: the message is published once the checkout is done.
struct PublishLater;

#[async_trait]
impl Action<PlaceOrder> for PublishLater {}

async fn publish_request(ports: Ports, order: PlaceOrder, outcome: DriveOutcome) {
    if outcome != DriveOutcome::Completed {
        return;
    }
    let request = MessageBuilder::new(ORDERS_SERVICE, SHIPMENT_REQUESTED, order.id.clone())
        .topic(SHIPMENT_REQUESTS)
        .data("application/json", encode(&goods(&order)))
        .draw(&*ports.clock, &*ports.random);
    let _ = ports.broker.publish(&[request]).await;
}
