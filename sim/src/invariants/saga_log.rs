use seaworthy_core::{
    ids::SagaId,
    ports::SagaStatus,
    saga::{Record, RecordError},
};

use crate::trace::{Effect, Event, What};

/// Entries that one commit appended to one saga's log, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SagaLog {
    /// Id of the saga.
    pub saga: SagaId,
    /// The writer's epoch.
    pub epoch: u64,
    /// The log's length before.
    pub length: u64,
    /// The saga's status after it.
    pub status: SagaStatus,
    /// The records in order, or the error of the first that can't be read.
    pub records: Result<Vec<Record>, RecordError>,
}

impl SagaLog {
    /// Returns the entries that an event appended to the logs of sagas: empty unless it is a commit that took effect.
    pub fn from_event(event: &Event) -> Vec<Self> {
        let What::Commit { outcome, effects, .. } = &event.what else { return Vec::new() };
        if !outcome.took_effect() {
            return Vec::new();
        }
        let log = |effect: &Effect| match effect {
            Effect::SagaLogged { saga, epoch, length, records, status } => Some(Self {
                saga: *saga,
                epoch: *epoch,
                length: *length,
                status: *status,
                records: records.iter().map(|record| Record::decode(record)).collect(),
            }),
            _ => None,
        };
        effects.iter().filter_map(log).collect()
    }
}
