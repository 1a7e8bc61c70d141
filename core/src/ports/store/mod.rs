//! The store port: one database, and transactions over everything that lives in it.

mod backlog;
mod backup;
mod census;
mod checkpoint;
mod delegate;
mod documents;
mod error;
mod events;
mod inbox;
mod outbox;
mod participant;
mod parts;
mod range;
mod rows;
mod saga;
mod tables;

use std::any::Any;

use async_trait::async_trait;
use smol_str::SmolStr;

pub use backlog::Backlog;
pub use backup::Backup;
pub use census::{Census, Tally};
pub use checkpoint::Checkpoints;
pub use delegate::{DelegateStore, DelegateTransaction};
pub use documents::{Document, Documents, Expected};
pub use error::StoreError;
pub use events::{Appended, EventAppend, EventStore, EventWrites, ExpectedVersion, RecordedEvent, StreamSnapshot};
pub use inbox::{
    DeadLetter, DeadLetterRequest, InboxEntry, InboxInsert, InboxPurgeRequest, InboxStore, InboxWrites, Seen,
};
pub use outbox::{
    ClaimRequest, DeadPlace, DeadRow, DeadRowRequest, InvalidPlace, OutboxOrder, OutboxRow, OutboxState, OutboxStore,
    OutboxWrites, PurgeRequest, RepublishRequest, RowId, SettleOutcome, Settlement, TailRequest, WhenDead,
};
pub use participant::{OperationRecord, OperationState, OperationStore, Participants};
pub use parts::{Part, Parts};
pub use range::IdRange;
pub use rows::{Cell, RowChange};
pub use saga::{
    AcquireRequest, DefinitionRef, ListedSaga, LogEntry, NewSaga, SagaAddress, SagaAppend, SagaCreate, SagaInstance,
    SagaKey, SagaListRequest, SagaSignal, SagaStatus, SagaStore, SagaWrites,
};
pub use tables::{RowCounts, StoreTable};

use super::Timestamp;

/// One database: documents, outbox, inbox, saga logs, participants' operations, checkpoints and events, or some of these.
///
/// Transactions and the clock are every store's. The rest are [parts](Parts), which a store may leave out: the methods of
/// each have defaults that refuse, and [`parts`](Store::parts) says which it has.
///
/// | part | methods | needed by |
/// |---|---|---|
/// | [`Part::Documents`] | [`Documents`] | state that has no tables of its own, such as [aggregates](crate::aggregate) |
/// | [`Part::Outbox`] | [`OutboxWrites`], [`OutboxStore`] | whoever stages messages; [`Relay`](crate::outbox::Relay), [`LogRelay`](crate::outbox::LogRelay), [`OutboxRetention`](crate::outbox::OutboxRetention) |
/// | [`Part::Inbox`] | [`InboxWrites`], [`InboxStore`] | [`Consumer`](crate::inbox::Consumer), [`InboxRetention`](crate::inbox::InboxRetention) |
/// | [`Part::Sagas`] | [`SagaWrites`], [`SagaStore`] | [`Orchestrator`](crate::saga::Orchestrator) |
/// | [`Part::Operations`] | [`Participants`], [`OperationStore`] | the [participant kit](crate::participant), [`OperationRetention`](crate::participant::OperationRetention) |
/// | [`Part::Checkpoints`] | [`Checkpoints`] | [`LogRelay`](crate::outbox::LogRelay), projections and other readers of a log |
/// | [`Part::Events`] | [`EventWrites`], [`EventStore`] | [`Subscriber`](crate::events::Subscriber) |
///
/// A store with nothing but an outbox serves a relay, and those who stage:
///
/// ```
/// use async_trait::async_trait;
/// use seaworthy_core::ports::{
///     Backlog, EventStore, InboxStore, OperationStore, OutboxStore, Part, Parts, SagaStore, Store, StoreError, Timestamp, Transaction,
/// };
///
/// struct Mailroom;
///
/// #[async_trait]
/// impl Store for Mailroom {
///     fn parts(&self) -> Parts {
///         Parts::new(&[Part::Outbox])
///     }
/// #   async fn begin(&self) -> Result<Box<dyn Transaction>, StoreError> { Err(StoreError::Unavailable("closed".into())) }
/// #   async fn backlog(&self) -> Result<Backlog, StoreError> { Ok(Backlog::default()) }
/// #   async fn now(&self) -> Result<Timestamp, StoreError> { Ok(Timestamp::EPOCH) }
///     // `begin`, `backlog` and `now`, as every store
/// }
///
/// impl OutboxStore for Mailroom {
///     // `claim`, `settle` and so on, over its tables
/// }
///
/// // What it has not is refused.
/// impl InboxStore for Mailroom {}
/// impl SagaStore for Mailroom {}
/// impl OperationStore for Mailroom {}
/// impl EventStore for Mailroom {}
/// ```
///
/// Methods outside a transaction ([`OutboxStore`], [`InboxStore`], [`SagaStore`], [`OperationStore`], [`EventStore`]) are short transactions of their own.
/// All leases and delays are judged by the store's own clock.
///
/// An adapter gives each call an end, by a timeout of its connection for example, and says [`StoreError::Unavailable`] or
/// [`StoreError::Unknown`] then. The loops of this crate - relays, consumers, subscribers, recovery and the sagas that it drives,
/// retentions - give a call up that has not returned within a limit of their settings: they drop it, say so at `WARN`, take its
/// outcome for unknown and go on after a pause. Whoever calls a store by themselves waits for it as long as it takes.
#[async_trait]
pub trait Store: OutboxStore + InboxStore + SagaStore + OperationStore + EventStore + Send + Sync {
    /// Returns the parts that the store has. Methods of the others are [refused](Part::refusal), which is what their
    /// defaults do; a store with every part says [`Parts::ALL`], one that wraps another says what that one says.
    fn parts(&self) -> Parts;

