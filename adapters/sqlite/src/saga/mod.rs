//! Sagas: instances, their owners and their logs.

mod acquire;
mod log;
mod row;

use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension};
use seaworthy_core::{
    ids::SagaId,
    ports::{AcquireRequest, LogEntry, PurgeRequest, SagaInstance, SagaStore, StoreError, Timestamp},
};

use self::{
    acquire::acquire,
    row::{after, instance, instance_columns, read_entry, read_instance},
};
use crate::{
    columns::{IdText, integer, limit as as_limit},
    error::in_statement,
    store::SqliteStore,
};

#[cfg(test)]
pub(crate) use acquire::DUE;
pub(crate) use log::{append, create};

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
