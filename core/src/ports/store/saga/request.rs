use std::time::Duration;

use smol_str::SmolStr;

use super::{SagaInstance, SagaStatus};
use crate::{ids::SagaId, ports::Timestamp};

/// Asks for sagas that nobody owns and that are due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcquireRequest {
    /// Saga to acquire; any where `None`.
    pub only: Option<SagaId>,
    /// Names of the definitions whose sagas are acquired.
    pub definitions: Vec<SmolStr>,
    /// Largest number of sagas.
    pub limit: usize,
    /// Duration for which they are owned, by the store's clock.
    pub lease: Duration,
}

/// Asks for sagas in any status, one page of them: all that are asked for and that lie behind a place. For operators.
///
/// ```
/// use std::time::Duration;
/// use seaworthy_core::ports::{ListedSaga, SagaListRequest, SagaStatus, Store, StoreError};
///
/// /// Sagas that have been stuck for a day, however many there are.
/// async fn long_stuck(store: &dyn Store) -> Result<Vec<ListedSaga>, StoreError> {
///     let yesterday = store.now().await?.before(Duration::from_secs(24 * 3_600));
///     let mut sagas = Vec::new();
///     let mut request = SagaListRequest::new(100).of_status(SagaStatus::Stuck).since_until(yesterday);
///     loop {
///         let page = store.sagas(&request).await?;
///         let Some(last) = page.last() else { return Ok(sagas) };
///         request = request.after(last.number);
///         sagas.extend(page);
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SagaListRequest {
    /// Statuses to look for; any where empty.
    pub statuses: Vec<SagaStatus>,
    /// Name of the definition; any where `None`.
    pub definition: Option<SmolStr>,
    /// Text that the [reason](SagaInstance::reason) has in it for which they are stuck, were given up or turned back; any where
    /// `None`.
    pub reason: Option<SmolStr>,
    /// Earliest time at which they got their status, by the store's clock; any where `None`.
    pub since_from: Option<Timestamp>,
    /// Latest time at which they got their status, by the store's clock; any where `None`.
    pub since_until: Option<Timestamp>,
    /// Only those that sleep: under way, but owned by nobody and not due, since they wait for a signal or a moment.
    pub asleep: bool,
    /// The [place](ListedSaga::number) behind which to look; `0` for all.
    pub after: u64,
    /// Largest number of sagas.
    pub limit: usize,
}

impl SagaListRequest {
    /// The oldest sagas of a store, whatever their status.
    pub fn new(limit: usize) -> Self {
        let (statuses, definition, since_from, since_until) = (Vec::new(), None, None, None);
        Self { statuses, definition, reason: None, since_from, since_until, asleep: false, after: 0, limit }
    }

    /// Takes sagas of this status only; said again, those of that one as well.
    #[must_use]
    pub fn of_status(mut self, status: SagaStatus) -> Self {
        self.statuses.push(status);
        self
    }

    /// Takes sagas of the definition of this name only.
    #[must_use]
    pub fn of_definition(mut self, name: impl Into<SmolStr>) -> Self {
        self.definition = Some(name.into());
        self
    }

    /// Takes sagas only whose [reason](SagaInstance::reason) has this text in it: why they are stuck, were given up or turned
    /// back. It is not in an index, so together with a [status](Self::of_status) that few sagas have it is found faster.
    #[must_use]
    pub fn because(mut self, text: impl Into<SmolStr>) -> Self {
        self.reason = Some(text.into());
        self
    }

    /// Takes sagas only that got their status at this time or later.
    #[must_use]
    pub fn since_from(mut self, from: Timestamp) -> Self {
        self.since_from = Some(from);
        self
    }

    /// Takes sagas only that got their status at this time or earlier.
    #[must_use]
    pub fn since_until(mut self, until: Timestamp) -> Self {
        self.since_until = Some(until);
        self
    }

    /// Takes sagas only that sleep: under way, but owned by nobody and not due, since they wait for a signal, a message, a
    /// moment or their next attempt. What it is, and at which step, their logs tell ([`account_of`](crate::saga::account_of)).
    #[must_use]
    pub fn asleep(mut self) -> Self {
        self.asleep = true;
        self
    }

    /// Takes sagas behind this [place](ListedSaga::number) only: behind the last one of the page before.
    #[must_use]
    pub fn after(mut self, number: u64) -> Self {
        self.after = number;
        self
    }

    /// Returns `true` if a saga is one of those that are asked for at `now` of the store's clock, the limit aside.
    pub fn asks_for(&self, listed: &ListedSaga, now: Timestamp) -> bool {
        (!self.asleep || listed.saga.is_asleep(now))
            && listed.number > self.after
            && (self.statuses.is_empty() || self.statuses.contains(&listed.saga.status))
            && self.definition.as_ref().is_none_or(|name| *name == listed.saga.definition.name)
            && self.since_from.is_none_or(|from| from <= listed.since)
            && self.since_until.is_none_or(|until| listed.since <= until)
            && self.asks_for_reason(&listed.saga)
    }

    /// Returns `true` if the reason of a saga has the text in it that is asked for: for stores that look at all else by
    /// themselves.
    pub fn asks_for_reason(&self, saga: &SagaInstance) -> bool {
        let Some(text) = &self.reason else { return true };
        saga.reason().is_some_and(|reason| reason.contains(text.as_str()))
    }
}

/// A saga as an operator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedSaga {
    /// Its place among the sagas of its store: the later it was created, the higher. It counts from one.
    pub number: u64,
    /// The saga as stored.
    pub saga: SagaInstance,
    /// Time at which it was created, by the store's clock.
    pub started_at: Timestamp,
    /// Time at which it got the status that it has, by the store's clock.
    pub since: Timestamp,
}
