//! Dead rows: an operator's work.

use rusqlite::{Connection, OptionalExtension, params};
use seaworthy_core::{
    ids::MessageId,
    ports::{DeadRow, DeadRowRequest, OutboxRow, RowId, Timestamp},
};

use super::lane;
use crate::{
    columns::{IdText, limit as as_limit, read_optional_text},
    envelope::{ENVELOPE_WIDTH, envelope_columns, read_any_id, read_lossily, read_message},
};

/// Those of the dead rows that are asked for, out of a range of an index.
macro_rules! chosen {
    ($index:literal, $range:literal) => {
        concat!(
            "SELECT settled_at, sequence FROM seaworthy_outbox",
            $index,
            " WHERE state = 3 AND (?1 IS NULL OR type = ?1) AND (?2 IS NULL OR aggregatetype = ?2) \
             AND (?3 IS NULL OR partition_key = ?3 \
                  OR (json_valid(headers) AND json_extract(headers, '$.partitionkey') = ?3)) AND (?4 IS NULL OR instr(last_error, ?4) > 0)",
            $range
        )
    };
}

/// From the one that died first. A row that somebody made dead by hand may not say when.
const FROM_THE_FIRST: &str = chosen!(" INDEXED BY seaworthy_outbox_dead", " ORDER BY settled_at, sequence LIMIT ?5");

/// Behind a place, and up to a moment: a range of the index, whatever lies before and after it.
pub(super) const BETWEEN: &str = chosen!(
    " INDEXED BY seaworthy_outbox_dead",
    " AND (settled_at, sequence) > (?6, ?7) AND settled_at <= ?8 ORDER BY settled_at, sequence LIMIT ?5"
);

/// The row of a message, within the same bounds.
pub(super) const NAMED: &str = chosen!(
    "",
    " AND id = ?5 AND (?6 IS NULL OR (settled_at, sequence) > (?6, ?7)) AND (?8 IS NULL OR settled_at <= ?8)"
);

/// The numbers of the rows that a request asks for.
fn choose(connection: &Connection, request: &DeadRowRequest) -> rusqlite::Result<Vec<i64>> {
    let (kind, topic) = (request.kind.as_deref(), request.topic.as_deref());
    let (key, reason) = (request.key.as_deref(), request.reason.as_deref());
    // No row of a moment lies before this place of it.
    let from = request.died_from.map(|from| (from.as_micros(), i64::MIN));
    let after = request.after.map(|after| (after.died_at.as_micros(), after.sequence.cast_signed()));
    let (after, until) = (from.max(after), request.died_until.map(Timestamp::as_micros));
    let limit = as_limit(request.limit);
    if let Some(only) = &request.only {
        let mut found: Vec<(Option<i64>, i64)> = Vec::with_capacity(only.len());
        let mut query = connection.prepare_cached(NAMED)?;
        for message in only {
            let (at, sequence) = after.unzip();
            let named = params![kind, topic, key, reason, IdText::new(message.0), at, sequence, until];
            found.extend(query.query_row(named, |row| Ok((row.get(0)?, row.get(1)?))).optional()?);
        }
        found.sort_unstable();
        // A message may be named twice.
        found.dedup();
        return Ok(found.into_iter().map(|(_, sequence)| sequence).take(request.limit).collect());
    }
    let sequence = |row: &rusqlite::Row<'_>| row.get(1);
    if after.is_none() && until.is_none() {
        let mut query = connection.prepare_cached(FROM_THE_FIRST)?;
        return query.query_map(params![kind, topic, key, reason, limit], sequence)?.collect();
    }
    let (at, place) = after.unwrap_or((i64::MIN, i64::MIN));
    let mut query = connection.prepare_cached(BETWEEN)?;
    let between = params![kind, topic, key, reason, limit, at, place, until.unwrap_or(i64::MAX)];
    query.query_map(between, sequence)?.collect()
}

/// Dead rows that a request asks for, oldest first. One that can't be read is shown as far as it can be, with the reason.
pub(crate) fn dead_rows(connection: &Connection, request: &DeadRowRequest) -> rusqlite::Result<Vec<DeadRow>> {
    let mut query = connection.prepare_cached(concat!(
        "SELECT ",
        envelope_columns!(),
        ", attempts, last_error, settled_at FROM seaworthy_outbox WHERE sequence = ?1"
    ))?;
    let mut read = |sequence| {
        query.query_row([sequence], |row| {
            let message = read_message(row).or_else(|_| read_lossily(row))?;
            Ok(DeadRow {
                row: OutboxRow { row: RowId(message.sequence), message, attempts: row.get(ENVELOPE_WIDTH)? },
                reason: read_optional_text(row, ENVELOPE_WIDTH + 1)?.unwrap_or_default(),
                died_at: Timestamp::from_micros(row.get::<_, Option<i64>>(ENVELOPE_WIDTH + 2)?.unwrap_or(i64::MIN)),
            })
        })
    };
    choose(connection, request)?.into_iter().map(&mut read).collect()
}

pub(crate) fn redrive(connection: &Connection, request: &DeadRowRequest) -> rusqlite::Result<Vec<MessageId>> {
    let mut revive = connection.prepare_cached(
        "UPDATE seaworthy_outbox SET state = 0, attempts = 0, available_at = 0, settled_at = NULL, head = 0
         WHERE sequence = ?1 RETURNING id",
    )?;
    let mut redriven = Vec::new();
    for sequence in choose(connection, request)? {
        let head = lane::first_open(connection, sequence)?;
        redriven.push(revive.query_row([sequence], |row| read_any_id(row, 0))?);
        lane::revived(connection, sequence, head)?;
    }
    Ok(redriven)
}

pub(crate) fn purge_dead(connection: &Connection, request: &DeadRowRequest) -> rusqlite::Result<Vec<MessageId>> {
    let mut delete = connection.prepare_cached("DELETE FROM seaworthy_outbox WHERE sequence = ?1 RETURNING id")?;
    let mut purge = |sequence| delete.query_row([sequence], |row| read_any_id(row, 0));
    choose(connection, request)?.into_iter().map(&mut purge).collect()
}
