//! Transaction side of sagas: the instance when it starts, and the entries of its log.

use rusqlite::{Connection, OptionalExtension, params};
use seaworthy_core::{
    ids::SagaId,
    ports::{NewSaga, SagaAppend, SagaCreate, StoreError, Timestamp},
};
use smol_str::format_smolstr;

use super::row::{after, instance, status_number};
use crate::{
    columns::{IdText, integer, limit as as_limit, read_bytes, read_id},
    error::in_statement,
};

pub(crate) fn create(connection: &Connection, saga: &NewSaga, now: Timestamp) -> Result<SagaCreate, StoreError> {
    let failed = |failure| in_statement("create saga", &failure);
    let created = connection
        .prepare_cached(
            "INSERT INTO seaworthy_sagas (id, definition, definition_version, definition_hash, key, input,
                                          correlation_id, status, epoch, lease_until, wake_at, started_at, since)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, 1, ?8, ?9, ?9, ?9) ON CONFLICT (definition, key) DO NOTHING",
        )
        .and_then(|mut write| {
            write.execute(params![
                IdText::new(saga.id.0),
                saga.definition.name.as_str(),
                saga.definition.version,
                saga.definition.hash.cast_signed(),
                saga.key.as_str(),
                &saga.input[..],
                IdText::new(saga.correlation_id),
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
        .prepare_cached("SELECT id, input FROM seaworthy_sagas WHERE definition = ?1 AND key = ?2")
        .and_then(|mut query| {
            query.query_row((saga.definition.name.as_str(), saga.key.as_str()), |row| {
                Ok(SagaCreate::Exists { saga: SagaId(read_id(row, 0)?), input: read_bytes(row, 1)? })
            })
        })
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
             SET log_length = ?4, since = CASE WHEN status = ?5 THEN since ELSE ?8 END, status = ?5, lease_until = ?6, wake_at = ?7,
                 ended_at = CASE WHEN ?5 >= 3 THEN coalesce(ended_at, ?8) END,
                 definition_version = coalesce(?9, definition_version),
                 definition_hash = coalesce(?10, definition_hash),
                 outcome = ?11
             WHERE id = ?1 AND epoch = ?2 AND log_length = ?3 RETURNING number",
        )
        .and_then(|mut write| {
            write
                .query_row(
                    params![
                        IdText::new(append.saga.0),
                        epoch,
                        length,
                        grown,
                        status_number(append.status),
                        after(now, append.lease),
                        after(now, append.sleep),
                        now.as_micros(),
                        append.definition.as_ref().map(|definition| definition.version),
                        append.definition.as_ref().map(|definition| definition.hash.cast_signed()),
                        append.outcome.as_deref()
                    ],
                    |row| row.get(0),
                )
                .optional()
        })
        .map_err(failed)?;
    let Some(saga) = saga else { return Err(fenced(connection, append)) };
    if append.forgets {
        connection
            .prepare_cached("DELETE FROM seaworthy_saga_log WHERE saga = ?1")
            .and_then(|mut forget| forget.execute([saga]))
            .map_err(failed)?;
    }
    for key in &append.keys {
        connection
            .prepare_cached(
                "INSERT INTO seaworthy_saga_keys (definition, name, key, saga)
                 SELECT definition, ?2, ?3, number FROM seaworthy_sagas WHERE number = ?1 ON CONFLICT DO NOTHING",
            )
            .and_then(|mut give| give.execute((saga, key.name.as_str(), key.key.as_str())))
            .map_err(failed)?;
    }
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
