//! Rows that were dispatched: the routine that keeps the table small.

use rusqlite::Connection;
use seaworthy_core::{ids::MessageId, ports::Timestamp};

use crate::{columns::limit as as_limit, envelope::read_any_id};

pub(super) const PURGE_DISPATCHED: &str = "DELETE FROM seaworthy_outbox WHERE sequence IN (
         SELECT sequence FROM seaworthy_outbox INDEXED BY seaworthy_outbox_dispatched
         WHERE state = 2 AND settled_at <= ?1 ORDER BY settled_at, sequence LIMIT ?2)
         RETURNING id";

pub(crate) fn purge_dispatched(
    connection: &Connection,
    before: Timestamp,
    limit: usize,
) -> rusqlite::Result<Vec<MessageId>> {
    let mut purge = connection.prepare_cached(PURGE_DISPATCHED)?;
    purge.query_map((before.as_micros(), as_limit(limit)), |row| read_any_id(row, 0))?.collect()
}
