use std::collections::BTreeMap;

use seaworthy_core::{
    ids::SagaId,
    ports::{DefinitionRef, SagaStatus},
};
use smol_str::SmolStr;

use super::{Changes, Held};

/// The sagas of all stores.
#[derive(Debug, Default)]
pub(super) struct Sagas(BTreeMap<SagaId, Saga>);

#[derive(Debug)]
struct Saga {
    /// Definition and business key: `checkout of order-3`.
    about: String,
    epoch: u64,
    /// Records in its log.
    length: u64,
    status: SagaStatus,
}

impl Default for Saga {
    fn default() -> Self {
        Self { about: String::new(), epoch: 0, length: 0, status: SagaStatus::Running }
    }
}

impl Sagas {
    pub(super) fn create(
        &mut self,
        store: &SmolStr,
        saga: SagaId,
        definition: &DefinitionRef,
        key: &str,
        changes: &mut Changes<'_>,
    ) {
        self.0.insert(saga, Saga { about: format!("{} of {key}", definition.name), ..Saga::default() });
        self.tell(store, saga, changes);
    }

    pub(super) fn log(
        &mut self,
        store: &SmolStr,
        saga: SagaId,
        (epoch, length, status): (u64, u64, SagaStatus),
        changes: &mut Changes<'_>,
    ) {
        let known = self.0.entry(saga).or_default();
        (known.epoch, known.length, known.status) = (epoch, length, status);
        self.tell(store, saga, changes);
    }

    pub(super) fn acquire(&mut self, store: &SmolStr, saga: SagaId, epoch: u64, changes: &mut Changes<'_>) {
        self.0.entry(saga).or_default().epoch = epoch;
        self.tell(store, saga, changes);
    }

    fn tell(&self, store: &SmolStr, saga: SagaId, changes: &mut Changes<'_>) {
        let Some(Saga { about, epoch, length, status }) = self.0.get(&saga) else { return };
        let held =
            || Held::new(status.name(), format!("{about}, {length} records, epoch {epoch}"), status.is_terminal());
        changes.tell(store, "sagas", || saga.to_string(), || Some(held()));
    }
}
