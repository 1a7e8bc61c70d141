use std::{collections::BTreeMap, sync::Arc};

use seaworthy_core::{ids::MessageId, message::Message};
use smol_str::SmolStr;

use super::{Changes, Held};
use crate::trace::{ClaimedRow, SettledAs, SettledRow};

/// The outboxes of all stores.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// The message of each row that was claimed, by store and number.
    rows: BTreeMap<(SmolStr, u64), MessageId>,
    messages: BTreeMap<MessageId, Arc<Message>>,
}

impl Outbox {
    pub(super) fn stage(&mut self, store: &SmolStr, message: &Arc<Message>, changes: &mut Changes<'_>) {
        self.messages.insert(message.id, Arc::clone(message));
        self.become_of(store, message.id, "pending", false, changes);
    }

    pub(super) fn claim(&mut self, store: &SmolStr, row: &ClaimedRow, process: &str, changes: &mut Changes<'_>) {
        self.rows.insert((store.clone(), row.row.0), row.message);
        let again = if row.attempts > 1 { format!(", attempt {}", row.attempts) } else { String::new() };
        self.become_of(store, row.message, &format!("claimed by {process}{again}"), false, changes);
    }

    pub(super) fn settle(&mut self, store: &SmolStr, row: &SettledRow, changes: &mut Changes<'_>) {
        let Some(message) = self.rows.get(&(store.clone(), row.row.0)).copied().filter(|_| row.held) else { return };
        let (state, is_settled) = match row.settled {
            SettledAs::Dispatched => ("dispatched", true),
            SettledAs::Retry => ("pending, to be tried again", false),
            SettledAs::Release => ("pending", false),
            // It waits for an operator.
            SettledAs::Dead => ("dead", false),
        };
        self.become_of(store, message, state, is_settled, changes);
    }

    pub(super) fn purge(&mut self, store: &SmolStr, message: MessageId, changes: &mut Changes<'_>) {
        self.messages.remove(&message);
        changes.tell(store, "outbox", || message.to_string(), || None);
    }

    pub(super) fn become_of(
        &self,
        store: &SmolStr,
        message: MessageId,
        state: &str,
        is_settled: bool,
        changes: &mut Changes<'_>,
    ) {
        let text = || match self.messages.get(&message) {
            Some(message) => format!("{} of {}", message.kind, message.subject),
            None => String::new(),
        };
        changes.tell(store, "outbox", || message.to_string(), || Some(Held::new(state, text(), is_settled)));
    }
}
