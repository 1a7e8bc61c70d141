use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::{Part, PurgeRequest, StoreError};
use crate::{ids::SagaId, ports::Timestamp};

/// Name and version of the definition that a saga runs, pinned when it starts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DefinitionRef {
    /// The definition's name.
    pub name: SmolStr,
    /// Version of the definition.
    pub version: u32,
    /// A hash of its structure, so that a change without a new version is noticed.
    pub hash: u64,
}

/// Status of a saga, as far as the store has to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SagaStatus {
    /// The saga goes forward.
    Running,
    /// The saga goes back.
    Compensating,
    /// Waits for an operator.
    Stuck,
    /// The saga has ended: all steps are done or skipped.
    Completed,
    /// The saga has ended: all that was done is undone.
    Compensated,
    /// Given up by an operator.
    Abandoned,
}

impl SagaStatus {
    /// Every status, in the order of a saga's life.
    pub const ALL: [Self; 6] =
        [Self::Running, Self::Compensating, Self::Stuck, Self::Completed, Self::Compensated, Self::Abandoned];

    /// Returns its name, in one word: `running`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Compensating => "compensating",
            Self::Stuck => "stuck",
            Self::Completed => "completed",
            Self::Compensated => "compensated",
            Self::Abandoned => "abandoned",
        }
    }

    /// Returns `true` for a status that never changes again.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Compensated | Self::Abandoned)
    }

    /// Returns `true` if the saga moves by itself.
    pub fn is_active(self) -> bool {
        matches!(self, Self::Running | Self::Compensating)
    }
}

/// A saga to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSaga {
    /// Id of the saga.
    pub id: SagaId,
    /// Definition that it runs.
    pub definition: DefinitionRef,
    /// Business key: one saga for each definition name and key.
    pub key: SmolStr,
    /// Input of the saga, encoded.
    pub input: Bytes,
    /// Shared by all messages of this saga.
    pub correlation_id: uuid::Uuid,
    /// Duration for which the creator owns it, by the store's clock. It starts at epoch 1.
    pub lease: Duration,
}

/// Result of creating a saga.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SagaCreate {
    /// It is new, and owned by the creator at epoch 1.
    Created,
    /// There is one for this key, as it was created: whoever asks compares.
    Exists {
        /// Id of the saga.
        saga: SagaId,
        /// Its input, encoded.
        input: Bytes,
    },
}

/// A saga as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SagaInstance {
    /// Id of the saga.
    pub id: SagaId,
    /// Definition that it runs.
    pub definition: DefinitionRef,
    /// Business key of the saga.
    pub key: SmolStr,
    /// Input of the saga, encoded.
    pub input: Bytes,
    /// Shared by all messages of this saga.
    pub correlation_id: uuid::Uuid,
    /// Status of the saga.
    pub status: SagaStatus,
    /// The owner's epoch: a takeover makes it one more.
    pub epoch: u64,
    /// Number of log entries; the next one has this number plus one.
    pub log_length: u64,
    /// The owner's lease, by the store's clock.
    pub lease_until: Timestamp,
    /// Earliest time at which it may be acquired, by the store's clock; [`Timestamp::MAX`] if it waits for a signal.
    pub wake_at: Timestamp,
    /// Rest to which it came, as its last append said; it outlasts the log.
    pub outcome: Option<Bytes>,
}

/// Entries to append to a saga's log, and what they make of the saga.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SagaAppend {
    /// Id of the saga.
    pub saga: SagaId,
    /// The appender's epoch.
    pub epoch: u64,
    /// The log length that the appender has seen.
    pub expected_length: u64,
    /// Encoded log entries.
    pub records: Vec<Bytes>,
    /// The saga's status after them.
    pub status: SagaStatus,
    /// The owner's lease from now on; zero gives the saga up.
    pub lease: Duration,
    /// Time from now before which nobody is to acquire it; zero for none, and [`Duration::MAX`] for a saga that waits until
    /// it is [signalled](SagaWrites::saga_signal).
    pub sleep: Duration,
    /// Another version of its definition, which it runs from now on; `None` for the one that it runs.
    pub definition: Option<DefinitionRef>,
    /// Forgets all entries that were there before: the first of `records` says what they came to.
    pub forgets: bool,
    /// Rest to which the saga has come, encoded: its result, or the reason. Kept with the saga in place of what was kept
    /// before, also where it is `None`.
    pub outcome: Option<Bytes>,
}

/// Sagas that a signal is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SagaAddress {
    /// The saga of this id.
    Id(SagaId),
    /// All sagas of a definition that share a correlation id.
    Correlated {
        /// Name of the definition, of whichever version.
        definition: SmolStr,
        /// The correlation id.
        correlation_id: uuid::Uuid,
    },
}

/// An entry from outside for the logs of sagas that may wait for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SagaSignal {
    /// Sagas that it is for.
    pub to: SagaAddress,
    /// The encoded log entry.
    pub record: Bytes,
}

/// One entry of a saga's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// Number of the entry: `1`, `2`, `3` and so on without a gap. Where the earlier ones were forgotten, the first that
    /// is there has a later number.
    pub sequence: u64,
    /// The epoch of its writer.
    pub epoch: u64,
    /// Time at which it was written, by the store's clock.
    pub at: Timestamp,
    /// The encoded entry.
    pub record: Bytes,
}

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
    /// Earliest time at which they got their status, by the store's clock; any where `None`.
    pub since_from: Option<Timestamp>,
    /// Latest time at which they got their status, by the store's clock; any where `None`.
    pub since_until: Option<Timestamp>,
    /// The [place](ListedSaga::number) behind which to look; `0` for all.
    pub after: u64,
    /// Largest number of sagas.
    pub limit: usize,
}

