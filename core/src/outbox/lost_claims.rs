use std::collections::BTreeMap;

use crate::ports::{RowId, SettleOutcome, Settlement};

/// Number of rows that a relay remembers. What is forgotten only counts as before.
const ROWS_MAX: usize = 10_000;

/// Claims that this relay has lost and lived: its store could not be told what became of their rows. The count of claims that
/// is stored with a row includes these, and they say nothing against it.
#[derive(Debug, Default)]
pub(super) struct LostClaims(BTreeMap<RowId, u32>);

impl LostClaims {
    /// Takes in a claim of which nothing was settled.
    pub(super) fn add(&mut self, settlements: &[Settlement]) {
        if self.0.len() + settlements.len() > ROWS_MAX {
            self.0.clear();
        }
        for settlement in settlements {
            *self.0.entry(settlement.row).or_insert(0) += 1;
        }
    }

    /// Takes in that rows were settled: nobody claims those again that are dispatched or dead.
    pub(super) fn forget(&mut self, settlements: &[Settlement]) {
        if self.0.is_empty() {
            return;
        }
        for Settlement { row, outcome } in settlements {
            if matches!(outcome, SettleOutcome::Dispatched | SettleOutcome::Dead { .. }) {
                self.0.remove(row);
            }
        }
    }

    /// Returns the number of claims of a row that ended otherwise.
    pub(super) fn without(&self, row: RowId, claims: u32) -> u32 {
        claims.saturating_sub(self.0.get(&row).copied().unwrap_or(0))
    }
}
