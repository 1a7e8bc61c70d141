//! Rows that are dead: shown, redriven, purged.

use seaworthy_core::{
    ids::MessageId,
    ports::{OutboxRow, PurgeRequest, RedriveRequest, RowId, Timestamp},
};
use smol_str::SmolStr;

use super::{AT_ONCE, Outbox, Place, Row};

impl Outbox {
    /// Dead rows with the reason, longest dead first.
    pub(in crate::store::model) fn dead_rows(&self, limit: usize) -> Vec<(OutboxRow, SmolStr)> {
        let described = |id: &RowId| {
            let row = self.rows.get(id)?;
            let Place::Dead(_, reason) = &row.place else { return None };
            let shown = OutboxRow { row: *id, message: (*row.message).clone(), attempts: row.attempts };
            Some((shown, reason.clone()))
        };
        self.dead.values().filter_map(described).take(limit).collect()
    }

    /// Makes dead rows pending, in the place that they had in the order of their key.
    pub(in crate::store::model) fn redrive(&mut self, request: &RedriveRequest) -> Vec<MessageId> {
        let chosen: Vec<RowId> = match &request.only {
            None => self.dead.values().take(request.limit).copied().collect(),
            Some(only) => {
                let rows = only.iter().filter_map(|message| self.by_message.get(message).copied());
                let since = |id: RowId| match self.rows.get(&id) {
                    Some(Row { place: Place::Dead(at, _), message, .. }) => Some((*at, message.sequence, id)),
                    _ => None,
                };
                let mut dead: Vec<_> = rows.filter_map(since).collect();
                dead.sort_unstable();
                // An event may be named twice.
                dead.dedup();
                dead.into_iter().map(|(.., id)| id).take(request.limit).collect()
            }
        };
        let mut redriven = Vec::with_capacity(chosen.len());
        for id in chosen {
            self.lift(id);
            let Some(row) = self.rows.get_mut(&id) else { continue };
            row.attempts = 0;
            redriven.push(row.message.id);
            self.dead_places.remove(&row.message.sequence);
            self.open.insert(row.message.sequence, id);
            let led = self.lanes.revived(&row.message.partition_key, id);
            self.make_ready(id, AT_ONCE);
            if let Some(led) = led {
                self.refresh(led);
            }
            self.unsettled += 1;
        }
        redriven
    }

    /// Forgets rows that died long enough ago.
    pub(in crate::store::model) fn purge_dead(&mut self, request: &PurgeRequest, now: Timestamp) -> Vec<MessageId> {
        let latest = now.before(request.older_than);
        let mut purged = Vec::new();
        while purged.len() < request.limit
            && let Some((&(at, sequence), &id)) = self.dead.first_key_value()
            && at <= latest
        {
            self.dead.remove(&(at, sequence));
            if let Some(message) = self.remove(id) {
                self.by_message.remove(&message.id);
                purged.push(message.id);
            }
        }
        purged
    }
}
