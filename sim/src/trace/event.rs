use super::{ProcessIndex, VirtualTime, What};

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
