//! Messages between the two contexts. The subject of each is the id of its order, and so is its key.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// The context of orders: its consumer group, its store, the topic of its events and the source of its messages.
pub const ORDERS: &str = "orders";
/// The context of stock: the same.
pub const INVENTORY: &str = "inventory";

/// Event of `orders`: there is a new order, of these [`Goods`].
pub const ORDER_CREATED: &str = "order.created";
/// Event of `orders`: the order will be delivered.
pub const ORDER_CONFIRMED: &str = "order.confirmed";
/// Event of `orders`: its customer has called the order off.
pub const ORDER_CANCELLED: &str = "order.cancelled";
/// Event of `inventory`: all that an order wants is reserved for it.
pub const INVENTORY_RESERVED: &str = "inventory.reserved";
/// Event of `inventory`: nothing is reserved for an order, for the reason in its [`Answer`].
pub const RESERVATION_FAILED: &str = "inventory.reservation_failed";

/// Topic of what `inventory` is asked to do.
pub const RESERVATIONS: &str = "reservations";
/// Command to `inventory`: reserve these [`Goods`]. It is answered.
pub const RESERVATION_REQUESTED: &str = "reservation.requested";
/// Command to `inventory`: what is reserved for this order is sold.
pub const RESERVATION_SETTLED: &str = "reservation.settled";
/// Command to `inventory`: give back what is reserved for this order, and reserve nothing for it any more.
pub const RESERVATION_RELEASED: &str = "reservation.released";
/// Answer of `inventory` to [`RESERVATION_REQUESTED`]; the content is an [`Answer`].
pub const RESERVATION_ANSWERED: &str = "reservation.answered";

/// The consumer groups of the choreographed variant and their topics.
pub const EVENTS: [(&str, &[&str]); 2] = [(ORDERS, &[INVENTORY]), (INVENTORY, &[ORDERS])];
/// The consumer groups of the orchestrated variant and their topics.
pub const COMMANDS: [(&str, &[&str]); 2] = [(ORDERS, &[INVENTORY]), (INVENTORY, &[RESERVATIONS])];

/// Some units of an article.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Article, by its number in the catalogue.
    pub sku: SmolStr,
    /// Number of units.
    pub units: u32,
}

/// Goods that an order takes from the stock: all of them, or none. Lines may name an article more than once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Goods {
    /// Id of the order.
    pub order: SmolStr,
    /// Articles and units.
    pub lines: Vec<Line>,
}

/// Result of a wish for goods.
///
/// Closed on purpose: both sides have agreed on it, and a third answer is another message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "result")]
pub enum Answer {
    /// All of them are reserved.
    Success,
    /// None of them is.
    Failed {
        /// Reason, for the customer.
        reason: SmolStr,
    },
}
