//! Mistakes between the outbox and the broker.

pub mod batch_result_ignored;
pub mod mark_before_publish;
pub mod outage_burns_budget;

use crate::order_fulfillment::OrderFulfillment;

/// All specimens of this family.
pub fn all() -> Vec<OrderFulfillment> {
    vec![mark_before_publish::twin(), batch_result_ignored::twin(), outage_burns_budget::twin()]
}
