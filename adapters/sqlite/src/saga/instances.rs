//! Store side of sagas: instances, leases and whole logs.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension};
use seaworthy_core::{
    ids::SagaId,
    ports::{LogEntry, SagaInstance, Timestamp},
};

use super::row::{after, instance_columns, read_entry, read_instance};
use crate::columns::{IdText, limit as as_limit};

pub(crate) fn renew(
    connection: &Connection,
    saga: SagaId,
    epoch: i64,
    lease: Duration,
    now: Timestamp,
) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("UPDATE seaworthy_sagas SET lease_until = ?3 WHERE id = ?1 AND epoch = ?2")?
        .execute((IdText::new(saga.0), epoch, after(now, lease)))
        .map(|renewed| renewed == 1)
}

pub(crate) fn by_key(connection: &Connection, definition: &str, key: &str) -> rusqlite::Result<Option<SagaInstance>> {
    connection
        .prepare_cached(concat!(
            "SELECT ",
            instance_columns!(),
            " FROM seaworthy_sagas WHERE definition = ?1 AND key = ?2"
        ))?
        .query_row((definition, key), read_instance)
        .optional()
}

pub(crate) fn entries(
    connection: &Connection,
    saga: SagaId,
    after: i64,
    limit: usize,
) -> rusqlite::Result<Vec<LogEntry>> {
    connection
        .prepare_cached(
            "SELECT sequence, epoch, at, record FROM seaworthy_saga_log
             WHERE saga = (SELECT number FROM seaworthy_sagas WHERE id = ?1) AND sequence > ?2
             ORDER BY sequence LIMIT ?3",
        )?
        .query_map((IdText::new(saga.0), after, as_limit(limit)), read_entry)?
        .collect()
}

pub(crate) fn purge(connection: &Connection, before: Timestamp, limit: usize) -> rusqlite::Result<u64> {
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

pub(crate) const FORGOTTEN: &str = "SELECT number FROM seaworthy_sagas INDEXED BY seaworthy_sagas_forgotten
    WHERE ended_at IS NOT NULL AND log_purged = 1 AND ended_at <= ?1 ORDER BY ended_at, number LIMIT ?2";

/// Deletes sagas whose logs were purged.
pub(crate) fn purge_sagas(connection: &Connection, before: Timestamp, limit: usize) -> rusqlite::Result<u64> {
    let ended: Vec<i64> = connection
        .prepare_cached(FORGOTTEN)?
        .query_map((before.as_micros(), as_limit(limit)), |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    // Its number may be another saga's next, which must find no entry.
    let mut entries = connection.prepare_cached("DELETE FROM seaworthy_saga_log WHERE saga = ?1")?;
    let mut keys = connection.prepare_cached("DELETE FROM seaworthy_saga_keys WHERE saga = ?1")?;
    let mut delete = connection.prepare_cached("DELETE FROM seaworthy_sagas WHERE number = ?1")?;
    for saga in &ended {
        entries.execute([saga])?;
        keys.execute([saga])?;
        delete.execute([saga])?;
    }
    Ok(ended.len() as u64)
}
