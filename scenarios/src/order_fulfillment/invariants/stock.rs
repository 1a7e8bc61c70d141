use std::collections::BTreeMap;

use seaworthy_order_fulfillment::documents::{STOCK_COLLECTION, StockLevel};
use seaworthy_sim::{invariants::Invariant, prelude::*};
use smol_str::SmolStr;

/// The level of an article as it was last written.
#[derive(Default)]
struct Last {
    reserved: i64,
    /// The commit that wrote it.
    event: Option<u64>,
}

/// Units of an article only move between available, reserved and sold: their sum stays, none is negative, and in the end
/// nothing stays reserved for nobody.
pub(super) fn stock_conserved(stock: &BTreeMap<SmolStr, u64>) -> Box<dyn Invariant> {
    let initial = stock.clone();
    always("stock-conserved", BTreeMap::<SmolStr, Last>::new())
        .on_document(STOCK_COLLECTION, move |articles, level: Written<'_, StockLevel>| {
            let (sku, &StockLevel { available, reserved, sold }) = (level.id, level.value);
            let last = articles.entry(sku.clone()).or_default();
            let before = last.event.replace(level.event.number);
            last.reserved = reserved;
            let (sum, initial) = (available + reserved + sold, initial.get(sku).copied().unwrap_or(0));
            let sentence = if u64::try_from(sum) != Ok(initial) {
                format!("{sku} has {sum} units in all, and had {initial} at the start")
            } else if available < 0 || reserved < 0 || sold < 0 {
                let units = format!("{available} available, {reserved} reserved, {sold} sold");
                format!("{sku} has a negative number of units: {units}")
            } else {
                return Ok(());
            };
            let broken = Broken::new(sku.as_str(), sentence);
            let broken = before.map_or(broken.clone(), |before| broken.at(before));
            Err(broken.at(level.event))
        })
        .at_rest(|articles| {
            let left = std::mem::take(articles).into_iter().filter(|(_, last)| last.reserved > 0);
            left.map(|(sku, Last { reserved, event })| {
                let broken = Broken::new(sku.as_str(), format!("{reserved} units of {sku} stay reserved for nobody"));
                event.map_or(broken.clone(), |event| broken.at(event))
            })
        })
        .boxed()
}
