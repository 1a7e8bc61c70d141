//! The consumers of the specimens in `shipping`.

use futures_util::future::BoxFuture;
use seaworthy_core::{
    inbox::HandlerError,
    ports::{Delivery, Ports},
    wake::Wake,
};
use seaworthy_order_fulfillment::{
    ClockAndRandom, Variant,
    messages::{SHIPMENT_REQUESTS, SHIPPING},
    shipment::CreateShipment,
};

use crate::{
    order_fulfillment::OrderFulfillment,
    specimens::{
        by_hand::{self, Acknowledge},
        inbox::{
            ack_before_commit::handle_once, effect_then_mark::effect_then_mark, mark_then_effect::mark_then_effect,
        },
    },
};

/// Returns the broken twins.
pub(super) fn twins() -> [OrderFulfillment; 3] {
    let effect_first = OrderFulfillment::twin(
        "effect-then-mark",
        "the shipment is made in one transaction, the inbox row written in the next",
        Variant {
            shipping_consumer: |ports, _, wake| {
                consume(ports, wake, Acknowledge::Handled, |ports, delivery| async move {
                    effect_then_mark(&ports, SHIPPING, create_shipment(&ports), delivery).await
                })
            },
            ..Variant::default()
        },
    );
    let marked_first = OrderFulfillment::twin(
        "mark-then-effect",
        "the inbox row is written in one transaction, the shipment made in the next",
        Variant {
            shipping_consumer: |ports, _, wake| {
                consume(ports, wake, Acknowledge::Handled, |ports, delivery| async move {
                    mark_then_effect(&ports, SHIPPING, create_shipment(&ports), delivery).await
                })
            },
            ..Variant::default()
        },
    );
    let acknowledged_first = OrderFulfillment::twin(
        "ack-before-commit",
        "the broker hears of success before there is any",
        Variant {
            shipping_consumer: |ports, _, wake| {
                consume(ports, wake, Acknowledge::First, |ports, delivery| async move {
                    handle_once(&ports, SHIPPING, create_shipment(&ports), delivery).await
                })
            },
            ..Variant::default()
        },
    );
    [effect_first, marked_first, acknowledged_first]
}

fn create_shipment(ports: &Ports) -> CreateShipment {
    CreateShipment(ClockAndRandom::from_ports(ports))
}

fn consume<F>(
    ports: Ports,
    wake: Wake,
    acknowledge: Acknowledge,
    handle: impl Fn(Ports, Delivery) -> F + Send + Sync + 'static,
) -> BoxFuture<'static, ()>
where
    F: Future<Output = Result<(), HandlerError>> + Send + 'static,
{
    Box::pin(by_hand::consume(ports, (SHIPPING, SHIPMENT_REQUESTS), wake, acknowledge, handle))
}
