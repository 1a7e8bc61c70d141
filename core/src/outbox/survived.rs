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

    /// Takes in an attempt that this relay has lived through, and that is counted with the row all the same.
    pub(super) fn add(&mut self, row: RowId) {
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: Duration = Duration::ZERO;

    fn of(row: u64, outcome: SettleOutcome) -> Settlement {
        Settlement { row: RowId(row), outcome }
    }

    /// One row for each outcome, in this order.
    fn one_of_each() -> [Settlement; 4] {
        [
            of(1, SettleOutcome::Retry { error: "late".into(), delay: NOW }),
            of(2, SettleOutcome::Release { delay: NOW }),
            of(3, SettleOutcome::Dispatched),
            of(4, SettleOutcome::Dead { reason: "refused".into() }),
        ]
    }

    /// Of five claims of each row, those that may have ended a relay.
    fn counted(survived: &Survived) -> [u32; 4] {
        [1, 2, 3, 4].map(|row| survived.without(RowId(row), 5))
    }

    #[test]
    fn a_claim_speaks_against_its_row_unless_its_relay_has_lived_on_and_the_row_is_still_there() {
        let (mut survived, rows) = (Survived::default(), one_of_each());
        survived.settled(&rows, &[true; 4]);
        assert_eq!(counted(&survived), [4, 5, 5, 5], "of what is given back the store has forgotten the claim");
        survived.settled(&rows, &[false; 4]);
        assert_eq!(counted(&survived), [3, 4, 4, 4], "whatever was to become of it: another has it");
        survived.untold(&rows);
        assert_eq!(counted(&survived), [2, 3, 3, 3]);
        survived.settled(&rows, &[true; 4]);
        assert_eq!(counted(&survived), [1, 3, 5, 5], "nobody claims again what is gone");
    }

    #[test]
    fn what_is_remembered_does_not_grow_for_ever() {
        let mut survived = Survived::default();
        for row in 0..2 * ROWS_MAX as u64 {
            survived.untold(&[of(row, SettleOutcome::Dispatched)]);
        }
        assert!(survived.0.len() <= ROWS_MAX);
    }
}
