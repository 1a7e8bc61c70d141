use std::{
    fmt,
    hash::{Hash, Hasher},
};

use seaworthy_core::{
    ids::MessageId,
    ports::{RowId, StoreTable},
};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// A row as it was claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ClaimedRow {
    /// Row that was claimed.
    pub row: RowId,
    /// Id of its message.
    pub message: MessageId,
    /// Claims so far.
    pub attempts: u32,
}

/// A row as it was settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettledRow {
    /// Row that was settled.
    pub row: RowId,
    /// State that the relay asked for.
    pub settled: SettledAs,
    /// `true` if the claim still held the row, so that it really was settled.
    pub held: bool,
    /// Length in bytes of the text that is kept with it: the error of the attempt, or the reason for giving it up. `0` for every other
    /// row, and in files that were written before it was told.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub text_bytes: u32,
}

fn is_zero(bytes: &u32) -> bool {
    *bytes == 0
}

/// Without the length of a text: an event has the fingerprint that it had before that was told.
impl Hash for SettledRow {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.row, self.settled, self.held).hash(state);
    }
}

/// Number of rows of one table of a store.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct KeptRows {
    /// Name of the store.
    pub store: SmolStr,
    /// Table of the store.
    pub table: StoreTable,
    /// Number of its rows.
    pub rows: u64,
}

/// Messages of rows that were redriven or purged, or events that were read, sorted. Empty for every other call, and in files that were written before
/// they were told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RowMessages(Box<[MessageId]>);

impl RowMessages {
    /// Returns `true` if there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the messages in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = MessageId> {
        self.0.iter().copied()
    }
}

impl FromIterator<MessageId> for RowMessages {
    fn from_iter<I: IntoIterator<Item = MessageId>>(messages: I) -> Self {
        let mut messages: Vec<MessageId> = messages.into_iter().collect();
        messages.sort_unstable();
        Self(messages.into())
    }
}

/// Nothing for none: so an event without them has the fingerprint that it had before they were told.
impl Hash for RowMessages {
    fn hash<H: Hasher>(&self, state: &mut H) {
        if !self.is_empty() {
            self.0.hash(state);
        }
    }
}

/// State that a relay asks for when it settles a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SettledAs {
    /// The broker has acknowledged it.
    Dispatched,
    /// It is to be tried again, and this try counted.
    Retry,
    /// It is given back, as if it had not been claimed.
    Release,
    /// It is given up.
    Dead,
}

impl SettledAs {
    /// Its name, as in a trace.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dispatched => "dispatched",
            Self::Retry => "retry",
            Self::Release => "release",
            Self::Dead => "dead",
        }
    }
}

impl fmt::Display for SettledAs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// By its name: it was a text when fingerprints were first kept.
impl Hash for SettledAs {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}
