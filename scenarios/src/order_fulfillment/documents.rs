//! What the two services keep in their stores.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// Collection of orders, in the store of `orders`, by order id.
pub const ORDERS: &str = "order";
/// Collection of stock levels, in the store of `orders`, by article.
pub const STOCK: &str = "stock";
/// Collection of shipments, in the store of `shipping`, by shipment number.
pub const SHIPMENTS: &str = "shipments";

/// Where an order stands. It never leaves `cancelled` or `shipped`.
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

impl OrderStatus {
    /// Reads the status in the body of an order's document; `None` if the document is not one of ours.
    ///
    /// Invariants ask for it at every version of every order, four of them, so it reads no more than it must. Our own
    /// documents are compact JSON in which one field has this name, and a quote within a text is escaped: these bytes can
    /// only be that field.
    pub fn written_in(body: &[u8]) -> Option<Self> {
        const FIELD: &[u8] = br#""status":""#;
        let value = body.windows(FIELD.len()).position(|window| window == FIELD).map(|at| &body[at + FIELD.len()..]);
        match value.and_then(|value| value.split(|byte| *byte == b'"').next()) {
            Some(b"pending") => Some(Self::Pending),
            Some(b"confirmed") => Some(Self::Confirmed),
            Some(b"cancelled") => Some(Self::Cancelled),
            Some(b"shipped") => Some(Self::Shipped),
            _ => Self::in_other_writing(body),
        }
    }

    /// As [`written_in`](Self::written_in), for JSON that is written in another way.
    fn in_other_writing(body: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Head {
            status: OrderStatus,
        }
        serde_json::from_slice::<Head>(body).ok().map(|head| head.status)
    }
}

/// Units of one article. They only ever move between the three.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockLevel {
    /// Can be reserved. Signed, so that a mistake shows as a negative number instead of failing elsewhere.
    pub available: i64,
    /// Held for orders whose checkout is under way, or that are confirmed and not yet settled.
    pub reserved: i64,
    /// Sold.
    pub sold: i64,
}

/// A shipment: one parcel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shipment {
    /// The order that it carries.
    pub order: SmolStr,
    /// What is in it.
    pub sku: SmolStr,
    /// How many of it.
    pub quantity: u32,
}
