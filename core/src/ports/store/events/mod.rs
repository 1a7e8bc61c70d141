//! The events of a store: streams that are only ever appended to, and the log that all of them make up.

mod append;
mod recorded;

use async_trait::async_trait;
use bytes::Bytes;

pub use append::{Appended, EventAppend, ExpectedVersion};
pub use recorded::{RecordedEvent, StreamSnapshot};

use super::{Part, StoreError};

/// Streams of events, inside a transaction: what is appended is recorded with all else that the transaction writes, or not
/// at all. A store without this [part](Part::Events) refuses each call, as the defaults do.
///
/// There is no way to change an event or to take one away: what a stream holds at a version, it holds for good.
///
/// Source of the pattern: *event sourcing* (Greg Young), and the stores made for it: EventStoreDB, message-db, Marten.
#[async_trait]
#[expect(unused_variables, reason = "a store without the part looks at none of them")]
pub trait EventWrites: Send {
    /// Appends events to the end of a stream, which begins with its first event. Their versions go on from its last one
    /// without a gap. Two transactions that append to one stream don't do so side by side: the later one waits for the
    /// other to end, or conflicts, here or at commit.
    ///
    /// With no events it checks what is expected, and appends nothing.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the stream is not as expected, or an event of one of these ids was appended before, to
    /// whichever stream. Nothing was appended.
    async fn append_events(&mut self, append: &EventAppend) -> Result<Appended, StoreError> {
        Err(Part::Events.refusal())
    }

    /// Reads up to `limit` events of a stream, those after a version: `0` for the first ones. It sees what this transaction
    /// has appended, and at least what was committed when it began, never with a gap.
    ///
    /// # Errors
    /// Any [`StoreError`]; [`StoreError::Refused`] if one of them can't be read, since an aggregate without it would be another.
    async fn read_stream(&mut self, stream: &str, after: u64, limit: usize) -> Result<Vec<RecordedEvent>, StoreError> {
        Err(Part::Events.refusal())
    }

    /// Returns the snapshot that is kept of a stream, if there is one.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn stream_snapshot(&mut self, stream: &str) -> Result<Option<StreamSnapshot>, StoreError> {
        Err(Part::Events.refusal())
    }

    /// Keeps what a stream came to at a version, in place of the snapshot that is there, unless that one is of a later
    /// version: then it stays. Returns `true` if this one is kept.
    ///
    /// # Errors
    /// [`StoreError::Refused`] if the stream has not come to this version, as far as this transaction sees: such a snapshot
    /// would hide events that are still to come.
    async fn put_stream_snapshot(&mut self, stream: &str, version: u64, state: Bytes) -> Result<bool, StoreError> {
        Err(Part::Events.refusal())
    }
}

/// The log of all events of a store. A store without this [part](Part::Events) refuses each call, as the defaults do.
#[async_trait]
#[expect(unused_variables, reason = "a store without the part looks at none of them")]
pub trait EventStore: Send + Sync {
    /// Reads up to `limit` events of all streams in the order of their [positions](RecordedEvent::position), those after a
    /// position: `0` for the first ones.
    ///
    /// It **never shows an event whose predecessors may still commit**. Whoever has read up to a position has therefore read
    /// everything that will ever lie before it, and needs to keep nothing but the position. A store that hands out positions
    /// before the commit holds back what lies behind the first one that is still out, for as long as its transaction is open;
    /// so keep those short. An event that can't be read is [shown as such](RecordedEvent::unreadable), in its place. Positions rise and may leave out numbers, which transactions had that were rolled back.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn read_events(&self, after: u64, limit: usize) -> Result<Vec<RecordedEvent>, StoreError> {
        Err(Part::Events.refusal())
    }
}
