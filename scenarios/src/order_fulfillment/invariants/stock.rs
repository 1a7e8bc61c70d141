use std::collections::BTreeMap;

use seaworthy_order_fulfillment::documents::{STOCK_COLLECTION, StockLevel};
use seaworthy_sim::{
    invariants::{Ending, Entity, Interest, Invariant, Judge, Mode},
    trace::{Effect, Event},
};
use smol_str::SmolStr;

use super::effects;

/// Units of an article only move between available, reserved and sold: their sum stays, none is negative, and none is
/// reserved once the system has come to rest.
#[derive(Debug)]
pub struct StockConserved {
    initial: BTreeMap<SmolStr, i64>,
    /// The last level of each article, and the event that wrote it.
    last: BTreeMap<SmolStr, (StockLevel, u64)>,
}

impl StockConserved {
    /// For a run that starts with `stock`.
    pub fn new(stock: &BTreeMap<SmolStr, u64>) -> Self {
        let initial =
            stock.iter().map(|(sku, units)| (sku.clone(), i64::try_from(*units).unwrap_or(i64::MAX))).collect();
        Self { initial, last: BTreeMap::new() }
    }
}

impl Invariant for StockConserved {
    fn name(&self) -> &'static str {
        "stock-conserved"
    }

    fn mode(&self) -> Mode {
        Mode::Always
    }

    fn interest(&self) -> Interest {
        Interest::DOCUMENT
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        for effect in effects(event) {
            let Effect::Document { collection, id, body: Some(body), .. } = effect else { continue };
            if collection != STOCK_COLLECTION {
                continue;
            }
            let Ok(level) = serde_json::from_slice::<StockLevel>(body) else { continue };
            judge.judged();
            let initial = self.initial.get(id).copied().unwrap_or(0);
            let sum = level.available + level.reserved + level.sold;
            let wrong = if sum != initial {
                Some(format!("{id} has {sum} units in all, and had {initial} at the start"))
            } else if level.available < 0 || level.reserved < 0 || level.sold < 0 {
                Some(format!(
                    "{id} has a negative number of units: {} available, {} reserved, {} sold",
                    level.available, level.reserved, level.sold
                ))
            } else {
                None
            };
            let before = self.last.insert(id.clone(), (level, event.number));
            if let Some(sentence) = wrong {
                let before = before.map(|(_, number)| number);
                judge.violate(
                    Entity::named("sku", id.clone()),
                    sentence,
                    before.into_iter().chain([event.number]).collect(),
                );
            }
        }
    }

    fn conclude(&mut self, ending: Ending, judge: &mut Judge<'_>) {
        if ending != Ending::Quiet {
            return;
        }
        for (sku, (level, event)) in &self.last {
            judge.judged();
            if level.reserved > 0 {
                let sentence = format!("{} units of {sku} stay reserved for nobody", level.reserved);
                judge.violate(Entity::named("sku", sku.clone()), sentence, vec![*event]);
            }
        }
    }
}
