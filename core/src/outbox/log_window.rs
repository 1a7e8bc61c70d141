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

    /// Returns the number of rows that wait to go out.
    pub(super) fn ready(&self) -> usize {
        self.ready.len()
    }

    /// The next rows to publish, at most one of a key: the one after it follows when it is acknowledged.
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
