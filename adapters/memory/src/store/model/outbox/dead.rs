//! Rows that are dead: shown, redriven, purged.

use std::{collections::BTreeMap, ops::Bound};

use seaworthy_core::{
    ids::MessageId,
    ports::{DeadRow, DeadRowRequest, OutboxRow, RowId},
};

use super::{AT_ONCE, Outbox, Place, Row};

impl Outbox {
    /// Dead rows that are asked for, by their places.
    pub(in crate::store::model) fn dead_rows(&self, request: &DeadRowRequest) -> Vec<DeadRow> {
        self.chosen(request).map(|(_, dead)| dead).collect()
    }

    fn chosen(&self, request: &DeadRowRequest) -> impl Iterator<Item = (RowId, DeadRow)> {
        let behind = request.after.map_or(Bound::Unbounded, |after| Bound::Excluded((after.died_at, after.sequence)));
        let described = |id: &RowId| {
            let row = self.rows.get(id)?;
            let Place::Dead(died_at, reason) = &row.place else { return None };
            let shown = OutboxRow { row: *id, message: (*row.message).clone(), attempts: row.attempts };
            Some((*id, DeadRow { row: shown, reason: reason.clone(), died_at: *died_at }))
        };
        let named = request.only.as_ref().map(|only| self.places(only));
        let all = named.is_none().then(|| self.dead.range((behind, Bound::Unbounded)).map(|(_, id)| *id));
        let dead = named.into_iter().flatten().chain(all.into_iter().flatten()).filter_map(move |id| described(&id));
        dead.filter(|(_, dead)| request.asks_for(dead)).take(request.limit)
    }

    /// The dead rows of messages, in the order in which they died.
    fn places(&self, messages: &[MessageId]) -> Vec<RowId> {
        let rows = messages.iter().filter_map(|message| self.by_message.get(message).copied());
        let dead = rows.filter_map(|id| match self.rows.get(&id) {
            Some(Row { place: Place::Dead(at, _), message, .. }) => Some(((*at, message.sequence), id)),
            _ => None,
        });
        // A message may be named twice.
        dead.collect::<BTreeMap<_, _>>().into_values().collect()
    }

    /// Makes dead rows pending, in the place that they had in the order of their key.
    pub(in crate::store::model) fn redrive(&mut self, request: &DeadRowRequest) -> Vec<MessageId> {
        let chosen: Vec<RowId> = self.chosen(request).map(|(id, _)| id).collect();
        let mut redriven = Vec::with_capacity(chosen.len());
        for id in chosen {
            self.lift(id);
            let Some(row) = self.rows.get_mut(&id) else { continue };
            row.attempts = 0;
            redriven.push(row.message.id);
            self.dead_places.remove(&row.message.sequence);
            self.open.insert(row.message.sequence, id);
            let led = self.lanes.revived(&row.key, id);
            self.make_ready(id, AT_ONCE);
            if let Some(led) = led {
                self.refresh(led);
            }
            self.unsettled += 1;
        }
        redriven
    }

    /// Forgets dead rows.
    pub(in crate::store::model) fn purge_dead(&mut self, request: &DeadRowRequest) -> Vec<MessageId> {
        let chosen: Vec<RowId> = self.chosen(request).map(|(id, _)| id).collect();
        let mut purged = Vec::with_capacity(chosen.len());
        for id in chosen {
            self.lift(id);
            if let Some(message) = self.remove(id) {
                self.by_message.remove(&message.id);
                purged.push(message.id);
            }
        }
        purged
    }
}
