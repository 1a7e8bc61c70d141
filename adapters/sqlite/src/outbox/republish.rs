//! Dispatched rows that are to go out once more.

use rusqlite::{Connection, params};
use seaworthy_core::{ids::MessageId, ports::RepublishRequest};

use super::lane;
use crate::{columns::limit as as_limit, envelope::read_any_id};

/// Rows that were dispatched in a span of time.
pub(super) const DISPATCHED: &str = "SELECT sequence FROM seaworthy_outbox INDEXED BY seaworthy_outbox_dispatched
     WHERE state = 2 AND settled_at >= ?1 AND settled_at < ?2 AND (?3 IS NULL OR aggregatetype = ?3)
     ORDER BY settled_at, sequence LIMIT ?4";

pub(crate) fn republish(connection: &Connection, request: &RepublishRequest) -> rusqlite::Result<Vec<MessageId>> {
    let chosen: Vec<i64> = connection
        .prepare_cached(DISPATCHED)?
        .query_map(
            params![
                request.since.as_micros(),
                request.until.as_micros(),
                request.topic.as_deref(),
                as_limit(request.limit)
            ],
            |row| row.get(0),
        )?
        .collect::<rusqlite::Result<_>>()?;
    let mut reopen = connection.prepare_cached(
        "UPDATE seaworthy_outbox
         SET state = 0, attempts = 0, available_at = 0, settled_at = NULL, last_error = NULL, head = 0
         WHERE sequence = ?1 RETURNING id",
    )?;
    let mut republished = Vec::with_capacity(chosen.len());
    for sequence in chosen {
        let head = lane::first_open(connection, sequence)?;
        republished.push(reopen.query_row([sequence], |row| read_any_id(row, 0))?);
        lane::reopened(connection, sequence, head)?;
    }
    Ok(republished)
}
