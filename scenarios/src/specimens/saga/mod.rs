//! Mistakes in the steps of a saga and their compensations.

pub mod compensation_skipped_after_crash;
pub mod fresh_idempotency_key;
pub mod stale_version_compensation;

use crate::order_fulfillment::OrderFulfillment;

/// All specimens of this family.
pub fn all() -> Vec<OrderFulfillment> {
    vec![compensation_skipped_after_crash::twin(), stale_version_compensation::twin(), fresh_idempotency_key::twin()]
}
