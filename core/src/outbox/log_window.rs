use std::collections::{BTreeSet, VecDeque};

use smol_str::SmolStr;

use crate::{
    ids::MessageId,
    message::Message,
    ports::{OutboxRow, SettleOutcome},
};

/// One reading of the log: what of it may go out, and what became of it.
pub(super) struct LogWindow {
    /// Rows that can go out, in commit order.
    ready: VecDeque<OutboxRow>,
    /// Rows of which a relay is known to have died: they go last, and alone.
    suspects: Vec<OutboxRow>,
    /// Keys that wait: for a dead row, a row that backs off, or the end of this pass.
    held: BTreeSet<SmolStr>,
    /// Outcomes of rows, to be stored with the position.
    pub(super) settled: Vec<(MessageId, SettleOutcome)>,
    per_key: bool,
}

impl LogWindow {
    /// A window of these rows. Those of which a relay is known to have died wait for the others.
    pub(super) fn new(rows: Vec<OutboxRow>, per_key: bool, deaths: impl Fn(&OutboxRow) -> u32) -> Self {
        let mut window =
            Self { ready: rows.into(), suspects: Vec::new(), held: BTreeSet::new(), settled: Vec::new(), per_key };
        if window.ready.iter().any(|row| deaths(row) > 0) {
            window.set_apart(deaths);
        }
        window
    }

    /// Sets suspects apart that stand first in their keys, the least tried first: which of several it is shows in that. What is
    /// behind one of its key is left to a later reading, and so is one behind others that can go out.
    fn set_apart(&mut self, deaths: impl Fn(&OutboxRow) -> u32) {
        let (mut seen, mut stopped) = (BTreeSet::new(), BTreeSet::new());
        for row in std::mem::take(&mut self.ready) {
            let key = row.message.order_key();
            if self.per_key && stopped.contains(&key) {
                continue;
            }
            if deaths(&row) == 0 {
                seen.insert(key);
                self.ready.push_back(row);
            } else {
                stopped.insert(key.clone());
                if !self.per_key || !seen.contains(&key) {
                    self.suspects.push(row);
                }
            }
        }
        self.suspects.sort_by_key(|row| (deaths(row), row.row));
    }

    /// The rows that go last, each alone.
    pub(super) fn take_suspects(&mut self) -> Vec<OutboxRow> {
        std::mem::take(&mut self.suspects)
    }

    fn holds(&self, key: &SmolStr) -> bool {
        self.per_key && self.held.contains(key)
    }

    /// The next rows to publish, at most one of a key: the one after it follows when it is acknowledged. None once nothing
    /// more can go out.
    pub(super) fn next_batch(&mut self, limit: usize) -> Vec<OutboxRow> {
        let mut keys = BTreeSet::new();
        let mut rows = Vec::new();
        for row in std::mem::take(&mut self.ready) {
            let key = row.message.order_key();
            if self.holds(&key) {
                continue;
            }
            if rows.len() < limit && (!self.per_key || keys.insert(key)) {
                rows.push(row);
            } else {
                self.ready.push_back(row);
            }
        }
        rows
    }

    /// Lets nothing of a key go out any more in this pass.
    pub(super) fn hold(&mut self, key: SmolStr) {
        self.held.insert(key);
    }

    /// Takes in what became of a row.
    pub(super) fn note(&mut self, message: Message, outcome: SettleOutcome) {
        let is_dispatched = outcome == SettleOutcome::Dispatched;
        if !is_dispatched {
            // Also where the dead are skipped: a death is stored before the next row of its key goes out.
            self.hold(message.order_key());
        }
        if is_dispatched || matches!(outcome, SettleOutcome::Dead { .. }) {
            self.settled.push((message.id, outcome));
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{
        message::MessageBuilder,
        ports::{RowId, Timestamp},
    };

    fn row(number: u64, key: &str) -> OutboxRow {
        let builder = MessageBuilder::new("orders", "order.confirmed", key).topic("orders");
        let id = Uuid::from_u128(number.into());
        let message = builder.json(&number).expect("a number").derive(id, &["confirm"], Timestamp::EPOCH);
        OutboxRow { row: RowId(number), message, attempts: 0 }
    }

    fn batches(mut window: LogWindow, limit: usize) -> Vec<Vec<u64>> {
        let mut batches = Vec::new();
        loop {
            let batch = window.next_batch(limit);
            if batch.is_empty() {
                return batches;
            }
            batches.push(batch.iter().map(|row| row.row.0).collect());
        }
    }

    fn window(rows: Vec<OutboxRow>, per_key: bool) -> LogWindow {
        LogWindow::new(rows, per_key, |row| row.attempts)
    }

    fn suspect(number: u64, key: &str, attempts: u32) -> OutboxRow {
        OutboxRow { attempts, ..row(number, key) }
    }

    #[test]
    fn a_suspect_waits_for_all_others_and_what_is_behind_it_for_a_later_reading() {
        let rows =
            || vec![row(1, "a"), suspect(2, "b", 2), row(3, "b"), suspect(4, "c", 1), suspect(5, "a", 1), row(6, "a")];
        let apart = |per_key| {
            let mut window = window(rows(), per_key);
            let suspects: Vec<u64> = window.take_suspects().iter().map(|row| row.row.0).collect();
            (batches(window, 9), suspects)
        };
        assert_eq!(
            apart(true),
            (vec![vec![1]], vec![4, 2]),
            "the fifth waits for the first, and the sixth for the fifth"
        );
        assert_eq!(apart(false), (vec![vec![1, 3, 6]], vec![4, 5, 2]));
    }

    #[test]
    fn a_batch_has_so_many_rows_and_in_key_order_one_of_a_key() {
        let rows = || vec![row(1, "a"), row(2, "a"), row(3, "b"), row(4, "c"), row(5, "d")];
        assert_eq!(batches(window(rows(), true), 3), [vec![1, 3, 4], vec![2, 5]]);
        assert_eq!(batches(window(rows(), false), 3), [vec![1, 2, 3], vec![4, 5]]);
    }
}
