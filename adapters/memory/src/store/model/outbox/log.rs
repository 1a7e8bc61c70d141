//! The rows as a log: read from a position on, and settled without a claim.

use seaworthy_core::{
    ids::MessageId,
    message::Message,
    ports::{OutboxOrder, OutboxRow, RowId, TailRequest, Timestamp, WhenDead},
};
use smol_str::SmolStr;

use super::{Outbox, Place, claim::lanes};

impl Outbox {
    /// Returns the rows that a reader of the log may publish: heads of keys, and behind each what may follow it.
    pub(in crate::store::model) fn tail(&mut self, request: &TailRequest, now: Timestamp) -> Vec<OutboxRow> {
        self.wake(now);
        let &TailRequest { limit, ordering, when_dead, .. } = request;
        let per_key = ordering == OutboxOrder::PerKey;
        let lets_go = |id: RowId| {
            !per_key
                || self.rows.get(&id).is_some_and(|row| {
                    let key = &row.key;
                    !self.lanes.is_out(key) && !request.except_keys.contains(key)
                })
        };
        let lanes = lanes(ordering, when_dead).iter();
        let queues = lanes.flat_map(|lane| self.ready[*lane as usize].queues(&request.except_topics, limit, lets_go));
        let mut found: Vec<(u64, RowId)> = queues.flatten().collect();
        found.sort_unstable();
        found.truncate(limit);
        if per_key {
            for (_, head) in found.clone() {
                self.follow(head, request, &mut found);
            }
            found.sort_unstable();
        }
        let has_gaps = per_key && when_dead == WhenDead::SkipDead;
        let shown = |(_, id): (u64, RowId)| {
            let row = self.rows.get(&id)?;
            let gap = if has_gaps { self.gap(&row.key, id) } else { 0 };
            let message = Message { gap, ..(*row.message).clone() };
            Some(OutboxRow { row: id, message, attempts: row.attempts })
        };
        found.into_iter().filter_map(shown).collect()
    }

    /// Adds the rows of a key that may follow its head, up to the first that stands in the way of the rest.
    fn follow(&self, head: RowId, request: &TailRequest, found: &mut Vec<(u64, RowId)>) {
        let mut next = self.lanes.links(head).later;
        while let Some(id) = next
            && found.len() < request.limit
            && let Some(row) = self.rows.get(&id)
        {
            next = self.lanes.links(id).later;
            match row.place {
                Place::Dead(..) if request.when_dead == WhenDead::SkipDead => {}
                Place::Ready(..) if !request.except_topics.contains(&row.message.topic) => {
                    found.push((row.message.sequence, id));
                }
                _ => return,
            }
        }
    }

    /// The position up to which nothing waits any more, where these rows are settled too: dead, or dispatched.
    pub(in crate::store::model) fn settled_to(
        &self,
        when_dead: WhenDead,
        settled: impl Iterator<Item = (RowId, bool)> + Clone,
    ) -> u64 {
        let is_settled = |id: &RowId| settled.clone().any(|(row, _)| row == *id);
        let open = self.open.iter().find(|(_, id)| !is_settled(id)).map(|(place, _)| *place);
        let mut first = open;
        if when_dead == WhenDead::BlockKey {
            let buried = settled.clone().filter(|(_, dead)| *dead);
            let buried = buried.filter_map(|(id, _)| self.rows.get(&id).map(|row| row.message.sequence));
            first = first.into_iter().chain(self.dead_places.first().copied()).chain(buried).min();
        }
        first.map_or(self.last_sequence, |first| first - 1)
    }

    /// The row of a message, if it is pending and so can be marked without a claim.
    pub(in crate::store::model) fn pending(&mut self, message: MessageId, now: Timestamp) -> Option<RowId> {
        self.wake(now);
        let id = *self.by_message.get(&message)?;
        self.is_pending(id).then_some(id)
    }

    /// Returns `true` if a row is neither settled nor under a lease.
    pub(in crate::store::model) fn is_pending(&self, id: RowId) -> bool {
        self.rows.get(&id).is_some_and(|row| matches!(row.place, Place::Ready(..) | Place::Waiting(_)))
    }

    /// Counts an attempt at a row, or takes one back.
    pub(in crate::store::model) fn attempt(&mut self, id: RowId, begins: bool) {
        if let Some(row) = self.rows.get_mut(&id) {
            row.attempts = if begins { row.attempts.saturating_add(1) } else { row.attempts.saturating_sub(1) };
        }
    }

    /// Settles a pending row that nobody holds a claim on.
    pub(in crate::store::model) fn mark(&mut self, id: RowId, dead: Option<&SmolStr>, now: Timestamp) {
        self.lift(id);
        if let Some(row) = self.rows.get_mut(&id) {
            row.token = None;
            self.end(id, dead, now);
        }
    }
}
