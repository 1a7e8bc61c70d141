//! A saga as a document, and the entries of its log.

use std::time::Duration;

use seaworthy_core::{
    ids::SagaId,
    ports::{DefinitionRef, ListedSaga, LogEntry, NewSaga, SagaInstance, SagaStatus, Timestamp},
};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use uuid::Uuid;

use crate::{
    document::Payload,
    indexed::{self, Index, Indexed},
    key::Key,
    tables::{
        SAGA_IDS, SAGA_NAMES, SAGAS, SAGAS_BY_STATUS, SAGAS_CORRELATED, SAGAS_DUE, SAGAS_ENDED, SAGAS_FORGOTTEN,
        SAGAS_SINCE, Table,
    },
    view::{Result, Tables, View},
};

/// Counter of the sagas that wait for a signal, for as long as it takes.
pub(super) fn waiting() -> Key {
    Key::of_text("sagas_waiting")
}

/// Name of the counter of the sagas of a status.
pub(super) fn count_of(status: SagaStatus) -> Key {
    Key::of_text("sagas").kind(status_number(status))
}

pub(super) const fn status_number(status: SagaStatus) -> u8 {
    match status {
        SagaStatus::Running => 0,
        SagaStatus::Compensating => 1,
        SagaStatus::Stuck => 2,
        SagaStatus::Completed => 3,
        SagaStatus::Compensated => 4,
        SagaStatus::Abandoned => 5,
    }
}

/// A saga as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Saga {
    pub(super) id: Uuid,
    pub(super) definition: DefinitionRef,
    pub(super) key: SmolStr,
    pub(super) input: Payload,
    pub(super) correlation_id: Uuid,
    pub(super) status: SagaStatus,
    pub(super) epoch: u64,
    pub(super) log_length: u64,
    pub(super) lease_until: i64,
    pub(super) wake_at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) outcome: Option<Payload>,
    pub(super) started_at: i64,
    /// Time at which it got its status.
    pub(super) since: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ended_at: Option<i64>,
    #[serde(default)]
    pub(super) log_purged: bool,
}

impl Saga {
    pub(super) fn new(new: &NewSaga, now: Timestamp) -> Self {
        Self {
            id: new.id.0,
            definition: new.definition.clone(),
            key: new.key.clone(),
            input: Payload(new.input.clone()),
            correlation_id: new.correlation_id,
            status: SagaStatus::Running,
            epoch: 1,
            log_length: 0,
            lease_until: after(now, new.lease),
            wake_at: now.as_micros(),
            outcome: None,
            started_at: now.as_micros(),
            since: now.as_micros(),
            ended_at: None,
            log_purged: false,
        }
    }

    /// Moment from which it may be acquired.
    pub(super) fn due_at(&self) -> i64 {
        self.lease_until.max(self.wake_at)
    }

    pub(super) fn instance(&self) -> SagaInstance {
        SagaInstance {
            id: SagaId(self.id),
            definition: self.definition.clone(),
            key: self.key.clone(),
            input: self.input.0.clone(),
            correlation_id: self.correlation_id,
            status: self.status,
            epoch: self.epoch,
            log_length: self.log_length,
            lease_until: Timestamp::from_micros(self.lease_until),
            wake_at: Timestamp::from_micros(self.wake_at),
            outcome: self.outcome.as_ref().map(|outcome| outcome.0.clone()),
        }
    }

    pub(super) fn listed(&self, number: u64) -> ListedSaga {
        ListedSaga {
            number,
            saga: self.instance(),
            started_at: Timestamp::from_micros(self.started_at),
            since: Timestamp::from_micros(self.since),
        }
    }
}

impl Indexed for Saga {
    const TABLE: Table = SAGAS;

    fn index(&self, key: &[u8], index: &mut Index) {
        let number = key.try_into().map_or(0, u64::from_be_bytes);
        let status = status_number(self.status);
        index.number(SAGA_IDS, Key::of_id(self.id), number);
        index.number(SAGA_NAMES, Key::of_text(&self.definition.name).text(&self.key), number);
        if self.correlation_id != self.id {
            index.entry(SAGAS_CORRELATED, Key::of_id(self.correlation_id).rest(key));
        }
        index.entry(SAGAS_BY_STATUS, Key::of_kind(status).rest(key));
        index.counted(count_of(self.status));
        if !self.status.is_terminal() {
            index.entry(SAGAS_SINCE, Key::of_kind(status).moment(self.since).rest(key));
        }
        if self.status.is_active() {
            index.entry(SAGAS_DUE, Key::of_text(&self.definition.name).moment(self.due_at()).rest(key));
            if self.wake_at == Timestamp::MAX.as_micros() {
                index.counted(waiting());
            }
        }
        if let Some(ended_at) = self.ended_at {
            let table = if self.log_purged { SAGAS_FORGOTTEN } else { SAGAS_ENDED };
            index.entry(table, Key::of_moment(ended_at).rest(key));
        }
    }
}

/// An entry of a log.
#[derive(Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) epoch: u64,
    pub(super) at: i64,
    pub(super) record: Payload,
}

impl Entry {
    pub(super) fn shown(self, sequence: u64) -> LogEntry {
        LogEntry { sequence, epoch: self.epoch, at: Timestamp::from_micros(self.at), record: self.record.0 }
    }
}

/// Returns the time at which a lease or a sleep that begins now is over.
pub(super) fn after(now: Timestamp, duration: Duration) -> i64 {
    (now + duration).as_micros()
}

pub(super) fn read(view: View<'_>, number: u64) -> Result<Option<Saga>> {
    indexed::read(view, &Key::of_count(number))
}

pub(super) fn update(tables: Tables<'_>, number: u64, before: &Saga, after: &Saga) -> Result<()> {
    indexed::replace(tables, &Key::of_count(number), Some(before), Some(after))
}

/// Returns the saga of an id with its number.
pub(super) fn find(view: View<'_>, id: SagaId) -> Result<Option<(u64, Saga)>> {
    let Some(number) = view.number(SAGA_IDS, &Key::of_id(id.0))? else { return Ok(None) };
    Ok(read(view, number)?.map(|saga| (number, saga)))
}

pub(crate) fn instance(view: View<'_>, id: SagaId) -> Result<Option<SagaInstance>> {
    Ok(find(view, id)?.map(|(_, saga)| saga.instance()))
}

pub(crate) fn by_key(view: View<'_>, definition: &str, key: &str) -> Result<Option<SagaInstance>> {
    let Some(number) = view.number(SAGA_NAMES, &Key::of_text(definition).text(key))? else { return Ok(None) };
    Ok(read(view, number)?.map(|saga| saga.instance()))
}
