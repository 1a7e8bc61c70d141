use std::collections::BTreeMap;

use seaworthy_order_fulfillment::documents::{STOCK_COLLECTION, StockLevel};
use seaworthy_sim::{invariants::Invariant, prelude::*};
use smol_str::SmolStr;

/// Units of an article only move between available, reserved and sold: their sum stays, and none is negative.
pub(super) fn stock_conserved(stock: &BTreeMap<SmolStr, u64>) -> Box<dyn Invariant> {
    let initial = stock.clone();
    always("stock-conserved", BTreeMap::<SmolStr, u64>::new())
        .on_document(STOCK_COLLECTION, move |last, level: Written<'_, StockLevel>| {
            let (sku, &StockLevel { available, reserved, sold }) = (level.id, level.value);
            let before = last.insert(sku.clone(), level.event.number);
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
        .boxed()
}

/// Nothing stays reserved for nobody.
pub(super) fn reserved_is_settled() -> Box<dyn Invariant> {
    eventually("reserved-is-settled", BTreeMap::<SmolStr, (i64, u64)>::new())
        .on_document(STOCK_COLLECTION, |last, level: Written<'_, StockLevel>| {
            last.insert(level.id.clone(), (level.value.reserved, level.event.number));
        })
        .at_rest(|last| {
            let left = std::mem::take(last).into_iter().filter(|(_, (reserved, _))| *reserved > 0);
            left.map(|(sku, (reserved, event))| {
                Broken::new(sku.as_str(), format!("{reserved} units of {sku} stay reserved for nobody")).at(event)
            })
        })
        .boxed()
}
