//! The relays of the specimens in both services.

use seaworthy_order_fulfillment::Variant;

use crate::{
    order_fulfillment::OrderFulfillment,
    specimens::{
        by_hand,
        relay::{
            batch_result_ignored::settle_the_batch, mark_before_publish::mark_and_publish,
            outage_burns_budget::publish_and_count,
        },
    },
};

/// Returns the broken twins.
pub(super) fn twins() -> [OrderFulfillment; 3] {
    let marked_first = OrderFulfillment::twin(
        "mark-before-publish",
        "the relay marks rows as sent before the broker has them",
        Variant {
            relay: |ports, settings, wake| Box::pin(by_hand::relay(ports, settings.relay_poll, wake, mark_and_publish)),
            ..Variant::default()
        },
    );
    let batch = OrderFulfillment::twin(
        "batch-result-ignored",
        "the relay takes the broker's word on the batch for its word on each message",
        Variant {
            relay: |ports, settings, wake| Box::pin(by_hand::relay(ports, settings.relay_poll, wake, settle_the_batch)),
            ..Variant::default()
        },
    );
    let outage = OrderFulfillment::twin(
        "outage-burns-budget",
        "the relay gives rows up because the broker was down",
        Variant {
            relay: |ports, settings, wake| {
                Box::pin(by_hand::relay(ports, settings.relay_poll, wake, publish_and_count))
            },
            ..Variant::default()
        },
    );
    [marked_first, batch, outage]
}
