//! Mistakes between the broker and the effect of a message.

pub mod ack_before_commit;
pub mod effect_then_mark;
pub mod mark_then_effect;

use crate::order_fulfillment::OrderFulfillment;

/// All specimens of this family.
pub fn all() -> Vec<OrderFulfillment> {
    vec![effect_then_mark::twin(), mark_then_effect::twin(), ack_before_commit::twin()]
}
