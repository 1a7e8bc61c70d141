use seaworthy_order_fulfillment::documents::OrderStatus;
use serde::Deserialize;

/// Part of an order's document that invariants read.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct OrderView {
    pub(crate) status: OrderStatus,
}

impl OrderView {
    pub(super) fn is_confirmed(self) -> bool {
        matches!(self.status, OrderStatus::Confirmed | OrderStatus::Shipped)
    }
}
