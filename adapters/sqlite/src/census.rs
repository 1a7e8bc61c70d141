//! Counts and ages for operators, each by an index that holds little else.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Row};
use seaworthy_core::ports::{Census, RowCounts, SagaStatus, StoreTable, Tally, Timestamp};

use crate::columns::{read_count, read_text, read_time};

pub(crate) fn take(connection: &Connection, now: Timestamp) -> rusqlite::Result<Census> {
    let mut census = Census::new(now);
    census.outbox_pending = pending(connection, now)?;
    census.outbox_dead = connection
        .prepare_cached("SELECT count(*), min(settled_at) FROM seaworthy_outbox WHERE state = 3")?
        .query_row([], |row| read_tally(row, 0))?;
    let mut letters = connection
        .prepare_cached("SELECT consumer, count(*), min(failed_at) FROM seaworthy_dead_letters GROUP BY consumer")?;
    census.dead_letters =
        letters.query_map([], |row| Ok((read_text(row, 0)?, read_tally(row, 1)?)))?.collect::<rusqlite::Result<_>>()?;
    census.sagas = sagas(connection)?;
    Ok(census)
}

/// The rows of each table, however many there are.
pub(crate) fn row_counts(connection: &Connection) -> rusqlite::Result<RowCounts> {
    let counts = connection
        .prepare_cached(
            "SELECT (SELECT count(*) FROM seaworthy_outbox), (SELECT count(*) FROM seaworthy_inbox),
                    (SELECT count(*) FROM seaworthy_dead_letters), (SELECT count(*) FROM seaworthy_watermarks),
                    (SELECT count(*) FROM seaworthy_operations), (SELECT count(*) FROM seaworthy_sagas)",
        )?
        .query_row([], |row| {
            let tables = [
                StoreTable::Outbox,
                StoreTable::Inbox,
                StoreTable::DeadLetters,
                StoreTable::Watermarks,
                StoreTable::Operations,
                StoreTable::Sagas,
            ];
            let counts = tables.into_iter().enumerate();
            counts.map(|(column, table)| Ok((table, read_count(row, column)?))).collect::<rusqlite::Result<RowCounts>>()
        })?;
    Ok(counts.into_iter().filter(|(_, count)| *count > 0).collect())
}

/// Rows that were never tried and wait for no moment are told by the index alone; the others, which are
/// read each, are those of topics that are down, and messages and timers for a later moment.
fn pending(connection: &Connection, now: Timestamp) -> rusqlite::Result<Tally> {
    let read_sequence = |row: &Row<'_>, column| row.get::<_, Option<i64>>(column);
    let (count, untried) = connection
        .prepare_cached(
            "SELECT count(*), min(CASE WHEN available_at = 0 THEN sequence END)
             FROM seaworthy_outbox INDEXED BY seaworthy_outbox_due WHERE state < 2",
        )?
        .query_row([], |row| Ok((read_count(row, 0)?, read_sequence(row, 1)?)))?;
    let (tried, come) = connection
        .prepare_cached(
            "SELECT min(CASE WHEN moment IS NULL THEN sequence END), min(CASE WHEN moment <= ?1 THEN max(time, moment) END)
             FROM (SELECT sequence, time, CASE WHEN json_valid(headers) THEN CAST(headers ->> 'notbefore' AS INTEGER) END AS moment
                   FROM seaworthy_outbox INDEXED BY seaworthy_outbox_due WHERE state < 2 AND available_at > 0)",
        )?
        .query_row([now.as_micros()], |row| Ok((read_sequence(row, 0)?, row.get::<_, Option<i64>>(1)?)))?;
    let first = connection
        .prepare_cached("SELECT time FROM seaworthy_outbox WHERE sequence = ?1")?
        .query_row([untried.into_iter().chain(tried).min()], |row| read_time(row, 0))
        .optional()?;
    Ok(Tally { count, oldest: first.into_iter().chain(come.map(Timestamp::from_micros)).min() })
}

/// Sagas that have completed are most of them. They are what is left when the others are subtracted, so that nobody looks
/// at them one by one.
fn sagas(connection: &Connection) -> rusqlite::Result<BTreeMap<SagaStatus, Tally>> {
    let mut tallies = connection
        .prepare_cached(
            "SELECT (SELECT count(*) FROM seaworthy_sagas),
                    (SELECT count(*) FROM seaworthy_sagas WHERE status = 4),
                    (SELECT count(*) FROM seaworthy_sagas WHERE status = 5)",
        )?
        .query_row([], |row| {
            let ended = |count| Tally { count, oldest: None };
            Ok(BTreeMap::from([
                (SagaStatus::Completed, ended(read_count(row, 0)?)),
                (SagaStatus::Compensated, ended(read_count(row, 1)?)),
                (SagaStatus::Abandoned, ended(read_count(row, 2)?)),
            ]))
        })?;
    for (status, query) in [
        (
            SagaStatus::Running,
            "SELECT count(*), min(since) FROM seaworthy_sagas INDEXED BY seaworthy_sagas_due
             WHERE status < 2 AND status = 0",
        ),
        (
            SagaStatus::Compensating,
            "SELECT count(*), min(since) FROM seaworthy_sagas INDEXED BY seaworthy_sagas_due
             WHERE status < 2 AND status = 1",
        ),
        (SagaStatus::Stuck, "SELECT count(*), min(since) FROM seaworthy_sagas WHERE status = 2"),
    ] {
        tallies.insert(status, connection.prepare_cached(query)?.query_row([], |row| read_tally(row, 0))?);
    }
    let others =
        tallies.iter().filter(|(status, _)| **status != SagaStatus::Completed).map(|(_, tally)| tally.count).sum();
    if let Some(completed) = tallies.get_mut(&SagaStatus::Completed) {
        completed.count = completed.count.saturating_sub(others);
    }
    tallies.retain(|_, tally| tally.count > 0);
    Ok(tallies)
}

fn read_tally(row: &Row<'_>, column: usize) -> rusqlite::Result<Tally> {
    let oldest = row.get::<_, Option<i64>>(column + 1)?.map(Timestamp::from_micros);
    Ok(Tally { count: read_count(row, column)?, oldest })
}
