use std::collections::BTreeMap;

use crate::ports::{RowId, SettleOutcome, Settlement};

/// Number of rows that a relay remembers. What is forgotten only counts as before.
const ROWS_MAX: usize = 10_000;

/// Claims that this relay has lived through without being rid of their rows: the store could not be told what became of them,
/// the lease had ended, or publishing failed and is tried again. The count of claims that is stored with a row includes these,
/// and they are no sign of a message that ends whoever has it in hand.
#[derive(Debug, Default)]
pub(super) struct Survived(BTreeMap<RowId, u32>);

impl Survived {
    /// Takes in a claim of which nothing was settled.
    pub(super) fn untold(&mut self, settlements: &[Settlement]) {
        for settlement in settlements {
            self.add(settlement.row);
        }
    }

    /// Takes in what was settled, and for which rows the claim still held: nobody claims those again that are dispatched or
    /// dead, and of those that are given back the store has forgotten the claim.
    pub(super) fn settled(&mut self, settlements: &[Settlement], held: &[bool]) {
        for (Settlement { row, outcome }, held) in settlements.iter().zip(held) {
            match outcome {
                _ if !held => self.add(*row),
                SettleOutcome::Retry { .. } => self.add(*row),
                SettleOutcome::Release { .. } => {}
                SettleOutcome::Dispatched | SettleOutcome::Dead { .. } => {
                    if !self.0.is_empty() {
                        self.0.remove(row);
                    }
                }
            }
        }
    }

    fn add(&mut self, row: RowId) {
        if self.0.len() >= ROWS_MAX && !self.0.contains_key(&row) {
            self.0.clear();
        }
        *self.0.entry(row).or_insert(0) += 1;
    }

    /// Returns the number of claims of a row that ended otherwise.
    pub(super) fn without(&self, row: RowId, claims: u32) -> u32 {
        claims.saturating_sub(self.0.get(&row).copied().unwrap_or(0))
    }
}
