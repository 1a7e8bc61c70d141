//! Positions up to which consumers have read.

use rusqlite::{Connection, OptionalExtension};
use seaworthy_core::ports::StoreError;
use smol_str::format_smolstr;

use crate::{
    columns::{integer, read_count},
    error::in_statement,
};

pub(crate) fn read(connection: &Connection, consumer: &str) -> Result<Option<u64>, StoreError> {
    connection
        .prepare_cached("SELECT position FROM seaworthy_checkpoints WHERE consumer = ?1")
        .and_then(|mut query| query.query_row([consumer], |row| read_count(row, 0)).optional())
        .map_err(|failure| in_statement("read checkpoint", &failure))
}

pub(crate) fn advance(connection: &Connection, consumer: &str, position: u64) -> Result<(), StoreError> {
    let stored = integer(position, "checkpoint")?;
    let changed = connection
        .prepare_cached(
            "INSERT INTO seaworthy_checkpoints (consumer, position) VALUES (?1, ?2)
             ON CONFLICT (consumer) DO UPDATE SET position = excluded.position
             WHERE excluded.position >= seaworthy_checkpoints.position",
        )
        .and_then(|mut write| write.execute((consumer, stored)))
        .map_err(|failure| in_statement("move checkpoint", &failure))?;
    if changed == 0 {
        return Err(StoreError::Conflict(format_smolstr!(
            "checkpoint of {consumer} is beyond {position} already: read it again"
        )));
    }
    Ok(())
}