    /// Opens a transaction that sees the store as it is now.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the store can't be reached. Dropping the future leaves nothing open.
    async fn begin(&self) -> Result<Box<dyn Transaction>, StoreError>;

    /// Returns the work that waits in the store: for health checks, and for the simulator to see that a run has come to
    /// rest. In a part that the store has not nothing waits.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the store can't be reached.
    async fn backlog(&self) -> Result<Backlog, StoreError>;

    /// Returns counts and ages of everything in the store that an operator may have to look at. It looks at whatever is
    /// pending, dead or has not ended, so it is for a scrape each quarter of a minute and not for a loop.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Refused`] from a store that does not count, which is the default.
    async fn census(&self) -> Result<Census, StoreError> {
        Err(StoreError::Refused(SmolStr::new_static("this store takes no census")))
    }

    /// The store's own clock, which does not go back while a process lives ([`SteadyTime`](super::SteadyTime)). A store that
    /// outlives its process goes on from the latest time of its commits, to a second, where its clock was set back meanwhile; a
    /// clock that is behind that by more than [a day](super::SteadyTime::BEHIND_MAX) is believed. Then whatever the store itself
    /// has put off is due, and what it has kept is kept from then on, so that nothing waits for the time of a clock that was
    /// wrong; the store says so at `WARN`, once. Moments that messages and sagas asked for stay.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the store can't be reached.
    async fn now(&self) -> Result<Timestamp, StoreError>;

    /// Has the store's transactions tell from now on what they change in these tables of the user's own
    /// ([`Transaction::row_changes`]): for whoever judges a run. Production never asks for it.
    ///
    /// # Errors
    /// [`StoreError::Refused`] from a store that has no tables, or does not look into them; that is the default.
    async fn watch(&self, tables: &[SmolStr]) -> Result<(), StoreError> {
        let _ = tables;
        Err(StoreError::Refused(SmolStr::new_static("this store does not show the rows of tables")))
    }

    /// Counts the rows in each of the store's tables, whatever has become of them: for whoever judges whether anything grows for
    /// ever. It may look at all of them, so production asks for it now and then at most.
    ///
    /// # Errors
    /// [`StoreError::Refused`] from a store that does not count, which is the default; [`StoreError::Unavailable`].
    async fn row_counts(&self) -> Result<RowCounts, StoreError> {
        Err(StoreError::Refused(SmolStr::new_static("this store does not count its rows")))
    }

    /// Copies all that is committed, to be put back later: for whoever tries what a service makes of a store that was
    /// restored. In production the database's own tools do that.
    ///
    /// # Errors
    /// [`StoreError::Refused`] from a store that makes no copies, which is the default; [`StoreError::Unavailable`].
    async fn backup(&self) -> Result<Box<dyn Backup>, StoreError> {
        Err(StoreError::Refused(SmolStr::new_static("this store makes no copy of itself")))
    }
}

