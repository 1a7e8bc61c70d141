//! Copies of stores that a fault of the plan may put back, and what each of them knows nothing of.

use std::collections::BTreeSet;

use seaworthy_core::{
    ids::{MessageId, SagaId},
    ports::{Backup, GivenUp},
};
use smol_str::SmolStr;

use crate::trace::{Effect, What};

/// The copies that were made and may still be put back, by the fault that made each.
#[derive(Default)]
pub(crate) struct Copies(Vec<Kept>);

struct Kept {
    index: u32,
    copy: Copy,
}

/// A copy of a store.
pub(crate) struct Copy {
    /// Name of the store.
    pub(crate) store: SmolStr,
    pub(crate) backup: Box<dyn Backup>,
    /// The first event that it knows nothing of.
    pub(crate) since: u64,
    /// Work that was given up in the store and waited for an operator.
    pub(crate) parked: Vec<GivenUp>,
    /// Messages that were staged since, and sagas whose logs were written since.
    pub(crate) messages: BTreeSet<MessageId>,
    pub(crate) sagas: BTreeSet<SagaId>,
}

impl Copies {
    /// Keeps what a fault has made.
    pub(crate) fn keep(&mut self, index: u32, copy: Copy) {
        self.0.push(Kept { index, copy });
    }

    /// Takes in what happened: what a commit adds to a store is lost if the store is put back.
    pub(crate) fn note(&mut self, what: &What) {
        let What::Commit { store, outcome, effects, .. } = what else { return };
        if self.0.is_empty() || !outcome.took_effect() {
            return;
        }
        for Kept { copy, .. } in self.0.iter_mut().filter(|kept| kept.copy.store == *store) {
            for effect in effects.iter() {
                match effect {
                    Effect::Staged(message) => _ = copy.messages.insert(message.id),
                    Effect::SagaCreated { saga, .. } | Effect::SagaLogged { saga, .. } => {
                        copy.sagas.insert(*saga);
                    }
                    _ => {}
                }
            }
        }
    }

    /// Takes the copy that a fault has made. Later ones of its store were made of what is gone once it is put back, and are
    /// forgotten.
    pub(crate) fn take(&mut self, index: u32) -> Option<Copy> {
        let at = self.0.iter().position(|kept| kept.index == index)?;
        let taken = self.0.remove(at).copy;
        self.0.retain(|kept| kept.copy.store != taken.store || kept.copy.since <= taken.since);
        Some(taken)
    }
}
