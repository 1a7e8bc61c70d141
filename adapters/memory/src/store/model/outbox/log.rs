//! The rows as a log: read from a position on, and settled without a claim.

use seaworthy_core::{
    ids::MessageId,
    message::Message,
    ports::{OutboxRow, OutboxState, RowId, Timestamp},
};
use smol_str::SmolStr;

use super::{Outbox, Place};

impl Outbox {
    /// Returns the rows that a reader of the log sees from a position on.
    pub(in crate::store::model) fn tail(
        &mut self,
        after: u64,
        limit: usize,
        now: Timestamp,
    ) -> Vec<(OutboxRow, OutboxState)> {
        self.wake(now);
        let shown = |(sequence, id): (&u64, &RowId)| {
            let row = self.rows.get(id)?;
            let state = match row.place {
                Place::Ready(..) | Place::Waiting(_) => OutboxState::Pending,
                Place::Out(_) => OutboxState::Claimed,
                Place::Dead(..) if *sequence <= after => return None,
                Place::Dead(..) => OutboxState::Dead,
            };
            let message = Message { gap: self.gap(*id), ..(*row.message).clone() };
            Some((OutboxRow { row: *id, message, attempts: row.attempts }, state))
        };
        self.log.iter().filter_map(shown).take(limit).collect()
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

    /// Settles a pending row that nobody holds a claim on.
    pub(in crate::store::model) fn mark(&mut self, id: RowId, dead: Option<&SmolStr>, now: Timestamp) {
        self.lift(id);
        if let Some(row) = self.rows.get_mut(&id) {
            row.token = None;
            self.end(id, dead, now);
        }
    }
}