/// Work for after a commit, see [`Transaction::after_commit`].
pub type AfterCommit = Box<dyn FnOnce() + Send>;

/// A transaction: all of it is applied at commit, or none of it.
///
/// Isolation is snapshot isolation or stricter. A write that another transaction has overtaken fails with
/// [`StoreError::Conflict`], at the write or at commit. After any error the only thing left to do is to drop the
/// transaction, which aborts it. Using one after commit does not compile:
///
/// ```compile_fail
/// # use seaworthy_core::ports::Transaction;
/// # async fn f(tx: Box<dyn Transaction>) {
/// tx.commit().await.unwrap();
/// tx.commit().await.unwrap();
/// # }
/// ```
#[async_trait]
pub trait Transaction:
    Documents + OutboxWrites + InboxWrites + SagaWrites + Participants + Checkpoints + EventWrites + Send
{
    /// The store's own clock, inside this transaction: the clock by which leases and delays are judged, and the one that all
    /// processes on this store agree on.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the store can't be reached.
    async fn now(&mut self) -> Result<Timestamp, StoreError>;

    /// The adapter's own connection, inside this transaction, for a user's own statements.
    ///
    /// Its type is defined by the adapter (`rusqlite::Connection` for SQLite); see [`connection`] for typed access.
    /// It must not be used to commit or to roll back.
    ///
    /// # Errors
    /// [`StoreError::Refused`] if the adapter has none to lend, which is the default.
    async fn raw_connection(&mut self) -> Result<&mut (dyn Any + Send), StoreError> {
        Err(StoreError::Refused(SmolStr::new_static("this store has no connection to lend")))
    }

    /// Notes a fact that becomes true when this transaction commits, for whoever judges the run.
    ///
    /// Documents are seen by a judge as they are; what a user writes with statements of their own is not, and this
    /// says it. Production stores ignore it.
    fn observe(&mut self, fact: &'static str, subject: &str, value: i64) {
        let _ = (fact, subject, value);
    }

    /// Returns the row changes of this transaction that were not returned before, in the tables that the store
    /// [watches](Store::watch). What was undone within the transaction is not among it. The default, and a store that
    /// watches nothing, has nothing to tell.
    ///
    /// # Errors
    /// Any [`StoreError`] with which the transaction fails.
    async fn row_changes(&mut self) -> Result<Vec<RowChange>, StoreError> {
        Ok(Vec::new())
    }

    /// Names the next statement of the user's own, for whoever reads the trace of a run: `mark sent` tells more than a
    /// connection that was lent. It holds for the next [`raw_connection`](Self::raw_connection) and no longer.
    /// Production stores ignore it; a store that wraps another passes it on.
    fn label(&mut self, statement: &str) {
        let _ = statement;
    }

    /// Returns `true` if anything may have been written through the [raw connection](Transaction::raw_connection): a
    /// simulation takes a transaction that only read for no change. A store that can't tell says yes, which is the
    /// default.
    fn has_written(&mut self) -> bool {
        true
    }

    /// Takes a piece of work for after the commit, such as a hint to whoever polls for what is committed. It runs once the
    /// commit is known to be done, in this process and before [`commit`](Self::commit) returns, after pieces that were
    /// taken earlier; it must be short and wait for nothing. It is dropped where the transaction is, or where the commit
    /// fails or its outcome is unknown.
    ///
    /// A hint is all that it may be: a process that dies in between never runs it.
    fn after_commit(&mut self, work: AfterCommit);

    /// Commits the transaction.
    ///
    /// # Errors
    /// [`StoreError::Conflict`], [`StoreError::Unavailable`] and [`StoreError::Refused`]: not applied.
    /// [`StoreError::Unknown`]: applied or not; find out by reading what it would have written. Dropping the future
    /// leaves the outcome unknown too.
    async fn commit(self: Box<Self>) -> Result<(), StoreError>;
}

/// The transaction's own connection as type `C`.
///
/// # Errors
/// [`StoreError::Refused`] if the store behind the transaction lends no connection, or one of another type; the
/// message names the type that was asked for.
pub async fn connection<C: Any + Send>(tx: &mut dyn Transaction) -> Result<&mut C, StoreError> {
    tx.raw_connection().await?.downcast_mut::<C>().ok_or_else(|| {
        StoreError::Refused(SmolStr::from(format!(
            "the store's connection is not a {}: use the type that the adapter documents",
            std::any::type_name::<C>()
        )))
    })
}
