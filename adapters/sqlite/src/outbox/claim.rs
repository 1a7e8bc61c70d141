//! Claims: which rows a relay may take, found without looking at those that it may not.
//!
//! Rows that were never tried are due at once and come in commit order; rows that wait after a failure come by the
//! moment at which they are due. Both are ranges of one index, read up to the limit and then merged into commit order,
//! so that neither a table full of dispatched rows nor a long backlog behind one key costs anything.

use rusqlite::{Connection, Row};
use seaworthy_core::ports::{ClaimRequest, Ordering, OutboxRow, RowId, Timestamp, WhenDead};

use crate::{
    columns::{IdText, limit as as_limit, moment},
    envelope::{ENVELOPE_WIDTH, envelope_columns, read_message},
};

/// Rows of one `head`, fresh ones and those that wait, each with a further condition.
macro_rules! due {
    ($head:literal $(, $condition:expr)*) => {
        concat!(
            "SELECT * FROM (SELECT ",
            envelope_columns!(),
            ", attempts FROM seaworthy_outbox AS o INDEXED BY seaworthy_outbox_due WHERE state < 2 AND head = ",
            $head,
            " AND available_at = 0",
            $($condition,)*
            " ORDER BY sequence LIMIT ?2) UNION ALL SELECT * FROM (SELECT ",
            envelope_columns!(),
            ", attempts FROM seaworthy_outbox AS o INDEXED BY seaworthy_outbox_due WHERE state < 2 AND head = ",
            $head,
            " AND available_at > 0 AND available_at <= ?1",
            $($condition,)*
            " ORDER BY available_at, sequence LIMIT ?2)"
        )
    };
}

/// No other row of the key is out. One can be although it is a later one: when an earlier row was redriven meanwhile, or
/// when it was claimed out of order.
macro_rules! nothing_out {
    () => {
        " AND NOT EXISTS (SELECT 1 FROM seaworthy_outbox AS c INDEXED BY seaworthy_outbox_key \
          WHERE c.partition_key = o.partition_key AND c.state = 1 AND c.state <> 2 \
          AND c.sequence <> o.sequence AND c.available_at > ?1)"
    };
}

macro_rules! nothing_dead_before {
    () => {
        " AND NOT EXISTS (SELECT 1 FROM seaworthy_outbox AS d INDEXED BY seaworthy_outbox_key \
          WHERE d.partition_key = o.partition_key AND d.state = 3 AND d.state <> 2 AND d.sequence < o.sequence)"
    };
}

/// In key order; a dead row holds up the later rows of its key.
pub(super) const PER_KEY_BLOCKING: &str =
    concat!("SELECT * FROM (", due!("1", nothing_out!(), nothing_dead_before!()), ") ORDER BY sequence LIMIT ?2");

/// In key order; a dead row is passed over.
pub(super) const PER_KEY_SKIPPING: &str =
    concat!("SELECT * FROM (", due!("1", nothing_out!()), ") ORDER BY sequence LIMIT ?2");

/// Any row that is due.
pub(super) const UNORDERED: &str =
    concat!("SELECT * FROM (", due!("1"), " UNION ALL ", due!("0"), ") ORDER BY sequence LIMIT ?2");

pub(super) fn claim(
    connection: &Connection,
    request: &ClaimRequest,
    now: Timestamp,
) -> rusqlite::Result<Vec<OutboxRow>> {
    let sql = match (request.ordering, request.when_dead) {
        (Ordering::PerKey, WhenDead::BlockKey) => PER_KEY_BLOCKING,
        (Ordering::PerKey, WhenDead::SkipDead) => PER_KEY_SKIPPING,
        (Ordering::Unordered, _) => UNORDERED,
    };
    let rows: Vec<OutboxRow> = connection
        .prepare_cached(sql)?
        .query_map((now.as_micros(), as_limit(request.limit)), |row| {
            let mut row = read_row(row)?;
            row.attempts += 1;
            Ok(row)
        })?
        .collect::<rusqlite::Result<_>>()?;
    let token = IdText::of(request.token.0);
    let lease_until = moment(now + request.lease);
    let mut take = connection.prepare_cached(
        "UPDATE seaworthy_outbox SET state = 1, attempts = attempts + 1, claim_token = ?2, available_at = ?3
         WHERE sequence = ?1",
    )?;
    for row in &rows {
        take.execute((row.row.0.cast_signed(), &token, lease_until))?;
    }
    Ok(rows)
}

pub(super) fn read_row(row: &Row<'_>) -> rusqlite::Result<OutboxRow> {
    let message = read_message(row)?;
    Ok(OutboxRow { row: RowId(message.sequence), message, attempts: row.get(ENVELOPE_WIDTH)? })
}

pub(super) const NEXT_AVAILABLE: &str = "SELECT min(at) FROM (
         SELECT min(available_at) AS at FROM seaworthy_outbox INDEXED BY seaworthy_outbox_due
         WHERE state < 2 AND head = 1 AND available_at > ?1
         UNION ALL
         SELECT min(available_at) FROM seaworthy_outbox INDEXED BY seaworthy_outbox_due
         WHERE state < 2 AND head = 0 AND available_at > ?1)";

pub(super) fn next_available(connection: &Connection, now: Timestamp) -> rusqlite::Result<Option<Timestamp>> {
    let at: Option<i64> = connection.prepare_cached(NEXT_AVAILABLE)?.query_row([now.as_micros()], |row| row.get(0))?;
    Ok(at.map(Timestamp::from_micros))
}
