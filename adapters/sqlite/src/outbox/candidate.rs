//! Rows as relays are given them, and those that can't be.

use rusqlite::{Connection, Row};
use seaworthy_core::ports::{OutboxRow, RowId};

use super::lane;
use crate::envelope::{ENVELOPE_WIDTH, read_message};

/// A row that may go out, if it can be read.
pub(super) struct Candidate {
    pub(super) sequence: i64,
    /// The row, or the reason why it can't be read.
    row: Result<OutboxRow, String>,
    /// Dead rows may be before it in its key.
    passes: bool,
}

impl Candidate {
    /// Reads the envelope's columns, `attempts` and `head`.
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let sequence = row.get(0)?;
        let passes = row.get::<_, u8>(ENVELOPE_WIDTH + 1)? != 1;
        // The row is there: what fails from here on is the value of a column, and not the database.
        let read = read_message(row).and_then(|message| {
            Ok(OutboxRow { row: RowId(message.sequence), message, attempts: row.get(ENVELOPE_WIDTH)? })
        });
        Ok(Self { sequence, row: read.map_err(|error| error.to_string()), passes })
    }

    /// The row with its gap, where it may have one.
    pub(super) fn finish(self, connection: &Connection, has_gaps: bool) -> rusqlite::Result<Result<OutboxRow, String>> {
        let Self { sequence, mut row, passes } = self;
        if let Ok(row) = &mut row
            && has_gaps
            && passes
        {
            row.message.gap = lane::gap(connection, &row.message.partition_key, sequence)?;
        }
        Ok(row)
    }
}
