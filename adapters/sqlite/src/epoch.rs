//! The lives of the store: a number that its messages and events carry beside their sequence.

use std::sync::{PoisonError, RwLock};

use rusqlite::{Connection, OptionalExtension};
use seaworthy_core::{
    message::Message,
    ports::{OutboxRow, RecordedEvent, Timestamp},
};

use crate::columns::read_count;

/// The epochs that a store has been in, the first one first. A message stays of the one in which it was staged: put back with
/// its store and sent once more, it is the same to whoever has handled it.
pub(crate) struct Epochs(RwLock<Vec<Epoch>>);

#[derive(Clone)]
pub(crate) struct Epoch {
    number: u64,
    /// The last sequence of the outbox, and the last position among events, that were handed out before it.
    after_message: u64,
    after_event: u64,
}

impl Epochs {
    /// Those of a file.
    pub(crate) fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let mut query = connection
            .prepare_cached("SELECT epoch, after_message, after_event FROM seaworthy_epoch ORDER BY rowid")?;
        let epochs = query.query_map([], |row| {
            let (number, after_message) = (read_count(row, 0)?, read_count(row, 1)?);
            Ok(Epoch { number, after_message, after_event: read_count(row, 2)? })
        })?;
        Ok(Self(RwLock::new(epochs.collect::<rusqlite::Result<_>>()?)))
    }

    /// That of a database in memory which is opened now. It draws nothing, since a simulation is to be a function of its
    /// plan; time runs on, so another database of the same service has another.
    pub(crate) fn of_memory(now: Timestamp) -> Self {
        Self(RwLock::new(vec![Epoch { number: at(now), after_message: 0, after_event: 0 }]))
    }

    /// Begins another epoch of a file, by the entropy of SQLite. It is the store's from [`push`](Self::push) on.
    pub(crate) fn draw(connection: &Connection) -> rusqlite::Result<Epoch> {
        let number = "SELECT 1 + abs(random() % 9007199254740990)";
        let number = connection.prepare_cached(number)?.query_row([], |row| read_count(row, 0))?;
        let epoch = Epoch::begin(connection, number)?;
        let Epoch { number, after_message, after_event } = epoch;
        connection
            .prepare_cached("INSERT INTO seaworthy_epoch (epoch, after_message, after_event) VALUES (?1, ?2, ?3)")?
            .execute([number, after_message, after_event].map(u64::cast_signed))?;
        Ok(epoch)
    }

    /// Has the store be in an epoch that has begun.
    pub(crate) fn push(&self, epoch: Epoch) -> u64 {
        let number = epoch.number;
        self.0.write().unwrap_or_else(PoisonError::into_inner).push(epoch);
        number
    }

    /// The epochs of a copy that is made now.
    pub(crate) fn copy(&self) -> Vec<Epoch> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Has a database in memory be what a copy of it was, in an epoch that begins now.
    pub(crate) fn put_back(&self, copy: &[Epoch], connection: &Connection, now: Timestamp) -> rusqlite::Result<()> {
        let begun = Epoch::begin(connection, at(now))?;
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = copy.iter().cloned().chain([begun]).collect();
        Ok(())
    }

    /// Writes their epochs into messages that are about to leave the store.
    pub(crate) fn stamp_rows<'r>(&self, rows: impl IntoIterator<Item = &'r mut OutboxRow>) {
        self.stamp(rows.into_iter().map(|row| &mut row.message), |epoch| epoch.after_message);
    }

    /// Writes their epochs into events that were read.
    pub(crate) fn stamp_events(&self, events: &mut [RecordedEvent]) {
        self.stamp(events.iter_mut().map(|event| &mut event.message), |epoch| epoch.after_event);
    }

    fn stamp<'m>(&self, messages: impl Iterator<Item = &'m mut Message>, after: impl Fn(&Epoch) -> u64) {
        let epochs = self.0.read().unwrap_or_else(PoisonError::into_inner);
        for message in messages {
            let epoch = epochs.iter().rev().find(|epoch| message.sequence > after(epoch)).or(epochs.first());
            message.epoch = epoch.map_or(0, |epoch| epoch.number);
        }
    }
}

impl Epoch {
    /// One that begins at the counters of this database.
    fn begin(connection: &Connection, number: u64) -> rusqlite::Result<Self> {
        let mut last = connection.prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = ?1")?;
        let mut last = |table| last.query_row([table], |row| read_count(row, 0)).optional();
        let (after_message, after_event) = (last("seaworthy_outbox")?, last("seaworthy_events")?);
        Ok(Self { number, after_message: after_message.unwrap_or(0), after_event: after_event.unwrap_or(0) })
    }
}

/// The epoch that begins at this moment.
fn at(now: Timestamp) -> u64 {
    u64::try_from(now.as_micros()).unwrap_or(0).max(1)
}
