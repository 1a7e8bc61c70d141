//! The life of the store: a number that its messages carry beside their sequence.

use rusqlite::Connection;
use seaworthy_core::ports::{OutboxRow, Timestamp};

use crate::columns::read_count;

/// The epoch that a file is in.
pub(crate) fn read(connection: &Connection) -> rusqlite::Result<u64> {
    connection.prepare_cached("SELECT epoch FROM seaworthy_epoch")?.query_row([], |row| read_count(row, 0))
}

/// Begins another epoch of a file, by the entropy of SQLite.
pub(crate) fn begin(connection: &Connection) -> rusqlite::Result<u64> {
    connection.prepare_cached("UPDATE seaworthy_epoch SET epoch = 1 + abs(random() % 9007199254740990)")?.execute([])?;
    read(connection)
}

/// Has a database in memory be in this epoch.
pub(crate) fn set(connection: &Connection, epoch: u64) -> rusqlite::Result<()> {
    let epoch = i64::try_from(epoch).unwrap_or(i64::MAX);
    connection.prepare_cached("UPDATE seaworthy_epoch SET epoch = ?1")?.execute([epoch]).map(drop)
}

/// The epoch of a database in memory that is opened now. It draws nothing, since a simulation is to be a function of its
/// plan; time runs on, so another database of the same service has another.
pub(crate) fn of_memory(now: Timestamp) -> u64 {
    u64::try_from(now.as_micros()).unwrap_or(0).max(1)
}

/// Writes the store's epoch into messages that are about to leave it.
pub(crate) fn stamp<'r>(epoch: u64, rows: impl IntoIterator<Item = &'r mut OutboxRow>) {
    rows.into_iter().for_each(|row| row.message.epoch = epoch);
}
