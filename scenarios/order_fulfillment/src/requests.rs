//! Requests of customers to `orders`.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::json::whole_number;

/// Asks for an order; the body is a [`PlaceOrder`].
pub const PLACE_ORDER: &str = "place_order";
/// Asks to call an order off; the body is its id.
pub const CANCEL_ORDER: &str = "cancel_order";

/// The body of a [`PLACE_ORDER`] request, and the input of the checkout that it starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceOrder {
    /// The business key: a repeated request names the same order.
    pub id: SmolStr,
    /// Article that is ordered.
    pub sku: SmolStr,
    /// Number of units.
    pub quantity: u32,
    /// Total price in US cents.
    pub amount_cents: u64,
    /// Number of the customer.
    #[serde(with = "whole_number")]
    pub customer: u64,
}
