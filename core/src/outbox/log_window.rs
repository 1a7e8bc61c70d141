use std::collections::{BTreeSet, VecDeque};

use smol_str::SmolStr;

use super::RelayConfig;
use crate::{
    ids::MessageId,
    message::Message,
    ports::{OutboxOrder, OutboxRow, OutboxState, RowId, SettleOutcome, WhenDead},
};

/// One reading of the log: what of it may go out and when, and how far the position may move after it.
pub(super) struct LogWindow {
    /// Position at which the window starts.
    from: u64,
    /// Position at which the window ends.
    end: u64,
    /// Rows that can go out, in commit order.
    ready: VecDeque<OutboxRow>,
    /// Keys that wait: for a dead row, a row that backs off, another relay's claim, or the end of this pass.
    held: BTreeSet<SmolStr>,
    /// Positions that the relay must not move past yet.
    unsettled: BTreeSet<u64>,
    /// Outcomes of rows, to be stored with the position.
    pub(super) settled: Vec<(MessageId, SettleOutcome)>,
    /// Number of rows that could not go out.
    pub(super) passed_over: usize,
    per_key: bool,
    skips_dead: bool,
}

impl LogWindow {
    /// Sorts what was read `from` a position. `backs_off` says of a row that it has to wait.
    pub(super) fn new(
        from: u64,
        end: u64,
        rows: Vec<(OutboxRow, OutboxState)>,
        config: &RelayConfig,
        backs_off: impl Fn(RowId) -> bool,
    ) -> Self {
        let per_key = config.ordering == OutboxOrder::PerKey;
        let mut window = Self {
            from,
            end,
            ready: VecDeque::with_capacity(rows.len()),
            held: BTreeSet::new(),
            unsettled: BTreeSet::new(),
            settled: Vec::new(),
            passed_over: 0,
            per_key,
            skips_dead: !per_key || config.when_dead == WhenDead::SkipDead,
        };
        for (row, state) in rows {
            if state != OutboxState::Dead || !window.skips_dead {
                let waits = state != OutboxState::Pending || backs_off(row.row);
                window.take_in(row, waits);
            }
        }
        window
    }

    fn take_in(&mut self, row: OutboxRow, waits: bool) {
        // A row before the position is one that was redriven: it has been passed.
        if row.message.sequence > self.from {
            self.unsettled.insert(row.message.sequence);
        }
        if waits || self.holds(&row.message.partition_key) {
            self.held.insert(row.message.partition_key);
            self.passed_over += 1;
        } else {
            self.ready.push_back(row);
        }
    }

    fn holds(&self, key: &SmolStr) -> bool {
        self.per_key && self.held.contains(key)
    }

    /// Returns the number of rows that wait to go out.
    pub(super) fn ready(&self) -> usize {
        self.ready.len()
    }

    /// The next rows to publish, at most one of a key: the one after it follows when it is acknowledged.
    pub(super) fn next_batch(&mut self, limit: usize) -> (Vec<RowId>, Vec<Message>) {
        let mut keys = BTreeSet::new();
        let (mut rows, mut messages) = (Vec::new(), Vec::new());
        for row in std::mem::take(&mut self.ready) {
            let key = &row.message.partition_key;
            if self.holds(key) {
                continue;
            }
            if rows.len() < limit && (!self.per_key || keys.insert(key.clone())) {
                rows.push(row.row);
                messages.push(row.message);
            } else {
                self.ready.push_back(row);
            }
        }
        (rows, messages)
    }

    /// Takes in what became of a row.
    pub(super) fn note(&mut self, message: Message, outcome: SettleOutcome) {
        let is_dead = matches!(outcome, SettleOutcome::Dead { .. });
        let is_dispatched = outcome == SettleOutcome::Dispatched;
        if is_dispatched || is_dead && self.skips_dead {
            self.unsettled.remove(&message.sequence);
        }
        if is_dispatched || is_dead {
            self.settled.push((message.id, outcome));
        }
        if !is_dispatched {
            // Also where the dead are skipped: a death is stored before the next row of its key goes out.
            self.held.insert(message.partition_key);
        }
    }

    /// Returns the position that may be stored: in front of the first row that is not settled, or at the end of what
    /// was read.
    pub(super) fn position(&self) -> u64 {
        self.unsettled.first().map_or(self.end, |first| first - 1).max(self.from)
    }
}
