//! Documents of the two services.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// Collection of orders, in the store of `orders`, by order id.
pub const ORDER_COLLECTION: &str = "order";
/// Collection of stock levels, in the store of `orders`, by article.
pub const STOCK_COLLECTION: &str = "stock";
/// Collection of shipments, in the store of `shipping`, by shipment number.
pub const SHIPMENT_COLLECTION: &str = "shipments";

/// Status of an order. It never leaves `cancelled` or `shipped`.
///
/// Closed on purpose: whoever takes an order further decides on each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// Placed; its checkout is under way.
    Pending,
    /// Paid for and promised.
    Confirmed,
    /// Called off; nothing was taken, or all was given back.
    Cancelled,
    /// On its way to the customer.
    Shipped,
}

/// Units of one article. They only ever move between the three.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockLevel {
    /// Can be reserved. Signed, so that a mistake shows as a negative number instead of failing elsewhere.
    pub available: i64,
    /// Held for orders whose checkout is under way, or that are confirmed and not yet settled.
    pub reserved: i64,
    /// Units that were sold.
    pub sold: i64,
}

/// A shipment: one parcel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shipment {
    /// The order that it carries.
    pub order: SmolStr,
    /// Article in the parcel.
    pub sku: SmolStr,
    /// Number of units.
    pub quantity: u32,
}
