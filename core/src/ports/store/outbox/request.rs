use std::time::Duration;

use smol_str::SmolStr;

use super::{OutboxOrder, RowId, WhenDead};
use crate::{ids::ClaimToken, ports::Timestamp};

/// Asks for rows to publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimRequest {
    /// A fresh token that names this claim.
    pub token: ClaimToken,
    /// Largest number of rows.
    pub limit: usize,
    /// Duration of the claim, by the store's clock.
    pub lease: Duration,
    /// Order within a key.
    pub ordering: OutboxOrder,
    /// Effect of a dead row on its key.
    pub when_dead: WhenDead,
    /// Topics of which no row is claimed: the broker can't be reached for them.
    pub except_topics: Vec<SmolStr>,
}

/// Asks for rows to publish without a claim: for a reader of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TailRequest {
    /// Largest number of rows.
    pub limit: usize,
    /// Order within a key.
    pub ordering: OutboxOrder,
    /// Effect of a dead row on its key.
    pub when_dead: WhenDead,
    /// Topics of which no row is shown, nor what would overtake it.
    pub except_topics: Vec<SmolStr>,
    /// Keys of which no row is shown, under [`OutboxOrder::PerKey`].
    pub except_keys: Vec<SmolStr>,
}

/// Outcome of publishing a claimed row.
///
/// Closed on purpose: every store keeps each of these promises, and one more is one that the stores of today would
/// break.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettleOutcome {
    /// The broker acknowledged it.
    Dispatched,
    /// To be tried again after `delay`, by the store's clock. The attempt counts.
    Retry {
        /// Delay until the row can be claimed again.
        delay: Duration,
        /// Error of the attempt, kept as the row's `last_error`.
        error: SmolStr,
    },
    /// Given back untried, or after an outage that was not the message's fault: the attempt is taken back.
    Release {
        /// Delay until the row can be claimed again.
        delay: Duration,
    },
    /// Given up for good.
    Dead {
        /// Reason for giving the row up.
        reason: SmolStr,
    },
}

/// One row's outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// Row that is settled.
    pub row: RowId,
    /// Outcome of publishing it.
    pub outcome: SettleOutcome,
}

/// Asks for old rows to be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PurgeRequest {
    /// Least time since a row reached its final state, by the store's clock.
    pub older_than: Duration,
    /// Largest number of rows, so that one purge never holds the table for long.
    pub limit: usize,
}

/// Asks for dispatched rows to be published once more.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RepublishRequest {
    /// Earliest time at which they were dispatched, by the store's clock.
    pub since: Timestamp,
    /// Time before which they were dispatched. A row that was republished is dispatched later than that, so a request that is
    /// repeated as it was takes each row once.
    pub until: Timestamp,
    /// Topic of the messages; any where `None`.
    pub topic: Option<SmolStr>,
    /// Largest number of rows.
    pub limit: usize,
}

impl RepublishRequest {
    /// Rows that were dispatched in a span of time, of any topic.
    pub fn new(since: Timestamp, until: Timestamp, limit: usize) -> Self {
        Self { since, until, topic: None, limit }
    }

    /// Takes rows of this topic only.
    pub fn of_topic(mut self, topic: impl Into<SmolStr>) -> Self {
        self.topic = Some(topic.into());
        self
    }
}
