//! Operations of a participant: answers of those that were executed, tombstones of those that were compensated.

use rusqlite::{Connection, OptionalExtension};
use seaworthy_core::{
    ids::OperationId,
    ports::{OperationRecord, OperationState, StoreError, Timestamp},
};
use smol_str::format_smolstr;

use crate::{
    columns::{IdText, limit as as_limit, read_bytes},
    error::in_statement,
};

const EXECUTED: i64 = 1;
const COMPENSATED: i64 = 2;

pub(crate) fn read(connection: &Connection, id: OperationId) -> Result<Option<OperationState>, StoreError> {
    connection
        .prepare_cached("SELECT state, answer FROM seaworthy_operations WHERE id = ?1")
        .and_then(|mut query| {
            query
                .query_row([IdText::new(id.0)], |row| match row.get::<_, i64>(0)? {
                    EXECUTED => read_bytes(row, 1).map(OperationState::Executed),
                    _ => Ok(OperationState::Compensated),
                })
                .optional()
        })
        .map_err(|failure| in_statement("read operation", &failure))
}

pub(crate) fn write(connection: &Connection, record: &OperationRecord, now: Timestamp) -> Result<(), StoreError> {
    let (state, answer) = match &record.state {
        OperationState::Executed(answer) => (EXECUTED, Some(&answer[..])),
        OperationState::Compensated => (COMPENSATED, None),
    };
    let changed = connection
        .prepare_cached(
            "INSERT INTO seaworthy_operations (id, state, answer, at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (id) DO UPDATE SET state = excluded.state, answer = excluded.answer, at = excluded.at
             WHERE seaworthy_operations.state = 1 AND excluded.state = 2",
        )
        .and_then(|mut write| write.execute((IdText::new(record.id.0), state, answer, now.as_micros())))
        .map_err(|failure| in_statement("write operation", &failure))?;
    if changed == 1 {
        return Ok(());
    }
    match read(connection, record.id)? {
        // Saying the same again changes nothing.
        Some(found) if found == record.state => Ok(()),
        found => Err(StoreError::Refused(format_smolstr!(
            "operation {} is {found:?}: only an executed one may become compensated; read it before writing it",
            record.id
        ))),
    }
}

pub(crate) const PURGE: &str = "DELETE FROM seaworthy_operations WHERE id IN (
         SELECT id FROM seaworthy_operations INDEXED BY seaworthy_operations_by_age WHERE at <= ?1 ORDER BY at, id LIMIT ?2)";

pub(crate) fn purge(connection: &Connection, before: Timestamp, limit: usize) -> rusqlite::Result<u64> {
    let mut purge = connection.prepare_cached(PURGE)?;
    purge.execute((before.as_micros(), as_limit(limit))).map(|purged| purged as u64)
}
