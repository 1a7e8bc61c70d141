use serde::{Deserialize, Serialize};

use crate::message::Message;

/// A row's own number in its store. Numbers are handed out when a row is staged; commit order may differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RowId(pub u64);

/// State of an outbox row.
///
/// Closed on purpose: every store keeps each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OutboxState {
    /// Waits for a relay.
    Pending,
    /// A relay has it, until its lease ends.
    Claimed,
    /// The broker acknowledged it.
    Dispatched,
    /// Given up; waits for a redrive or a purge.
    Dead,
}

/// A row as its claimer sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxRow {
    /// The row's number.
    pub row: RowId,
    /// The message, with `sequence` set to its position in the store's commit order and, where dead rows are passed,
    /// `gap` set to how many of its key are before it.
    pub message: Message,
    /// Claims so far, this one included.
    pub attempts: u32,
}

/// Rule for the rows of one key that may be in flight together.
///
/// Closed on purpose: every store keeps each of these promises, and one more is one that the stores of today would
/// break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutboxOrder {
    /// At most one unsettled row of a key is in flight; later rows of the key wait, also while it backs off.
    PerKey,
    /// Any pending row may be claimed.
    Unordered,
}

/// Effect of a dead row on the later rows of its key, under [`OutboxOrder::PerKey`].
///
/// Closed on purpose: every store keeps each of these promises, and one more is one that the stores of today would
/// break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenDead {
    /// Later rows wait until the dead row is redriven or purged.
    BlockKey,
    /// Later rows go on, and carry the gap: how many dead rows of their key they have passed ([`Message::gap`]). A
    /// redriven row comes after them, so redrive before consumers forget what they have handled: to a consumer whose
    /// watermark has risen past it, it looks like a duplicate.
    SkipDead,
}
