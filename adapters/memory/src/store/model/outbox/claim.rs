//! Claims: finds the rows that are due, and hands them out.

use seaworthy_core::{
    ids::ClaimToken,
    ports::{ClaimRequest, OutboxOrder, OutboxRow, RowId, Timestamp, WhenDead},
};
use smol_str::SmolStr;

use super::{Outbox, Place, ready::deal};
use crate::store::model::lanes::Lane;

/// Lanes of the rows that may go out.
pub(super) fn lanes(ordering: OutboxOrder, when_dead: WhenDead) -> &'static [Lane] {
    match (ordering, when_dead) {
        (OutboxOrder::PerKey, WhenDead::BlockKey) => &[Lane::First],
        (OutboxOrder::PerKey, WhenDead::SkipDead) => &[Lane::First, Lane::BehindDead],
        (OutboxOrder::Unordered, _) => &[Lane::First, Lane::BehindDead, Lane::Behind],
    }
}

impl Outbox {
    /// Claims rows that are due, in commit order.
    pub(in crate::store::model) fn claim(&mut self, request: &ClaimRequest, now: Timestamp) -> Vec<OutboxRow> {
        self.wake(now);
        let &ClaimRequest { ordering, when_dead, limit, .. } = request;
        let due = deal(self.due(ordering, when_dead, &request.except_topics, limit), limit, request.token.0.as_u128());
        let until = now + request.lease;
        // Room for these and no more: rows are large, and mostly there is one.
        let mut rows = Vec::with_capacity(due.len());
        rows.extend(due.into_iter().filter_map(|id| self.lease(id, request.token, until)));
        if (ordering, when_dead) == (OutboxOrder::PerKey, WhenDead::SkipDead) {
            rows.iter_mut().for_each(|row| row.message.gap = self.gap(&row.message.order_key(), row.row));
        }
        rows
    }

    /// Up to `limit` rows of each queue that is asked for.
    pub(super) fn due(
        &self,
        ordering: OutboxOrder,
        when_dead: WhenDead,
        except: &[SmolStr],
        limit: usize,
    ) -> Vec<Vec<(u64, RowId)>> {
        let is_free = |id: RowId| {
            ordering == OutboxOrder::Unordered || self.rows.get(&id).is_some_and(|row| !self.lanes.is_out(&row.key))
        };
        let lanes = lanes(ordering, when_dead).iter();
        lanes.flat_map(|lane| self.ready[*lane as usize].queues(except, limit, is_free)).collect()
    }

    fn lease(&mut self, id: RowId, token: ClaimToken, until: Timestamp) -> Option<OutboxRow> {
        self.lift(id);
        let row = self.rows.get_mut(&id)?;
        row.attempts += 1;
        row.token = Some(token);
        row.place = Place::Out(until);
        self.waiting.insert((until, row.message.sequence, id));
        self.lanes.went_out(&row.key);
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
                    self.lanes.came_back(&row.key);
                }
                let lane = self.lanes.lane_of(&row.key, id);
                row.place = Place::Ready(lane, at);
                self.ready[lane as usize].insert(&row.message.topic, (at, sequence, id));
            }
        }
    }
}
