//! Messages between the two services.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// The service `orders`: its consumer group, its store, the topic of its events and the source of its messages.
pub const ORDERS_SERVICE: &str = "orders";
/// Type of the message that an order was paid for and will be sent; the content is its [`Goods`].
pub const ORDER_CONFIRMED: &str = "order.confirmed";

/// The service `shipping`: its consumer group, its store and the source of its messages.
pub const SHIPPING: &str = "shipping";
/// Topic of requests to `shipping`.
pub const SHIPMENT_REQUESTS: &str = "shipment-requests";
/// Asks for a shipment of the [`Goods`] that are its content.
pub const SHIPMENT_REQUESTED: &str = "shipment.requested";
/// Topic of what `shipping` reports.
pub const SHIPMENT_EVENTS: &str = "shipments";
/// Reports that a shipment has a number; the content is a [`ShipmentReport`].
pub const SHIPMENT_CREATED: &str = "shipment.created";
/// Reports that it has left. It comes after [`SHIPMENT_CREATED`], since both have the order as their key.
pub const SHIPMENT_DISPATCHED: &str = "shipment.dispatched";

/// The consumer groups and their topics. A broker that keeps nothing for a group it does not know has to know them before
/// the first message.
pub const GROUPS: [(&str, &[&str]); 2] =
    [(ORDERS_SERVICE, &[ORDERS_SERVICE, SHIPMENT_EVENTS]), (SHIPPING, &[SHIPMENT_REQUESTS])];

/// Goods that an order takes from the stock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Goods {
    /// Id of the order.
    pub order: SmolStr,
    /// Article to take.
    pub sku: SmolStr,
    /// Number of units.
    pub quantity: u32,
}

/// Content of both reports of a shipment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShipmentReport {
    /// The order that was shipped.
    pub order: SmolStr,
    /// The shipment's number.
    pub shipment: SmolStr,
}
