//! Upkeep of the inbox: rows that were handled long ago become watermarks, and those that failed long ago go.

use rusqlite::Connection;
use seaworthy_core::ports::{InboxPurgeRequest, Timestamp};

use crate::columns::limit as as_limit;

/// Deletes old watermarks, then old rows, and then old counts of failures. The watermark rises in the same transaction in which the rows go, so there is no
/// moment at which a late duplicate finds neither.
pub(crate) fn purge(
    connection: &Connection,
    consumer: &str,
    request: &InboxPurgeRequest,
    now: Timestamp,
) -> rusqlite::Result<u64> {
    let limit = as_limit(request.limit);
    let forgotten = match request.watermarks_older_than {
        None => 0,
        Some(older_than) => connection
            .prepare_cached(
                "DELETE FROM seaworthy_watermarks WHERE (consumer, source, epoch, key) IN (
                     SELECT consumer, source, epoch, key FROM seaworthy_watermarks
                     WHERE consumer = ?1 AND raised_at <= ?2 ORDER BY raised_at, source, epoch, key LIMIT ?3)",
            )?
            .execute((consumer, now.before(older_than).as_micros(), limit))?,
    };
    let before = now.before(request.older_than).as_micros();
    connection
        .prepare_cached(
            "INSERT INTO seaworthy_watermarks (consumer, source, epoch, key, sequence, raised_at)
             SELECT ?1, source, epoch, key, max(sequence), ?4 FROM (
                 SELECT source, epoch, key, sequence FROM seaworthy_inbox
                 WHERE state = 1 AND consumer = ?1 AND at <= ?2 ORDER BY at, message LIMIT ?3)
             WHERE sequence > 0 GROUP BY source, epoch, key
             ON CONFLICT (consumer, source, epoch, key) DO UPDATE
                 SET sequence = max(sequence, excluded.sequence), raised_at = max(raised_at, excluded.raised_at)",
        )?
        .execute((consumer, before, limit, now.as_micros()))?;
    let purged = connection
        .prepare_cached(
            "DELETE FROM seaworthy_inbox WHERE (consumer, message) IN (
                 SELECT consumer, message FROM seaworthy_inbox
                 WHERE state = 1 AND consumer = ?1 AND at <= ?2 ORDER BY at, message LIMIT ?3)",
        )?
        .execute((consumer, before, limit))?;
    let failures = match request.failures_older_than {
        None => 0,
        Some(older_than) => connection
            .prepare_cached(
                "DELETE FROM seaworthy_inbox WHERE (consumer, message) IN (
                     SELECT consumer, message FROM seaworthy_inbox
                     WHERE state = 0 AND consumer = ?1 AND at <= ?2 ORDER BY at, message LIMIT ?3)",
            )?
            .execute((consumer, now.before(older_than).as_micros(), limit))?,
    };
    Ok((purged + forgotten + failures) as u64)
}
