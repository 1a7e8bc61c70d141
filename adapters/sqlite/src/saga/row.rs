//! A saga and its log entries as columns.

use std::time::Duration;

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, Row};
use seaworthy_core::{
    ids::SagaId,
    ports::{DefinitionRef, LogEntry, SagaInstance, SagaStatus, Timestamp},
};

use crate::columns::{IdText, read_bytes, read_count, read_id, read_text, read_time};

macro_rules! instance_columns {
    () => {
        "id, definition, definition_version, definition_hash, key, input, correlation_id, status, epoch, log_length, \
         lease_until, wake_at, outcome"
    };
}
pub(super) use instance_columns;

/// The number of these columns, which others may follow.
pub(super) const INSTANCE_WIDTH: usize = 13;

/// Returns the time at which a lease or a sleep that begins now is over.
pub(super) fn after(now: Timestamp, duration: Duration) -> i64 {
    (now + duration).as_micros()
}

pub(crate) fn instance(connection: &Connection, id: SagaId) -> rusqlite::Result<Option<SagaInstance>> {
    connection
        .prepare_cached(concat!("SELECT ", instance_columns!(), " FROM seaworthy_sagas WHERE id = ?1"))?
        .query_row([IdText::new(id.0)], read_instance)
        .optional()
}

pub(super) fn read_instance(row: &Row<'_>) -> rusqlite::Result<SagaInstance> {
    Ok(SagaInstance {
        id: SagaId(read_id(row, 0)?),
        definition: DefinitionRef {
            name: read_text(row, 1)?,
            version: row.get(2)?,
            hash: row.get::<_, i64>(3)?.cast_unsigned(),
        },
        key: read_text(row, 4)?,
        input: read_bytes(row, 5)?,
        correlation_id: read_id(row, 6)?,
        status: read_status(row, 7)?,
        epoch: read_count(row, 8)?,
        log_length: read_count(row, 9)?,
        lease_until: read_time(row, 10)?,
        wake_at: read_time(row, 11)?,
        outcome: row.get::<_, Option<Vec<u8>>>(12)?.map(Bytes::from),
    })
}

pub(super) fn read_entry(row: &Row<'_>) -> rusqlite::Result<LogEntry> {
    Ok(LogEntry {
        sequence: read_count(row, 0)?,
        epoch: read_count(row, 1)?,
        at: read_time(row, 2)?,
        record: read_bytes(row, 3)?,
    })
}

pub(super) fn status_number(status: SagaStatus) -> i64 {
    match status {
        SagaStatus::Running => 0,
        SagaStatus::Compensating => 1,
        SagaStatus::Stuck => 2,
        SagaStatus::Completed => 3,
        SagaStatus::Compensated => 4,
        SagaStatus::Abandoned => 5,
    }
}

fn read_status(row: &Row<'_>, column: usize) -> rusqlite::Result<SagaStatus> {
    match row.get::<_, i64>(column)? {
        0 => Ok(SagaStatus::Running),
        1 => Ok(SagaStatus::Compensating),
        2 => Ok(SagaStatus::Stuck),
        3 => Ok(SagaStatus::Completed),
        4 => Ok(SagaStatus::Compensated),
        5 => Ok(SagaStatus::Abandoned),
        other => Err(rusqlite::Error::IntegralValueOutOfRange(column, other)),
    }
}
