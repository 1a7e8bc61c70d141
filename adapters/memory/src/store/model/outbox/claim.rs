//! Claims: finds the rows that are due, and hands them out.

use std::ops::Bound;

use seaworthy_core::{
    ids::ClaimToken,
    ports::{ClaimRequest, OutboxOrder, OutboxRow, RowId, Timestamp, WhenDead},
};

use super::{AT_ONCE, Outbox, Place};
use crate::store::model::lanes::Lane;

impl Outbox {
    /// Claims rows that are due, in commit order.
    pub(in crate::store::model) fn claim(&mut self, request: &ClaimRequest, now: Timestamp) -> Vec<OutboxRow> {
        self.wake(now);
        let mut due = Vec::new();
        match (request.ordering, request.when_dead) {
            (OutboxOrder::PerKey, WhenDead::BlockKey) => self.find_due(&[Lane::First], request, &mut due),
            (OutboxOrder::PerKey, WhenDead::SkipDead) => {
                self.find_due(&[Lane::First, Lane::BehindDead], request, &mut due);
            }
            (OutboxOrder::Unordered, _) => {
                self.find_due(&[Lane::First, Lane::BehindDead], request, &mut due);
                self.find_due(&[Lane::Behind], request, &mut due);
            }
        }
        due.sort_unstable();
        due.truncate(request.limit);
        let until = now + request.lease;
        // Room for these and no more: rows are large, and mostly there is one.
        let mut rows = Vec::with_capacity(due.len());
        rows.extend(due.into_iter().filter_map(|(_, id)| self.lease(id, request.token, until)));
        if (request.ordering, request.when_dead) == (OutboxOrder::PerKey, WhenDead::SkipDead) {
            rows.iter_mut().for_each(|row| row.message.gap = self.gap(row.row));
        }
        rows
    }

    /// Adds up to `limit` rows that were never tried, those committed first, and as many that have waited, those due
    /// first: where a limit is short of them, neither kind starves the other.
    fn find_due(&self, lanes: &[Lane], request: &ClaimRequest, due: &mut Vec<(u64, RowId)>) {
        let free = |id: RowId| match request.ordering {
            OutboxOrder::PerKey => self.rows.get(&id).is_some_and(|row| !self.lanes.is_out(&row.message.partition_key)),
            OutboxOrder::Unordered => true,
        };
        let mut fresh = Vec::new();
        let mut waited = Vec::new();
        for lane in lanes {
            let rows = self.ready[*lane as usize].iter();
            let at_once = rows.take_while(|(since, ..)| *since == AT_ONCE).filter(|(.., id)| free(*id));
            fresh.extend(at_once.take(request.limit).map(|(_, sequence, id)| (*sequence, *id)));
            let later = (Bound::Excluded((AT_ONCE, u64::MAX, RowId(u64::MAX))), Bound::Unbounded);
            let rows = self.ready[*lane as usize].range(later).filter(|(.., id)| free(*id));
            waited.extend(rows.take(request.limit).copied());
        }
        if lanes.len() > 1 {
            fresh.sort_unstable();
            fresh.truncate(request.limit);
            waited.sort_unstable();
            waited.truncate(request.limit);
        }
        due.append(&mut fresh);
        due.extend(waited.into_iter().map(|(_, sequence, id)| (sequence, id)));
    }

    fn lease(&mut self, id: RowId, token: ClaimToken, until: Timestamp) -> Option<OutboxRow> {
        self.lift(id);
        let row = self.rows.get_mut(&id)?;
        row.attempts += 1;
        row.token = Some(token);
        row.place = Place::Out(until);
        self.waiting.insert((until, row.message.sequence, id));
        self.lanes.went_out(&row.message.partition_key);
        Some(OutboxRow { row: id, message: (*row.message).clone(), attempts: row.attempts })
    }

    /// The next moment at which a waiting row may be claimed.
    pub(in crate::store::model) fn next_available(&mut self, now: Timestamp) -> Option<Timestamp> {
        self.wake(now);
        self.waiting.first().map(|(at, _, _)| *at)
    }

    /// Moves rows whose moment has come to their lane. A clock that steps back does not undo it.
    pub(super) fn wake(&mut self, now: Timestamp) {
        while let Some(&(at, sequence, id)) = self.waiting.first()
            && at <= now
        {
            self.waiting.pop_first();
            if let Some(row) = self.rows.get_mut(&id) {
                if matches!(row.place, Place::Out(_)) {
                    self.lanes.came_back(&row.message.partition_key);
                }
                let lane = self.lanes.lane_of(id);
                row.place = Place::Ready(lane, at);
                self.ready[lane as usize].insert((at, sequence, id));
            }
        }
    }
}
