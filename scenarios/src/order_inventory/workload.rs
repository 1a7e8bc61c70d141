use std::{
    collections::BTreeMap,
    ops::{Range, RangeInclusive},
    time::Duration,
};

use seaworthy_order_inventory::{messages::Line, orders::PlaceOrder};
use seaworthy_sim::scenario::{Draw, Workload};
use serde::{Deserialize, Serialize};
use smol_str::{SmolStr, format_smolstr};

/// One order, as its customer sends it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    /// Time at which it is sent, in milliseconds since the start of the run.
    pub at_ms: u64,
    /// The business key.
    pub id: SmolStr,
    /// Articles and units: all of them, or nothing.
    pub lines: Vec<Line>,
    /// Time after the order was accepted at which its customer calls it off, in milliseconds; `None` for one who does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_after_ms: Option<u64>,
}

/// A workload: the stock at the start, and the orders in the sequence in which they are sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wishes {
    /// Units of each article in stock before the first order.
    pub stock: BTreeMap<SmolStr, u64>,
    /// The orders, earliest first.
    pub orders: Vec<Wish>,
}

/// Articles that orders share.
const ARTICLES: u64 = 3;
/// Orders that come together, at most.
const TOGETHER_MAX: u64 = 3;
/// Orders that come alone afterwards, at most.
const LATE_MAX: u64 = 2;
/// Span in which the first orders are sent, in milliseconds: about as long as one of them takes.
const SPAN_MS: u64 = 400;
/// Pause before an order that comes alone, in milliseconds: whatever came before it has come to an end where nothing fails.
const ALONE_MS: u64 = 5_000;
/// Units that are never there.
const FAR_TOO_MANY: u32 = 1_000;
/// Times after which an order is called off that is not called off at once, in milliseconds: it has come to its end by then where
/// nothing fails, and the next order that comes alone has not been sent.
const CANCEL_LATE_MS: RangeInclusive<u64> = 1_000..=2_000;

impl Wish {
    /// The request that places this order.
    pub fn request(&self) -> PlaceOrder {
        PlaceOrder { id: self.id.clone(), lines: self.lines.clone() }
    }
}

impl Wishes {
    /// Draws one to three orders that come together, of one to three lines with one or two units, for which there is enough of
    /// everything; then up to two that come alone and may want more than is left. One order in six wants far too many of its
    /// last article, and in one workload of three each second customer calls their order off: at once, before anybody can have
    /// answered, or much later. What lies between is a race, and it is the faults that make one of either.
    pub fn draw(draw: &mut Draw) -> Self {
        let together = draw.between(1, TOGETHER_MAX);
        let late = draw.below(LATE_MAX + 1);
        // Enough for the first orders, whichever of them comes first: each has at most three lines of two units.
        let stock = (1..=ARTICLES).map(|article| (format_smolstr!("cd-{article}"), together * 6 + draw.below(4)));
        let stock = stock.collect();
        let are_called_off = draw.chance(333);
        let mut at_ms = 0;
        let orders = (1..=together + late)
            .map(|number| {
                let is_late = number > together;
                at_ms += if is_late { ALONE_MS } else { draw.below(SPAN_MS / TOGETHER_MAX) };
                let units_max = if is_late { 9 } else { 2 };
                let mut lines: Vec<Line> = (0..draw.between(1, 3))
                    .map(|_| Line {
                        sku: format_smolstr!("cd-{}", draw.between(1, ARTICLES)),
                        units: draw.between(1, units_max) as u32,
                    })
                    .collect();
                if draw.chance(166)
                    && let Some(last) = lines.last_mut()
                {
                    last.units = FAR_TOO_MANY;
                }
                let cancel_after_ms = (are_called_off && draw.chance(500)).then(|| match draw.chance(500) {
                    true => 0,
                    false => draw.between(*CANCEL_LATE_MS.start(), *CANCEL_LATE_MS.end()),
                });
                Wish { at_ms, id: format_smolstr!("order-{number}"), lines, cancel_after_ms }
            })
            .collect();
        Self { stock, orders }
    }
}

impl Workload for Wishes {
    fn noun() -> &'static str {
        "orders"
    }

    fn len(&self) -> usize {
        self.orders.len()
    }

    fn span(&self) -> Duration {
        Duration::from_millis(self.orders.last().map_or(0, |last| last.at_ms.saturating_add(SPAN_MS)))
    }

    fn without(&self, range: Range<usize>) -> Self {
        let mut fewer = self.clone();
        fewer.orders.drain(range);
        fewer
    }

    /// Nobody calls an order off, all are sent at once, of one line, of one unit each; a variant is listed only where it changes
    /// something, so shrinking ends.
    fn simpler(&self) -> Vec<Self> {
        let simplifications: [fn(&mut Wish); 4] = [
            |wish| wish.cancel_after_ms = None,
            |wish| wish.at_ms = 0,
            |wish| wish.lines.truncate(1),
            |wish| wish.lines.iter_mut().for_each(|line| line.units = 1),
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
