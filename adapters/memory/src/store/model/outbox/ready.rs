//! Rows that are due, as queues: each topic has one of rows that were never tried, and one of rows that have waited.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
};

use seaworthy_core::ports::{RowId, Timestamp};
use smol_str::SmolStr;

/// Due time of a row that waits for nothing: a fresh one, or one that was redriven. Before all moments.
pub(super) const AT_ONCE: Timestamp = Timestamp::from_micros(i64::MIN);

/// A row by the time since which it is due and its place in the commit order.
pub(super) type Due = (Timestamp, u64, RowId);

/// The rows of one lane that are due, by topic.
#[derive(Clone, Debug, Default)]
pub(super) struct Ready(BTreeMap<SmolStr, BTreeSet<Due>>);

impl Ready {
    pub(super) fn insert(&mut self, topic: &SmolStr, due: Due) {
        match self.0.get_mut(topic) {
            Some(rows) => rows.insert(due),
            None => self.0.entry(topic.clone()).or_default().insert(due),
        };
    }

    pub(super) fn remove(&mut self, topic: &SmolStr, due: &Due) {
        if let Some(rows) = self.0.get_mut(topic) {
            rows.remove(due);
        }
    }

    /// Up to `limit` rows of each queue that are free: of each topic those that were never tried in commit order, and
    /// those that have waited by their moments.
    pub(super) fn queues(
        &self,
        except: &[SmolStr],
        limit: usize,
        is_free: impl Fn(RowId) -> bool,
    ) -> Vec<Vec<(u64, RowId)>> {
        let later = (Bound::Excluded((AT_ONCE, u64::MAX, RowId(u64::MAX))), Bound::Unbounded);
        let mut queues = Vec::new();
        for (_, rows) in self.0.iter().filter(|(topic, rows)| !rows.is_empty() && !except.contains(topic)) {
            let fresh = rows.iter().take_while(|(since, ..)| *since == AT_ONCE);
            let place = |(_, sequence, id): &Due| is_free(*id).then_some((*sequence, *id));
            let waited: Vec<_> = rows.range(later).filter_map(place).take(limit).collect();
            let fresh: Vec<_> = fresh.filter_map(place).take(limit).collect();
            queues.extend([waited, fresh].into_iter().filter(|queue| !queue.is_empty()));
        }
        queues
    }
}

/// Deals rows from the fronts of the queues, one of each in turn, and puts them into commit order. `turn` says whose turn
/// is first: one that changes from call to call starves nobody, however short of them the limit is.
pub(super) fn deal(mut queues: Vec<Vec<(u64, RowId)>>, limit: usize, turn: u128) -> Vec<RowId> {
    if let Some(first) = turn.checked_rem(queues.len() as u128) {
        queues.rotate_left(usize::try_from(first).unwrap_or(0));
    }
    let mut queues: Vec<_> = queues.into_iter().map(Vec::into_iter).collect();
    let mut dealt = Vec::new();
    while dealt.len() < limit && !queues.is_empty() {
        let room = limit - dealt.len();
        dealt.extend(queues.iter_mut().filter_map(Iterator::next).take(room));
        queues.retain(|queue| queue.len() > 0);
    }
    dealt.sort_unstable();
    dealt.into_iter().map(|(_, id)| id).collect()
}
