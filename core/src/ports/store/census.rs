use std::{collections::BTreeMap, time::Duration};

use smol_str::SmolStr;

use super::SagaStatus;
use crate::ports::Timestamp;

/// Counts and ages of everything in a store that an operator may have to look at: one value, for metrics and tools.
///
/// ```
/// use std::time::Duration;
/// use seaworthy_core::ports::{SagaStatus, Store, StoreError};
///
/// /// Somebody has to be woken.
/// async fn is_bad(store: &dyn Store) -> Result<bool, StoreError> {
///     let census = store.census().await?;
///     let behind = census.outbox_pending.age(census.at).is_some_and(|age| age > Duration::from_secs(300));
///     let stuck = census.sagas.get(&SagaStatus::Stuck).is_some_and(|sagas| sagas.count > 0);
///     Ok(behind || stuck || !census.dead_letters.is_empty())
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Census {
    /// The time at which it was taken, by the store's clock: the one to subtract from.
    pub at: Timestamp,
    /// Outbox rows that are pending or claimed, and since when the oldest of them could have gone out: the time of the message
    /// that was staged first, or a moment that a message was [to wait for](crate::message::Schedule::not_before) and that has
    /// come. Messages whose moment is still to come are counted, and are not late.
    pub outbox_pending: Tally,
    /// Outbox rows that are dead, and the time at which the first of them died.
    pub outbox_dead: Tally,
    /// Dead letters by consumer, and the time of the longest past of their last failures. Consumers without any are left out.
    pub dead_letters: BTreeMap<SmolStr, Tally>,
    /// Sagas by status, and since when the oldest has had it; of those that have ended only the number is known. Statuses
    /// that no saga has are left out.
    pub sagas: BTreeMap<SagaStatus, Tally>,
}

impl Census {
    /// A census of nothing, at a time.
    pub fn new(at: Timestamp) -> Self {
        Self { at, ..Self::default() }
    }
}

/// Count of some things, and the moment that the oldest of them is known by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Number of them.
    pub count: u64,
    /// Moment of the oldest, if there is one and it is known.
    pub oldest: Option<Timestamp>,
}

impl Tally {
    /// Counts one more, of this moment.
    pub fn add(&mut self, moment: Timestamp) {
        self.count += 1;
        self.oldest = Some(self.oldest.map_or(moment, |oldest| oldest.min(moment)));
    }

    /// Returns the age of the oldest at a time.
    pub fn age(&self, at: Timestamp) -> Option<Duration> {
        self.oldest.map(|oldest| at.since(oldest))
    }
}
