//! The latest time of a file: its store goes on from there when it is opened again, whatever the clock says by then.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use rusqlite::Connection;
use seaworthy_core::ports::{SteadyTime, Timestamp};

/// Time that may be missing after a restart. One statement a second is nothing beside the commits that it goes with.
const KEPT_EVERY: Duration = Duration::from_secs(1);

/// The latest time that is in the file, as this process knows it.
#[derive(Debug)]
pub(crate) struct Latest(AtomicI64);

impl Latest {
    /// Reads it from a file that is opened at `now`. Where the clock is behind it by more than can be taken for a step, the
    /// clock is believed: what was put off by the wrong one is due at once, or it would wait until that time comes.
    pub(crate) fn open(connection: &mut Connection, now: Timestamp, path: &str) -> rusqlite::Result<Self> {
        let latest = Self::read(connection)?;
        let behind = latest.since(now);
        if behind <= SteadyTime::BEHIND_MAX {
            return Ok(Self(AtomicI64::new(latest.as_micros())));
        }
        let put_off = believe(connection, now)?;
        tracing::warn!(
            path,
            ?behind,
            put_off,
            "the clock is behind the store's latest time by more than a day, and is believed: what was put off by the time of \
             before is due now, and is kept from now on as if it were new"
        );
        Ok(Self(AtomicI64::new(now.as_micros())))
    }

    /// Looks at a file without changing it.
    pub(crate) fn look(connection: &Connection) -> rusqlite::Result<Self> {
        Ok(Self(AtomicI64::new(Self::read(connection)?.as_micros())))
    }

    fn read(connection: &Connection) -> rusqlite::Result<Timestamp> {
        connection.query_row("SELECT latest FROM seaworthy_clock", [], |row| row.get(0)).map(Timestamp::from_micros)
    }

    /// Returns the latest time.
    pub(crate) fn get(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::Relaxed))
    }

    /// Returns `true` if a commit at a time should keep it.
    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        now.since(self.get()) >= KEPT_EVERY
    }

    /// Writes a time, in a transaction that is about to commit.
    pub(crate) fn keep(connection: &Connection, now: Timestamp) -> rusqlite::Result<()> {
        let mut keep = connection.prepare_cached("UPDATE seaworthy_clock SET latest = ?1 WHERE latest < ?1")?;
        keep.execute([now.as_micros()]).map(drop)
    }

    /// Notes a time that is in the file now.
    pub(crate) fn kept(&self, now: Timestamp) {
        self.0.fetch_max(now.as_micros(), Ordering::Relaxed);
    }
}

/// Makes everything due that waits for a moment after `now` which the store itself has set; moments that messages and sagas
/// asked for stay. Whoever holds a row or a saga loses it, as at the end of a lease. Returns how much was put off.
fn believe(connection: &mut Connection, now: Timestamp) -> rusqlite::Result<usize> {
    let tx = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let now = now.as_micros();
    let rows = tx.execute(
        "UPDATE seaworthy_outbox
         SET available_at = max(?1, coalesce(CASE WHEN json_valid(headers) THEN CAST(headers ->> 'notbefore' AS INTEGER) END, 0))
         WHERE state < 2 AND available_at > ?1",
        [now],
    )?;
    let sagas = tx.execute(
        "UPDATE seaworthy_sagas SET lease_until = min(lease_until, ?1), wake_at = min(wake_at, ?1)
         WHERE status < 2 AND due_at > ?1 AND wake_at < ?2",
        [now, Timestamp::MAX.as_micros()],
    )?;
    // Ages are counted from these; from a time that has not come yet nothing would ever be old.
    for age in [
        "UPDATE seaworthy_outbox SET settled_at = ?1 WHERE state > 1 AND settled_at > ?1",
        "UPDATE seaworthy_inbox SET at = ?1 WHERE at > ?1",
        "UPDATE seaworthy_watermarks SET raised_at = ?1 WHERE raised_at > ?1",
        "UPDATE seaworthy_sagas SET ended_at = ?1 WHERE ended_at > ?1",
        "UPDATE seaworthy_operations SET at = ?1 WHERE at > ?1",
    ] {
        tx.execute(age, [now])?;
    }
    tx.execute("UPDATE seaworthy_clock SET latest = ?1", [now])?;
    tx.commit()?;
    Ok(rows + sagas)
}
