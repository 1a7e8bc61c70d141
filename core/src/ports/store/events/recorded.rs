use bytes::Bytes;
use smol_str::SmolStr;

use crate::message::Message;

/// An event as it is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordedEvent {
    /// Version of its stream at this event: `1`, `2`, `3` and so on without a gap.
    pub version: u64,
    /// The event: its id, type, payload, cause and correlation as they were appended. Its partition key is its stream, its
    /// `sequence` its position, and its `epoch` that of the store.
    pub message: Message,
    /// Reason why the store can't read the event, if it can't: somebody else has written to it, or a later release has. Then the
    /// message is as much of it as can be shown, its position and as a rule its stream among that: to be looked at and not to be
    /// handled. Only the [log](super::EventStore::read_events) shows such an event, so that those behind it are read.
    pub unreadable: Option<SmolStr>,
}

impl RecordedEvent {
    /// An event that was read.
    pub fn new(version: u64, message: Message) -> Self {
        Self { version, message, unreadable: None }
    }

    /// An event that can't be read, for a store that shows what it knows of it.
    pub fn unread(version: u64, message: Message, why: impl Into<SmolStr>) -> Self {
        Self { version, message, unreadable: Some(why.into()) }
    }

    /// Returns the name of the stream that it belongs to.
    pub fn stream(&self) -> &SmolStr {
        &self.message.partition_key
    }

    /// Returns its place among all events of the store, from one on: the later one has the higher position.
    pub fn position(&self) -> u64 {
        self.message.sequence
    }
}

/// State that a stream came to at a version, so that nobody has to read what came before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamSnapshot {
    /// Version of the last event that is in it.
    pub version: u64,
    /// The encoded state.
    pub state: Bytes,
}
