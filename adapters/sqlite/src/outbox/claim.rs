//! Claims: which rows a relay may take, found without looking at those that it may not.
//!
//! Rows that were never tried are due at once and come in commit order; rows that wait after a failure come by the
//! moment at which they are due. Both are ranges of one index, read up to the limit and then merged into commit order,
//! so that neither a table full of dispatched rows nor a long backlog behind one key costs anything.

use rusqlite::{Connection, Row};
use seaworthy_core::{
    message::Message,
    ports::{ClaimRequest, OutboxOrder, OutboxRow, RowId, Timestamp, WhenDead},
};

use crate::{
    columns::{IdText, limit as as_limit, moment},
    envelope::{ENVELOPE_WIDTH, envelope_columns, read_message},
};

/// Rows that may be taken, with a further condition: those that were never tried in commit order, or those that wait in
/// the order of their moments. One range of one index each; SQLite neither sorts nor materialises anything.
macro_rules! due {
    (never tried, $gap:expr $(, $condition:expr)*) => {
        due!($gap, " AND available_at = 0 AND ?1 >= 0", " ORDER BY sequence LIMIT ?2" $(, $condition)*)
    };
    (waiting, $gap:expr $(, $condition:expr)*) => {
        due!(
            $gap,
            " AND available_at > 0 AND available_at <= ?1",
            " ORDER BY available_at, sequence LIMIT ?2" $(, $condition)*
        )
    };
    ($gap:expr, $range:literal, $order:literal $(, $condition:expr)*) => {
        concat!(
            "SELECT ",
            envelope_columns!(),
            ", attempts, ",
            $gap,
            " FROM seaworthy_outbox AS o INDEXED BY seaworthy_outbox_due WHERE state < 2 AND head = ?3",
            $range,
            $($condition,)*
            $order
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

/// Counts the dead rows of its key before a row.
macro_rules! dead_before {
    () => {
        "(SELECT count(*) FROM seaworthy_outbox AS d INDEXED BY seaworthy_outbox_key \
          WHERE d.partition_key = o.partition_key AND d.state = 3 AND d.state <> 2 AND d.sequence < o.sequence)"
    };
}
pub(super) use dead_before;

/// Two ranges to read: rows that were never tried, and rows that wait.
pub(super) type Ranges = [&'static str; 2];

/// In key order; a dead row holds up the later rows of its key, so none of them has passed one.
pub(super) const PER_KEY_BLOCKING: Ranges = [
    due!(never tried, "0", nothing_out!(), nothing_dead_before!()),
    due!(waiting, "0", nothing_out!(), nothing_dead_before!()),
];

/// In key order; a dead row is passed over, and those that pass it say so.
pub(super) const PER_KEY_SKIPPING: Ranges =
    [due!(never tried, dead_before!(), nothing_out!()), due!(waiting, dead_before!(), nothing_out!())];

/// Any row that is due. Where there is no order, nothing is passed.
pub(super) const UNORDERED: Ranges = [due!(never tried, "0"), due!(waiting, "0")];

pub(crate) fn claim(
    connection: &Connection,
    request: &ClaimRequest,
    now: Timestamp,
) -> rusqlite::Result<Vec<OutboxRow>> {
    // In key order only the head of a key may go out.
    let (ranges, heads): (_, &[bool]) = match (request.ordering, request.when_dead) {
        (OutboxOrder::PerKey, WhenDead::BlockKey) => (PER_KEY_BLOCKING, &[true]),
        (OutboxOrder::PerKey, WhenDead::SkipDead) => (PER_KEY_SKIPPING, &[true]),
        (OutboxOrder::Unordered, _) => (UNORDERED, &[true, false]),
    };
    let mut rows: Vec<OutboxRow> = Vec::new();
    for head in heads {
        for range in ranges {
            let mut query = connection.prepare_cached(range)?;
            for row in query.query_map((now.as_micros(), as_limit(request.limit), head), read_row)? {
                rows.push(row?);
            }
        }
    }
    rows.sort_unstable_by_key(|row| row.row);
    rows.truncate(request.limit);
    if rows.is_empty() {
        return Ok(rows);
    }
    let token = IdText::new(request.token.0);
    let lease_until = moment(now + request.lease);
    let mut take = connection.prepare_cached(
        "UPDATE seaworthy_outbox SET state = 1, attempts = attempts + 1, claim_token = ?2, available_at = ?3
         WHERE sequence = ?1",
    )?;
    for row in &mut rows {
        take.execute((row.row.0.cast_signed(), &token, lease_until))?;
        row.attempts += 1;
    }
    Ok(rows)
}

/// A row of the envelope's columns, the attempts and the gap.
pub(super) fn read_row(row: &Row<'_>) -> rusqlite::Result<OutboxRow> {
    let message = Message { gap: row.get(ENVELOPE_WIDTH + 1)?, ..read_message(row)? };
    Ok(OutboxRow { row: RowId(message.sequence), message, attempts: row.get(ENVELOPE_WIDTH)? })
}

/// The earliest moment among heads, and among the rows behind them.
pub(super) const NEXT_AVAILABLE: &str = "SELECT
         (SELECT min(available_at) FROM seaworthy_outbox INDEXED BY seaworthy_outbox_due
          WHERE state < 2 AND head = 1 AND available_at > ?1),
         (SELECT min(available_at) FROM seaworthy_outbox INDEXED BY seaworthy_outbox_due
          WHERE state < 2 AND head = 0 AND available_at > ?1)";

pub(crate) fn next_available(connection: &Connection, now: Timestamp) -> rusqlite::Result<Option<Timestamp>> {
    let moments: (Option<i64>, Option<i64>) = connection
        .prepare_cached(NEXT_AVAILABLE)?
        .query_row([now.as_micros().max(0)], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(moments.0.into_iter().chain(moments.1).min().map(Timestamp::from_micros))
}
