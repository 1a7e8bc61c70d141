//! Mistakes where state and message should commit together.

pub mod dual_write;

use crate::order_fulfillment::OrderFulfillment;

/// All specimens of this family.
pub fn all() -> Vec<OrderFulfillment> {
    vec![dual_write::twin()]
}
