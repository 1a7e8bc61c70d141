//! The poller's lock belongs to its owner until the owner gives it back. One that dies gives nothing back, and nobody
//! polls any more.

use rusqlite::Connection;

use super::super::{PaymentService, Variant};

/// The service with this bug.
pub fn service() -> PaymentService {
    PaymentService::with_bug(
        "lock-without-lease",
        "the poller's lock is free again when its owner says so, and a dead one says nothing",
        Variant { lock, ..Variant::default() },
    )
}

fn lock(sql: &Connection, owner: &str, _now: i64) -> rusqlite::Result<bool> {
    let taken = sql
        .prepare_cached("UPDATE locks SET owner = ?1 WHERE name = 'poller' AND (owner IS NULL OR owner = ?1)")?
        .execute([owner])?;
    Ok(taken == 1)
}
