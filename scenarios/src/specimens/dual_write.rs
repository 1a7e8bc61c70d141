//! The classic: the state is committed, and then the message is published. A crash between the two loses it, and so does
//! an error that nobody looks at.

use async_trait::async_trait;
use seaworthy_core::{
    outbox::MessageBuilder,
    ports::Ports,
    saga::{Action, Definition, DefinitionError, Rest, SagaBuilder},
};

use crate::order_fulfillment::{
    OrderFulfillment, PlaceOrder,
    process::{
        Own, Pieces,
        checkout::{
            CHECKOUT, CancelOrder, ChargeCard, ConfirmOrder, DEADLINE, OpenOrder, RefundCharge, ReleaseStock,
            ReserveStock,
        },
        order::{ORDERS_SERVICE, goods, repository},
        shipping::{SHIPMENT_REQUESTED, SHIPMENT_REQUESTS},
        stock::encode,
    },
};

/// The specimen.
pub fn twin() -> OrderFulfillment {
    OrderFulfillment::twin(
        "dual-write",
        "the request for the shipment is published after the commit, without an outbox",
        Pieces {
            checkout,
            after_checkout: |ports, order, rest| Box::pin(publish_request(ports, order, rest)),
            ..Pieces::default()
        },
    )
    // What no transaction staged is a phantom as such. Who writes this has no outbox to compare with: the loss itself has
    // to be found.
    .without(&["phantom-event"])
}

fn checkout(own: &Own) -> Result<Definition<PlaceOrder>, DefinitionError> {
    let orders = repository(own);
    SagaBuilder::new(CHECKOUT, 1)
        .deadline(DEADLINE)
        .compensatable("open_order", OpenOrder(orders.clone()), CancelOrder(orders.clone()))
        .compensatable("reserve_stock", ReserveStock, ReleaseStock)
        .compensatable("charge_card", ChargeCard, RefundCharge)
        .pivot("confirm_order", ConfirmOrder(orders))
        .retriable("request_shipment", PublishLater)
        .build()
}

/// Stages nothing: the message is published once the checkout is done.
struct PublishLater;

#[async_trait]
impl Action<PlaceOrder> for PublishLater {}

async fn publish_request(ports: Ports, order: PlaceOrder, rest: Rest) {
    if rest != Rest::Completed {
        return;
    }
    let request = MessageBuilder::new(ORDERS_SERVICE, SHIPMENT_REQUESTED, order.id.clone())
        .topic(SHIPMENT_REQUESTS)
        .data("application/json", encode(&goods(&order)))
        .draw(&*ports.clock, &*ports.random);
    let _ = ports.broker.publish(&[request]).await;
}
