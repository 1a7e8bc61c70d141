use std::cell::RefCell;

use bytes::Bytes;
use seaworthy_core::{
    ids::SagaId,
    ports::SagaStatus,
    saga::{Record, RecordError},
};

use super::Lookup;
use crate::trace::{Effect, Event, What};

/// Length up to which a record is remembered, in bytes. What is longer holds something of its saga's own, and does not come again.
const SHORT: usize = 64;

/// So many records are remembered in each thread. A scenario has a handful for each of its steps.
const KNOWN_MAX: usize = 256;

thread_local! {
    /// Records that were decoded before, in other runs mostly: nearly all say no more than which step has come how far.
    static KNOWN: RefCell<Lookup<Bytes, Record>> = RefCell::new(Lookup::new());
}

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
                records: records.iter().map(decoded).collect(),
            }),
            _ => None,
        };
        effects.iter().filter_map(log).collect()
    }
}

/// Decodes a record, unless one of the same text was decoded in this thread before.
fn decoded(record: &Bytes) -> Result<Record, RecordError> {
    if record.len() > SHORT {
        return Record::decode(record);
    }
    KNOWN.with_borrow_mut(|known| {
        if let Some(known) = known.get(&record[..]) {
            return Ok(known.clone());
        }
        let decoded = Record::decode(record)?;
        if known.len() < KNOWN_MAX {
            // A copy, or it would keep what else lies beside it in memory.
            known.insert(Bytes::copy_from_slice(record), decoded.clone());
        }
        Ok(decoded)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_decoded_to_the_same_however_often_and_however_many_there_are() {
        let of = |step: usize| Record::Skipped { step: format!("step-{step}").into() };
        let long = Record::Rejected { step: "pay".into(), reason: "r".repeat(2 * SHORT), maybe_executed: false };
        for _ in 0..3 {
            for step in 0..2 * KNOWN_MAX {
                assert_eq!(decoded(&of(step).encode()), Ok(of(step)));
            }
            assert_eq!(decoded(&long.encode()), Ok(long.clone()));
            assert!(decoded(&Bytes::from_static(b"{\"step\":1}")).is_err());
        }
        assert_eq!(KNOWN.with_borrow(Lookup::len), KNOWN_MAX);
    }
}
