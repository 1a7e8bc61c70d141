//! Workload of the scenario: orders, at their moments, against a stock.

use std::{collections::BTreeMap, ops::Range, time::Duration};

use seaworthy_order_fulfillment::{json::whole_number, requests::PlaceOrder};
use seaworthy_sim::scenario::{Draw, Workload};
use serde::{Deserialize, Serialize};
use smol_str::{SmolStr, format_smolstr};

use super::provider::CARD_LIMIT_CENTS;

/// One order, as the customer sends it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedOrder {
    /// Time at which it is sent, in milliseconds since the start of the run.
    pub at_ms: u64,
    /// The business key: a repeated request names the same order.
    pub id: SmolStr,
    /// Article that is ordered.
    pub sku: SmolStr,
    /// Number of units.
    pub quantity: u32,
    /// Total price in US cents. Zero is a gift, and is charged like any other amount.
    pub amount_cents: u64,
    /// Number of the customer.
    #[serde(with = "whole_number")]
    pub customer: u64,
    /// Time after ordering at which the customer wants to cancel, in milliseconds; `None` for a customer who does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_after_ms: Option<u64>,
}

/// A workload: the stock at the start and the orders in the sequence in which they are sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Orders {
    /// Units of each article in stock before the first order.
    pub stock: BTreeMap<SmolStr, u64>,
    /// The orders, earliest first.
    pub orders: Vec<PlannedOrder>,
}

/// Orders of one drawn workload at most: a fault needs few orders to do its harm, and few are quick to run.
const ORDERS_MAX: u64 = 4;
/// Articles that drawn orders share, so that two orders often want the same one.
const ARTICLES: u64 = 2;
/// Approximate time that an undisturbed order takes from its request to its shipment, in milliseconds.
const LIFECYCLE_MS: u64 = 300;
/// Drawn orders are sent within this span, in milliseconds: about as long as one order takes, so that they overlap.
const SPAN_MS: u64 = 1_500;

impl PlannedOrder {
    /// The request that places this order.
    pub fn request(&self) -> PlaceOrder {
        PlaceOrder {
            id: self.id.clone(),
            sku: self.sku.clone(),
            quantity: self.quantity,
            amount_cents: self.amount_cents,
            customer: self.customer,
        }
    }
}

/// A customer who changes their mind does so within this many milliseconds: some while the checkout is under way, some
/// too late.
const CANCEL_AFTER_MS_MAX: u64 = 200;

impl Orders {
    /// Draws one to four orders. About one in eight is beyond the card's limit, one in eight beyond the stock, and one in
    /// six is to be cancelled while its checkout is under way.
    pub fn draw(draw: &mut Draw) -> Self {
        let stock = (1..=ARTICLES).map(|article| (format_smolstr!("cd-{article}"), draw.between(4, 12))).collect();
        let mut at_ms = 0;
        let orders = (1..=draw.small(ORDERS_MAX))
            .map(|number| {
                at_ms += draw.below(SPAN_MS / ORDERS_MAX);
                let beyond_stock = draw.chance(125);
                let beyond_limit = draw.chance(125);
                PlannedOrder {
                    at_ms,
                    id: format_smolstr!("order-{number}"),
                    sku: format_smolstr!("cd-{}", draw.between(1, ARTICLES)),
                    quantity: if beyond_stock { 13 } else { draw.between(1, 3) as u32 },
                    amount_cents: if beyond_limit { CARD_LIMIT_CENTS + 1 } else { draw.between(0, 9) * 1_099 },
                    customer: draw.between(1, 9),
                    cancel_after_ms: draw.chance(166).then(|| draw.small(CANCEL_AFTER_MS_MAX)),
                }
            })
            .collect();
        Self { stock, orders }
    }
}

impl Workload for Orders {
    fn noun() -> &'static str {
        "orders"
    }

    fn len(&self) -> usize {
        self.orders.len()
    }

    fn span(&self) -> Duration {
        Duration::from_millis(self.orders.last().map_or(0, |last| last.at_ms.saturating_add(LIFECYCLE_MS)))
    }

    fn without(&self, range: Range<usize>) -> Self {
        let mut fewer = self.clone();
        fewer.orders.drain(range);
        fewer
    }

    /// Nobody cancels, all order at once, one piece each; a variant is listed only where it changes something, so shrinking ends.
    fn simpler(&self) -> Vec<Self> {
        let simplifications: [fn(&mut PlannedOrder); 4] = [
            |order| order.cancel_after_ms = None,
            |order| order.at_ms = 0,
            |order| order.quantity = order.quantity.min(1),
            |order| order.amount_cents = order.amount_cents.min(100),
        ];
        let mut variants = Vec::new();
        for simplify in simplifications {
            let mut simple = self.clone();
            simple.orders.iter_mut().for_each(simplify);
            if simple != *self {
                variants.push(simple);
            }
        }
        variants
    }
}
