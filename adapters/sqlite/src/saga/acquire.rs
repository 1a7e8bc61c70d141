//! Acquisition: finds the sagas that are due, and takes them over.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row};
use seaworthy_core::ports::{AcquireRequest, SagaInstance, Timestamp};

use super::row::{INSTANCE_WIDTH, after, instance_columns, read_instance};
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

pub(crate) fn acquire(
    connection: &Connection,
    request: &AcquireRequest,
    now: Timestamp,
) -> rusqlite::Result<Vec<SagaInstance>> {
    let mut found: Vec<(i64, i64, SagaInstance)> = Vec::new();
    let mut unreadable = Vec::new();
    let ranked = |row: &Row<'_>| {
        let number: i64 = row.get(INSTANCE_WIDTH)?;
        Ok(match read_instance(row) {
            Ok(saga) => Found::Saga(row.get(INSTANCE_WIDTH + 1)?, number, saga),
            Err(failure) => Found::Unreadable(number, failure),
        })
    };
    if let Some(only) = request.only {
        let saga = connection.prepare_cached(THIS_ONE)?.query_row((IdText::new(only.0), now.as_micros()), ranked);
        match saga.optional()? {
            Some(Found::Saga(due, number, saga)) if request.definitions.contains(&saga.definition.name) => {
                found.push((due, number, saga));
            }
            Some(Found::Unreadable(_, failure)) => return Err(failure),
            _ => {}
        }
    } else {
        let mut query = connection.prepare_cached(DUE)?;
        for (at, definition) in request.definitions.iter().enumerate() {
            if request.definitions[..at].contains(definition) {
                continue;
            }
            for saga in query.query_map((definition.as_str(), now.as_micros(), as_limit(request.limit)), ranked)? {
                match saga? {
                    Found::Saga(due, number, saga) => found.push((due, number, saga)),
                    Found::Unreadable(number, failure) => unreadable.push((number, failure)),
                }
            }
        }
        found.sort_unstable_by_key(|(due, number, _)| (*due, *number));
    }
    found.truncate(request.limit);
    for (number, failure) in unreadable {
        set_aside(connection, number, &failure, now)?;
    }
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

/// A row that is due.
enum Found {
    /// Its moment, its number, and the saga.
    Saga(i64, i64, SagaInstance),
    /// Its number, and what is wrong with it.
    Unreadable(i64, rusqlite::Error),
}

/// Time for which a row that can't be read stands in nobody's way.
const SET_ASIDE_FOR: Duration = Duration::from_secs(60);

/// Puts a row that can't be read aside for a while, so that others are acquired, and says which it is.
fn set_aside(connection: &Connection, number: i64, failure: &rusqlite::Error, now: Timestamp) -> rusqlite::Result<()> {
    tracing::warn!(number, error = %failure, "a row of `seaworthy_sagas` can't be read: mend it, or delete it; others go on");
    connection
        .prepare_cached("UPDATE seaworthy_sagas SET wake_at = ?2 WHERE number = ?1")?
        .execute((number, after(now, SET_ASIDE_FOR)))
        .map(drop)
}