impl SagaListRequest {
    /// The oldest sagas of a store, whatever their status.
    pub fn new(limit: usize) -> Self {
        Self { statuses: Vec::new(), definition: None, since_from: None, since_until: None, after: 0, limit }
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

    /// Takes sagas behind this [place](ListedSaga::number) only: behind the last one of the page before.
    #[must_use]
    pub fn after(mut self, number: u64) -> Self {
        self.after = number;
        self
    }

    /// Returns `true` if a saga is one of those that are asked for, the limit aside.
    pub fn asks_for(&self, listed: &ListedSaga) -> bool {
        listed.number > self.after
            && (self.statuses.is_empty() || self.statuses.contains(&listed.saga.status))
            && self.definition.as_ref().is_none_or(|name| *name == listed.saga.definition.name)
            && self.since_from.is_none_or(|from| from <= listed.since)
            && self.since_until.is_none_or(|until| listed.since <= until)
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

/// A saga's log, inside a transaction. A store without this [part](Part::Sagas) refuses each call, as the defaults do.
#[async_trait]
#[expect(unused_variables, reason = "a store without the part looks at none of them")]
pub trait SagaWrites: Send {
    /// Creates a saga unless there is one for its definition name and key. Like [`InboxWrites::inbox_insert`], it
    /// waits for an open transaction that is creating the same one.
    ///
    /// [`InboxWrites::inbox_insert`]: super::InboxWrites::inbox_insert
    ///
    /// # Errors
    /// Only a failure of the store.
    async fn saga_create(&mut self, saga: &NewSaga) -> Result<SagaCreate, StoreError> {
        Err(Part::Sagas.refusal())
    }

    /// Appends to a saga's log. Epoch and length are checked against what is committed at commit, not against this
    /// transaction's snapshot, so that parallel steps of one saga do not fail each other.
    ///
    /// # Errors
    /// [`StoreError::Conflict`], here or at commit, if the epoch is not the saga's or the log has grown.
    async fn saga_append(&mut self, append: &SagaAppend) -> Result<(), StoreError> {
        Err(Part::Sagas.refusal())
    }

    /// Appends an entry from outside to the logs of the sagas that a signal is for, wherever they stand, unless they have
    /// ended. Their owners keep their leases, and find that the log has grown; sagas that sleep are due at once. Returns the
    /// sagas, in the order of their creation, as they were before: those that have ended are among them. It sees what is
    /// committed and what this transaction has written.
    ///
    /// # Errors
    /// [`StoreError::Conflict`], here or at commit, if one of the logs grows meanwhile, or the saga ends.
    async fn saga_signal(&mut self, signal: &SagaSignal) -> Result<Vec<SagaInstance>, StoreError> {
        Err(Part::Sagas.refusal())
    }
}

/// Ownership and reading of sagas: short transactions of their own. A store without this [part](Part::Sagas) refuses each
/// call, as the defaults do.
#[async_trait]
#[expect(unused_variables, reason = "a store without the part looks at none of them")]
pub trait SagaStore: Send + Sync {
    /// Takes over active sagas whose lease has ended and whose time has come: each gets the next epoch and a new lease,
    /// and writes of older epochs fail from then on. With `only`, a stuck saga is taken over too, and regardless of its
    /// `wake_at`, as an operator needs.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn acquire_sagas(&self, request: &AcquireRequest) -> Result<Vec<SagaInstance>, StoreError> {
        Err(Part::Sagas.refusal())
    }

    /// Extends the owner's lease. `false` if the epoch is not the saga's any more.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn renew_saga(&self, saga: SagaId, epoch: u64, lease: Duration) -> Result<bool, StoreError> {
        Err(Part::Sagas.refusal())
    }

    /// A saga by its id.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn saga(&self, id: SagaId) -> Result<Option<SagaInstance>, StoreError> {
        Err(Part::Sagas.refusal())
    }

    /// A saga by its definition's name and business key.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn saga_by_key(&self, definition: &str, key: &str) -> Result<Option<SagaInstance>, StoreError> {
        Err(Part::Sagas.refusal())
    }

    /// Returns sagas in the order in which they were created, one page of them. What it costs depends on how many sagas have
    /// the statuses that are asked for, and not on those that have ended and are not.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn sagas(&self, request: &SagaListRequest) -> Result<Vec<ListedSaga>, StoreError> {
        Err(Part::Sagas.refusal())
    }

    /// Returns up to `limit` entries of a saga's log, those after number `after`.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn saga_log(&self, id: SagaId, after: u64, limit: usize) -> Result<Vec<LogEntry>, StoreError> {
        Err(Part::Sagas.refusal())
    }

    /// Deletes the logs of sagas that ended at least `request.older_than` ago, `request.limit` sagas at most. The saga
    /// itself stays, so that its business key stays taken. Returns how many sagas.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn purge_saga_logs(&self, request: &PurgeRequest) -> Result<u64, StoreError> {
        Err(Part::Sagas.refusal())
    }

    /// Deletes sagas that ended at least `request.older_than` ago and whose logs were purged, `request.limit` sagas at most:
    /// those that ended first. From then on nothing tells that they were there, and their business keys are free again.
    /// Returns how many.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn purge_sagas(&self, request: &PurgeRequest) -> Result<u64, StoreError> {
        Err(Part::Sagas.refusal())
    }
}
