//! Acquisition: finds the sagas that are due, and takes them over.

use rusqlite::{Connection, OptionalExtension, Row};
use seaworthy_core::ports::{AcquireRequest, SagaInstance, Timestamp};

use super::row::{after, instance_columns, read_instance};
use crate::columns::{IdText, limit as as_limit};

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

pub(crate) fn acquire(
    connection: &Connection,
    request: &AcquireRequest,
    now: Timestamp,
) -> rusqlite::Result<Vec<SagaInstance>> {
    let mut found: Vec<(i64, i64, SagaInstance)> = Vec::new();
    let ranked = |row: &Row<'_>| Ok((row.get(INSTANCE_WIDTH + 1)?, row.get(INSTANCE_WIDTH)?, read_instance(row)?));
    if let Some(only) = request.only {
        let saga = connection.prepare_cached(THIS_ONE)?.query_row((IdText::new(only.0), now.as_micros()), ranked);
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
