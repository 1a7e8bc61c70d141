use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Table of a store's own that grows with the work that is done, and has somebody who keeps it small.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StoreTable {
    /// Rows of the outbox: one a message, also when it is dispatched. [`OutboxRetention`](crate::outbox::OutboxRetention) deletes
    /// those, and [`outbox::discard`](crate::outbox::discard) dead ones.
    Outbox,
    /// Rows of the inbox: one for each message and consumer that has handled it, failed at it or given it up.
    /// [`InboxRetention`](crate::inbox::InboxRetention) deletes those of handled messages, and later those of
    /// messages that failed and never came again.
    Inbox,
    /// Messages that were given up, with all that they hold. They stay until somebody redrives them or
    /// [discards](crate::inbox::discard) them.
    DeadLetters,
    /// The latest message of each consumer, source, epoch and key whose row was deleted. `InboxRetention` forgets them in time.
    Watermarks,
    /// Operations of a participant. [`OperationRetention`](crate::participant::OperationRetention) forgets them, where it
    /// runs.
    Operations,
    /// Sagas, also those that have ended. [`SagaRetention`](crate::saga::SagaRetention) deletes these.
    Sagas,
}

impl StoreTable {
    /// Every table, in the order of their declaration.
    pub const ALL: [Self; 6] =
        [Self::Outbox, Self::Inbox, Self::DeadLetters, Self::Watermarks, Self::Operations, Self::Sagas];

    /// Returns its name in words, such as `dead letters`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Outbox => "outbox",
            Self::Inbox => "inbox",
            Self::DeadLetters => "dead letters",
            Self::Watermarks => "watermarks",
            Self::Operations => "operations",
            Self::Sagas => "sagas",
        }
    }
}

/// Number of rows in each table of a store; those that have none are left out.
pub type RowCounts = BTreeMap<StoreTable, u64>;
