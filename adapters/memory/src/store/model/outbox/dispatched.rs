//! Rows that were dispatched: kept for a while, published once more, purged.

use seaworthy_core::{
    ids::MessageId,
    message::Message,
    ports::{PurgeRequest, RepublishRequest, Timestamp},
};

use super::{AT_ONCE, Outbox, Place, Row};
use crate::store::model::lanes::Lane;

impl Outbox {
    /// Makes dispatched rows pending, in the place that they had in the order of their key.
    pub(in crate::store::model) fn republish(&mut self, request: &RepublishRequest) -> Vec<MessageId> {
        // Places are counted from one.
        let (since, until) = ((request.since, 0), (request.until.max(request.since), 0));
        let asked_for = |message: &Message| request.topic.as_ref().is_none_or(|topic| *topic == message.topic);
        let dispatched = self.dispatched.range(since..until).filter(|(_, message)| asked_for(message));
        let chosen: Vec<(Timestamp, u64)> = dispatched.map(|(place, _)| *place).take(request.limit).collect();
        chosen.into_iter().filter_map(|place| self.reopen(place)).collect()
    }

    fn reopen(&mut self, place: (Timestamp, u64)) -> Option<MessageId> {
        let message = self.dispatched.remove(&place)?;
        let (event, sequence) = (message.id, message.sequence);
        let id = *self.by_message.get(&event)?;
        self.open.insert(sequence, id);
        let key = message.order_key();
        let led = self.lanes.insert(&key, id, sequence);
        self.rows.insert(id, Row { key, message, attempts: 0, token: None, place: Place::Ready(Lane::First, AT_ONCE) });
        self.make_ready(id, AT_ONCE);
        if let Some(led) = led {
            self.refresh(led);
        }
        self.unsettled += 1;
        Some(event)
    }

    /// Forgets rows that were dispatched long enough ago.
    pub(in crate::store::model) fn purge_dispatched(
        &mut self,
        request: &PurgeRequest,
        now: Timestamp,
    ) -> Vec<MessageId> {
        let latest = now.before(request.older_than);
        let mut purged = Vec::new();
        while purged.len() < request.limit
            && let Some(oldest) = self.dispatched.first_entry()
            && oldest.key().0 <= latest
        {
            let message = oldest.remove();
            self.by_message.remove(&message.id);
            purged.push(message.id);
        }
        purged
    }
}
