//! Sagas: instances, their owners and their logs.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, params};
use seaworthy_core::{
    ids::SagaId,
    ports::{
        AcquireRequest, DefinitionRef, LogEntry, NewSaga, PurgeRequest, SagaAppend, SagaCreate, SagaInstance,
        SagaStatus, SagaStore, StoreError, Timestamp,
    },
};
use smol_str::format_smolstr;
use std::time::Duration;

use crate::{
    columns::{IdText, integer, limit as as_limit, read_bytes, read_count, read_id, read_text, read_time},
    error::in_statement,
    store::SqliteStore,
};

macro_rules! instance_columns {
    () => {
        "id, definition, definition_version, definition_hash, key, input, correlation_id, status, epoch, log_length, \
         lease_until, wake_at"
    };
}

pub(crate) fn create(connection: &Connection, saga: &NewSaga, now: Timestamp) -> Result<SagaCreate, StoreError> {
    let failed = |failure| in_statement("create saga", &failure);
    let created = connection
        .prepare_cached(
            "INSERT INTO seaworthy_sagas (id, definition, definition_version, definition_hash, key, input,
                                          correlation_id, status, epoch, lease_until, wake_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, 1, ?8, ?9) ON CONFLICT (definition, key) DO NOTHING",
        )
        .and_then(|mut write| {
            write.execute(params![
                IdText::of(saga.id.0),
                saga.definition.name.as_str(),
                saga.definition.version,
                saga.definition.hash.cast_signed(),
                saga.key.as_str(),
                &saga.input[..],
                IdText::of(saga.correlation_id),
                after(now, saga.lease),
                now.as_micros(),
            ])
        })
        .map_err(|failure| match in_statement("create saga", &failure) {
            // The key is free, so it is the id that is taken: a mistake that comes again however often it is tried.
            StoreError::Conflict(_) => {
                StoreError::Refused(format_smolstr!("a saga of id {} exists under another key", saga.id))
            }
            other => other,
        })?;
    if created == 1 {
        return Ok(SagaCreate::Created);
    }
    connection
        .prepare_cached("SELECT id FROM seaworthy_sagas WHERE definition = ?1 AND key = ?2")
        .and_then(|mut query| {
            query.query_row((saga.definition.name.as_str(), saga.key.as_str()), |row| read_id(row, 0))
        })
        .map(|id| SagaCreate::Exists(SagaId(id)))
        .map_err(failed)
}

pub(crate) fn append(connection: &Connection, append: &SagaAppend, now: Timestamp) -> Result<(), StoreError> {
    let failed = |failure| in_statement("append to saga log", &failure);
    let epoch = integer(append.epoch, "epoch")?;
    let length = integer(append.expected_length, "log length")?;
    let grown = length.saturating_add(as_limit(append.records.len()));
    let saga: Option<i64> = connection
        .prepare_cached(
            "UPDATE seaworthy_sagas
             SET log_length = ?4, status = ?5, lease_until = ?6, wake_at = ?7,
                 ended_at = CASE WHEN ?5 >= 3 THEN coalesce(ended_at, ?8) END
             WHERE id = ?1 AND epoch = ?2 AND log_length = ?3 RETURNING number",
        )
        .and_then(|mut write| {
            write
                .query_row(
                    params![
                        IdText::of(append.saga.0),
                        epoch,
                        length,
                        grown,
                        status_number(append.status),
                        after(now, append.lease),
                        after(now, append.sleep),
                        now.as_micros()
                    ],
                    |row| row.get(0),
                )
                .optional()
        })
        .map_err(failed)?;
    let Some(saga) = saga else { return Err(fenced(connection, append)) };
    let mut write = connection
        .prepare_cached(
            "INSERT INTO seaworthy_saga_log (saga, sequence, epoch, at, record) VALUES (?1, ?2, ?3, ?4, ?5)",
        )
        .map_err(failed)?;
    for (sequence, record) in (length + 1..).zip(&append.records) {
        write.execute(params![saga, sequence, epoch, now.as_micros(), &record[..]]).map_err(failed)?;
    }
    Ok(())
}

fn fenced(connection: &Connection, append: &SagaAppend) -> StoreError {
    match instance(connection, append.saga) {
        Ok(Some(found)) => StoreError::Conflict(format_smolstr!(
            "saga {} is at epoch {} and log length {}, not {} and {}: read it again, or leave it to its owner",
            append.saga,
            found.epoch,
            found.log_length,
            append.epoch,
            append.expected_length
        )),
        Ok(None) => StoreError::Conflict(format_smolstr!("there is no saga {}: create it first", append.saga)),
        Err(failure) => in_statement("append to saga log", &failure),
    }
}

#[async_trait]
impl SagaStore for SqliteStore {
    async fn acquire_sagas(&self, request: &AcquireRequest) -> Result<Vec<SagaInstance>, StoreError> {
        self.write(|connection, now| {
            acquire(connection, request, now).map_err(|failure| in_statement("acquire sagas", &failure))
        })
        .await
    }

    async fn renew_saga(&self, saga: SagaId, epoch: u64, lease: Duration) -> Result<bool, StoreError> {
        let epoch = integer(epoch, "epoch")?;
        self.write(|connection, now| {
            connection
                .prepare_cached("UPDATE seaworthy_sagas SET lease_until = ?3 WHERE id = ?1 AND epoch = ?2")
                .and_then(|mut write| write.execute((IdText::of(saga.0), epoch, after(now, lease))))
                .map(|renewed| renewed == 1)
                .map_err(|failure| in_statement("renew saga", &failure))
        })
        .await
    }

    async fn saga(&self, id: SagaId) -> Result<Option<SagaInstance>, StoreError> {
        self.read(|connection| instance(connection, id).map_err(|failure| in_statement("read saga", &failure))).await
    }

