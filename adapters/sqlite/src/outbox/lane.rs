//! Keys: which row of one is its head, and how many dead ones it has.

use rusqlite::{Connection, OptionalExtension};
use seaworthy_core::{cut::cut, ports::Timestamp};
use smol_str::format_smolstr;

/// The earliest rows of the key of row `?1` that are pending, and that are claimed: each state is a range of the index of
/// its own, so the minimum of each is one step into it.
pub(super) const FIRST_OPEN: &str = "SELECT
         (SELECT min(sequence) FROM seaworthy_outbox INDEXED BY seaworthy_outbox_key
          WHERE partition_key = o.partition_key AND state = 0 AND state <> 2),
         (SELECT min(sequence) FROM seaworthy_outbox INDEXED BY seaworthy_outbox_key
          WHERE partition_key = o.partition_key AND state = 1 AND state <> 2)
     FROM seaworthy_outbox AS o WHERE o.sequence = ?1";

/// The earliest row of a key that is open; the key is that of `beside`.
pub(super) fn first_open(connection: &Connection, beside: i64) -> rusqlite::Result<Option<i64>> {
    let first: Option<(Option<i64>, Option<i64>)> =
        connection.prepare_cached(FIRST_OPEN)?.query_row([beside], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    Ok(first.and_then(|(pending, claimed)| pending.into_iter().chain(claimed).min()))
}

/// Makes a row the head of its key: its first row, or its first open one behind dead ones.
pub(super) const LEAD: &str = "UPDATE seaworthy_outbox SET head = 1 + EXISTS (
         SELECT 1 FROM seaworthy_outbox AS d INDEXED BY seaworthy_outbox_key
         WHERE d.partition_key = seaworthy_outbox.partition_key AND d.state = 3 AND d.state <> 2
           AND d.sequence < seaworthy_outbox.sequence)
     WHERE sequence = ?1";

/// Lets the next row of a key move up, after `left` has left the queue.
pub(super) fn move_up(connection: &Connection, left: i64) -> rusqlite::Result<()> {
    if let Some(next) = first_open(connection, left)? {
        connection.prepare_cached(LEAD)?.execute([next])?;
    }
    Ok(())
}

/// Follows a row that was open and is settled now: the next one of its key moves up, and a dead one is counted.
pub(super) fn settled(connection: &Connection, row: i64, was_head: bool, is_dead: bool) -> rusqlite::Result<()> {
    if is_dead {
        connection
            .prepare_cached(
                "INSERT INTO seaworthy_outbox_dead_keys (partition_key, dead)
                 SELECT partition_key, 1 FROM seaworthy_outbox WHERE sequence = ?1
                 ON CONFLICT (partition_key) DO UPDATE SET dead = dead + 1",
            )?
            .execute([row])?;
    }
    if was_head { move_up(connection, row) } else { Ok(()) }
}

/// Follows a row that was dead and is pending again, at the place that it always had: ahead of what was committed after
/// it. `before` is the head that its key had before.
pub(super) fn revived(connection: &Connection, row: i64, before: Option<i64>) -> rusqlite::Result<()> {
    for count in [
        "UPDATE seaworthy_outbox_dead_keys SET dead = dead - 1
         WHERE partition_key = (SELECT partition_key FROM seaworthy_outbox WHERE sequence = ?1)",
        "DELETE FROM seaworthy_outbox_dead_keys
         WHERE dead <= 0 AND partition_key = (SELECT partition_key FROM seaworthy_outbox WHERE sequence = ?1)",
    ] {
        connection.prepare_cached(count)?.execute([row])?;
    }
    reopened(connection, row, before)
}

/// Follows a row that was settled and is open again, at the place that it always had.
pub(super) fn reopened(connection: &Connection, row: i64, before: Option<i64>) -> rusqlite::Result<()> {
    if let Some(before) = before.filter(|before| *before > row) {
        connection.prepare_cached("UPDATE seaworthy_outbox SET head = 0 WHERE sequence = ?1")?.execute([before])?;
    }
    move_up(connection, row)
}

/// Number of dead rows of its key before a row: all of the key but for those after it, which are few where a key goes out
/// in order.
pub(super) fn gap(connection: &Connection, key: &str, row: i64) -> rusqlite::Result<u32> {
    connection.prepare_cached(GAP)?.query_row((key, row), |row| row.get(0))
}

pub(super) const GAP: &str =
    "SELECT coalesce((SELECT dead FROM seaworthy_outbox_dead_keys WHERE partition_key = ?1), 0)
     - (SELECT count(*) FROM seaworthy_outbox INDEXED BY seaworthy_outbox_key
        WHERE partition_key = ?1 AND state = 3 AND state <> 2 AND sequence > ?2)";

/// Gives up an open row that no relay can be given, because it can't be read.
pub(super) fn bury_unread(connection: &Connection, row: i64, reason: &str, now: Timestamp) -> rusqlite::Result<()> {
    let reason = cut(format_smolstr!("can't be read, mend it or delete it: {reason}"));
    let buried: Option<bool> = connection
        .prepare_cached(
            "UPDATE seaworthy_outbox SET state = 3, claim_token = NULL, last_error = ?2, settled_at = ?3
             WHERE sequence = ?1 AND state < 2 RETURNING head > 0",
        )?
        .query_row((row, reason.as_str(), now.as_micros()), |row| row.get(0))
        .optional()?;
    if let Some(was_head) = buried {
        settled(connection, row, was_head, true)?;
        tracing::warn!(row, %reason, "outbox row is dead");
    }
    Ok(())
}
