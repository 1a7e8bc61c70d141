//! The same mistakes within a whole service: broken twins of `order_fulfillment`, each of which differs from it in one piece.

mod compensation_skipped_after_crash;
mod dual_write;
mod fresh_idempotency_key;
mod inbox;
mod relay;
mod stale_version_compensation;

use crate::order_fulfillment::OrderFulfillment;

/// The broken twins of the shop, in the order of the table of [`specimens`](super).
pub(super) fn twins() -> Vec<OrderFulfillment> {
    let sagas =
        [compensation_skipped_after_crash::twin(), stale_version_compensation::twin(), fresh_idempotency_key::twin()];
    let mut twins = vec![dual_write::twin()];
    twins.extend(relay::twins());
    twins.extend(inbox::twins());
    twins.extend(sagas);
    twins
}