    async fn saga_by_key(&self, definition: &str, key: &str) -> Result<Option<SagaInstance>, StoreError> {
        self.read(|connection| {
            connection
                .prepare_cached(concat!(
                    "SELECT ",
                    instance_columns!(),
                    " FROM seaworthy_sagas WHERE definition = ?1 AND key = ?2"
                ))
                .and_then(|mut query| query.query_row((definition, key), read_instance).optional())
                .map_err(|failure| in_statement("read saga by key", &failure))
        })
        .await
    }

    async fn saga_log(&self, id: SagaId, after: u64, limit: usize) -> Result<Vec<LogEntry>, StoreError> {
        let after = integer(after, "log position")?;
        self.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT sequence, epoch, at, record FROM seaworthy_saga_log
                     WHERE saga = (SELECT number FROM seaworthy_sagas WHERE id = ?1) AND sequence > ?2
                     ORDER BY sequence LIMIT ?3",
                )
                .and_then(|mut query| {
                    query.query_map((IdText::of(id.0), after, as_limit(limit)), read_entry)?.collect()
                })
                .map_err(|failure| in_statement("read saga log", &failure))
        })
        .await
    }

    async fn purge_saga_logs(&self, request: &PurgeRequest) -> Result<u64, StoreError> {
        self.write(|connection, now| {
            purge(connection, now.before(request.older_than), request.limit)
                .map_err(|failure| in_statement("purge saga logs", &failure))
        })
        .await
    }
}

/// When a lease or a rest that begins now is over.
fn after(now: Timestamp, duration: Duration) -> i64 {
    (now + duration).as_micros()
}

fn instance(connection: &Connection, id: SagaId) -> rusqlite::Result<Option<SagaInstance>> {
    connection
        .prepare_cached(concat!("SELECT ", instance_columns!(), " FROM seaworthy_sagas WHERE id = ?1"))?
        .query_row([IdText::of(id.0)], read_instance)
        .optional()
}

pub(crate) const DUE: &str = concat!(
    "SELECT ",
    instance_columns!(),
    ", number, due_at FROM seaworthy_sagas INDEXED BY seaworthy_sagas_due \
     WHERE status < 2 AND definition = ?1 AND due_at <= ?2 ORDER BY due_at, number LIMIT ?3"
);

const THIS_ONE: &str = concat!(
    "SELECT ",
    instance_columns!(),
    ", number, due_at FROM seaworthy_sagas WHERE id = ?1 AND status <= 2 AND lease_until <= ?2"
);

/// Columns of an instance, which `number` and `due_at` follow.
const INSTANCE_WIDTH: usize = 12;

fn acquire(connection: &Connection, request: &AcquireRequest, now: Timestamp) -> rusqlite::Result<Vec<SagaInstance>> {
    let mut found: Vec<(i64, i64, SagaInstance)> = Vec::new();
    let ranked = |row: &Row<'_>| Ok((row.get(INSTANCE_WIDTH + 1)?, row.get(INSTANCE_WIDTH)?, read_instance(row)?));
    if let Some(only) = request.only {
        let saga = connection.prepare_cached(THIS_ONE)?.query_row((IdText::of(only.0), now.as_micros()), ranked);
        found.extend(saga.optional()?.filter(|(_, _, saga)| request.definitions.contains(&saga.definition.name)));
    } else {
        let mut query = connection.prepare_cached(DUE)?;
        for (at, definition) in request.definitions.iter().enumerate() {
            if request.definitions[..at].contains(definition) {
                continue;
            }
            for saga in query.query_map((definition.as_str(), now.as_micros(), as_limit(request.limit)), ranked)? {
                found.push(saga?);
            }
        }
        found.sort_unstable_by_key(|(due, number, _)| (*due, *number));
    }
    found.truncate(request.limit);
    let lease_until = after(now, request.lease);
    let mut take = connection
        .prepare_cached("UPDATE seaworthy_sagas SET epoch = epoch + 1, lease_until = ?2 WHERE number = ?1")?;
    found
        .into_iter()
        .map(|(_, number, mut saga)| {
            take.execute((number, lease_until))?;
            saga.epoch += 1;
            saga.lease_until = Timestamp::from_micros(lease_until);
            Ok(saga)
        })
        .collect()
}

fn purge(connection: &Connection, before: Timestamp, limit: usize) -> rusqlite::Result<u64> {
    let ended: Vec<i64> = connection
        .prepare_cached(
            "SELECT number FROM seaworthy_sagas INDEXED BY seaworthy_sagas_ended
             WHERE ended_at IS NOT NULL AND log_purged = 0 AND ended_at <= ?1 ORDER BY ended_at, number LIMIT ?2",
        )?
        .query_map((before.as_micros(), as_limit(limit)), |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let mut delete = connection.prepare_cached("DELETE FROM seaworthy_saga_log WHERE saga = ?1")?;
    let mut mark = connection.prepare_cached("UPDATE seaworthy_sagas SET log_purged = 1 WHERE number = ?1")?;
    for saga in &ended {
        delete.execute([saga])?;
        mark.execute([saga])?;
    }
    Ok(ended.len() as u64)
}

fn read_instance(row: &Row<'_>) -> rusqlite::Result<SagaInstance> {
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
    })
}

fn read_entry(row: &Row<'_>) -> rusqlite::Result<LogEntry> {
    Ok(LogEntry {
        sequence: read_count(row, 0)?,
        epoch: read_count(row, 1)?,
        at: read_time(row, 2)?,
        record: read_bytes(row, 3)?,
    })
}

fn status_number(status: SagaStatus) -> i64 {
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
