//! A saga's log, read without the saga's definition: for operators and their tools.

mod log_fold;
mod waits;

use tracing::Instrument;

use self::log_fold::LogFold;
pub use self::waits::WaitsFor;
use super::{Record, RecordError, SagaError, SagaRequest, ask::read};
use crate::{
    ids::SagaId,
    ports::{LogEntry, SagaInstance, Store, StoreError, Timestamp},
};

/// A saga as its log tells it, as far as this release can read it. Nobody needs the definition for it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Account {
    /// The saga as stored.
    pub saga: SagaInstance,
    /// Entries of its log; none once that is purged.
    pub entries: Vec<AccountEntry>,
    /// Subject of the saga's wait.
    pub waits_for: WaitsFor,
    /// Requests of operators without an answer, the oldest first.
    pub requests: Vec<SagaRequest>,
}

/// One entry of a saga's log, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccountEntry {
    /// Number of the entry.
    pub sequence: u64,
    /// The epoch of its writer.
    pub epoch: u64,
    /// Time at which it was written, by the store's clock.
    pub at: Timestamp,
    /// The record, or why this release can't read it.
    pub record: Result<Record, RecordError>,
}

/// Reads a saga's log and says what the saga waits for.
///
/// ```
/// use seaworthy_core::{ids::SagaId, ports::Store, saga::{self, SagaError}};
///
/// async fn why(store: &dyn Store, stuck: SagaId) -> Result<String, SagaError> {
///     Ok(saga::account(store, stuck).await?.waits_for.to_string())
/// }
/// ```
///
/// # Errors
/// [`SagaError::NotFound`] if the store has no such saga, and [`SagaError::Store`] if it can't be read.
///
/// # Cancellation
/// It changes nothing, so it may be dropped at any time. It has no limit of time of its own; whoever has one drops it, as
/// [`ask`](super::ask()) shows.
pub async fn account(store: &dyn Store, saga: SagaId) -> Result<Account, SagaError> {
    let work = async {
        let instance = store.saga(saga).await?.ok_or(SagaError::NotFound(saga))?;
        Ok(account_of(store, instance).await?)
    };
    work.instrument(tracing::debug_span!("saga.account", %saga)).await
}

/// Reads the log of a saga that was [listed](crate::ports::SagaStore::sagas), as [`account`] does.
///
/// # Errors
/// Any [`StoreError`].
///
/// # Cancellation
/// That of [`account`].
pub async fn account_of(store: &dyn Store, saga: SagaInstance) -> Result<Account, StoreError> {
    let log = read(store, &saga).await?;
    let mut fold = LogFold::default();
    let mut entries = Vec::with_capacity(log.len());
    for (entry, record) in log {
        let LogEntry { sequence, epoch, at, .. } = entry;
        if let Ok(record) = &record {
            fold.take(record, at);
        }
        entries.push(AccountEntry { sequence, epoch, at, record });
    }
    let (waits_for, requests) = fold.end(&saga);
    Ok(Account { saga, entries, waits_for, requests })
}
