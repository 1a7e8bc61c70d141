use seaworthy_core::{ids::MessageId, ports::RowId};
use smol_str::SmolStr;

use super::{Lookup, name_numbers::NameNumbers};
use crate::trace::{ClaimedRow, SettledAs, SettledRow};

/// Messages of claimed outbox rows: a claim names both, a settlement only the row.
///
/// A row is forgotten once it is dispatched or dead; a dead one that is redriven shows up in a claim again.
#[derive(Debug, Default)]
pub(super) struct Rows {
    stores: NameNumbers,
    messages: Lookup<(u16, RowId), MessageId>,
}

/// Effect of a settlement that held on a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Settled {
    /// The broker has acknowledged it.
    Dispatched,
    /// It was given up.
    Dead,
    /// It waits for its next claim.
    Waiting,
}

impl Rows {
    /// Takes in a claim.
    pub(super) fn claim(&mut self, store: &SmolStr, rows: &[ClaimedRow]) {
        let store = self.stores.number(store);
        for row in rows {
            self.messages.insert((store, row.row), row.message);
        }
    }

    /// Takes in one settled row; says what became of which message, unless the claim had lost the row.
    pub(super) fn settle(&mut self, store: &SmolStr, row: &SettledRow) -> Option<(MessageId, Settled)> {
        if !row.held {
            return None;
        }
        let id = (self.stores.number(store), row.row);
        match row.settled {
            SettledAs::Dispatched => Some((self.messages.remove(&id)?, Settled::Dispatched)),
            SettledAs::Dead => Some((self.messages.remove(&id)?, Settled::Dead)),
            SettledAs::Retry | SettledAs::Release => Some((*self.messages.get(&id)?, Settled::Waiting)),
        }
    }
}
