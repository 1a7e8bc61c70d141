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
    /// Keys that wait: for a dead row, a row that backs off, or the end of this pass.
    held: BTreeSet<SmolStr>,
    /// Outcomes of rows, to be stored with the position.
    pub(super) settled: Vec<(MessageId, SettleOutcome)>,
    per_key: bool,
}

impl LogWindow {
    pub(super) fn new(rows: Vec<OutboxRow>, per_key: bool) -> Self {
        Self { ready: rows.into(), held: BTreeSet::new(), settled: Vec::new(), per_key }
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
        OutboxRow { row: RowId(number), message, attempts: 1 }
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

    #[test]
    fn a_batch_has_so_many_rows_and_in_key_order_one_of_a_key() {
        let rows = || vec![row(1, "a"), row(2, "a"), row(3, "b"), row(4, "c"), row(5, "d")];
        assert_eq!(batches(LogWindow::new(rows(), true), 3), [vec![1, 3, 4], vec![2, 5]]);
        assert_eq!(batches(LogWindow::new(rows(), false), 3), [vec![1, 2, 3], vec![4, 5]]);
    }
}
