use std::time::Duration;

use seaworthy_core::{ids::MessageId, ports::RowId};

use super::What;

/// Virtual microseconds since the start of the run.
pub type VirtualTime = u64;

/// A process of the scenario's topology, by its position; [`ProcessIndex::WORLD`] is the world itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessIndex(pub u16);

impl ProcessIndex {
    /// The world: the client, the fault plan, the end of the storm.
    pub const WORLD: Self = Self(u16::MAX);
}

/// A transaction, numbered over the whole run from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TxId(pub u64);

/// One event of a run.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Event {
    /// Its number in the trace, from 0.
    pub number: u64,
    /// When it happened.
    pub at: VirtualTime,
    /// Whose it is.
    pub process: ProcessIndex,
    /// Which boot of that process, from 1; 0 for the world.
    pub incarnation: u32,
    /// Which task of that boot made it happen, in the order in which they were spawned: 1 is the main function. 0 where it
    /// was none of them.
    pub task: u32,
    /// What happened.
    pub what: What,
}

/// A row as it was claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClaimedRow {
    /// The row.
    pub row: RowId,
    /// Its message.
    pub message: MessageId,
    /// Claims so far.
    pub attempts: u32,
}

/// A row as it was settled.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SettledRow {
    /// The row.
    pub row: RowId,
    /// `dispatched`, `retry`, `release` or `dead`.
    pub as_what: &'static str,
    /// Whether the claim still held the row, so that it really was settled.
    pub held: bool,
}

/// A span of virtual time as moments are counted.
pub(crate) fn micros(duration: Duration) -> VirtualTime {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
