use seaworthy_core::ports::Operation;
use std::sync::Arc;

use seaworthy_core::{
    ids::{ClaimToken, MessageId, OperationId, SagaId},
    message::Message,
};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::{ClaimedRow, Effect, KeptRows, Outcome, RowMessages, SettledRow, TxId, VirtualTime, Work};
use crate::plan::FaultKind;

/// Content of an event.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum What {
    /// A process started.
    Boot {
        /// The release of its program, from 1.
        release: u32,
    },
    /// A process died.
    Crash,
    /// A process panicked.
    Panic {
        /// Message of the panic.
        message: SmolStr,
    },
    /// A fault of the plan struck.
    Fault {
        /// Its position in the plan's list.
        index: u32,
        /// Kind of the fault.
        kind: FaultKind,
        /// Operation that was struck, for a fault at a call.
        point: Option<Operation>,
    },
    /// A timed fault ended.
    FaultOver {
        /// Its position in the plan's list.
        index: u32,
    },
    /// No more faults; all processes are up.
    Healed,
    /// Nothing is pending any more.
    Quiet,
    /// The run used up its budget of port calls or virtual time.
    OutOfBudget {
        /// Description of what was still waiting.
        waiting: SmolStr,
    },

    /// A request from outside reached a process.
    Request {
        /// Its number, from 1; a repetition keeps it.
        request: u64,
        /// Operation that is asked for.
        operation: SmolStr,
    },
    /// A request was answered.
    Reply {
        /// Number of the request.
        request: u64,
        /// `true` if it was accepted.
        accepted: bool,
        /// Outcome for the client: heard or unheard.
        outcome: Outcome,
    },

    /// A transaction began.
    Begin {
        /// Its number; 0 if it failed to begin.
        tx: TxId,
        /// Outcome of the call.
        outcome: Outcome,
    },
    /// A call inside a transaction; what it wrote shows at commit.
    Statement {
        /// Number of the transaction.
        tx: TxId,
        /// Operation that was called.
        point: Operation,
        /// Subject of the statement: a document's collection, a consumer, or what the user calls a statement of their
        /// own (`Transaction::label`).
        on: SmolStr,
        /// Outcome of the call.
        outcome: Outcome,
    },
    /// The inbox said that a message was seen before.
    DuplicateSeen {
        /// Number of the transaction.
        tx: TxId,
        /// Name of the consumer.
        consumer: SmolStr,
        /// Id of the message.
        message: MessageId,
    },
    /// A transaction committed, or failed to.
    Commit {
        /// Number of the transaction.
        tx: TxId,
        /// Its store, by name.
        store: SmolStr,
        /// Outcome of the call.
        outcome: Outcome,
        /// Effects of the commit; empty unless the outcome took effect.
        effects: Arc<[Effect]>,
        /// Effects that it would have had; empty where the outcome took effect.
        tried: Box<[Effect]>,
    },
    /// A transaction was dropped, by its process or by a crash.
    Abort {
        /// Number of the transaction.
        tx: TxId,
        /// Effects that it would have had.
        tried: Box<[Effect]>,
    },

    /// A relay claimed outbox rows.
    Claim {
        /// Name of the store.
        store: SmolStr,
        /// Token of the claim.
        token: ClaimToken,
        /// Rows that were claimed.
        rows: Arc<[ClaimedRow]>,
        /// Outcome of the call.
        outcome: Outcome,
    },
    /// A relay settled outbox rows.
    Settle {
        /// Name of the store.
        store: SmolStr,
        /// Token of the claim.
        token: ClaimToken,
        /// Rows that were settled.
        rows: Arc<[SettledRow]>,
        /// Outcome of the call.
        outcome: Outcome,
    },
    /// Sagas were taken over.
    Acquire {
        /// Name of the store.
        store: SmolStr,
        /// Saga and its new epoch.
        sagas: Arc<[(SagaId, u64)]>,
        /// Outcome of the call.
        outcome: Outcome,
    },
    /// Another call to the store outside a transaction: a renewal, a log page, a purge.
    StoreCall {
        /// Name of the store.
        store: SmolStr,
        /// Operation that was called.
        operation: Operation,
        /// Number of rows that it touched or returned.
        count: u64,
        /// Outcome of the call.
        outcome: Outcome,
        /// The messages of the rows of the outbox that it brought back or deleted; the events that a reader of the log was shown.
        #[serde(default, skip_serializing_if = "RowMessages::is_empty")]
        messages: RowMessages,
    },

    /// A message was offered to the broker.
    Publish {
        /// Message that is offered.
        message: Arc<Message>,
        /// Outcome for this message.
        outcome: Outcome,
        /// Reason of the broker for refusing it for good; empty where it did not.
        why: SmolStr,
    },
    /// A process joined a consumer group.
    Subscribe {
        /// Name of the consumer group.
        group: SmolStr,
        /// Outcome of the call.
        outcome: Outcome,
    },
    /// A message was handed to a member of a group.
    Deliver {
        /// Name of the consumer group.
        group: SmolStr,
        /// Tag of the delivery.
        tag: u64,
        /// Message that is delivered.
        message: Arc<Message>,
        /// Number of earlier deliveries to the group.
        redeliveries: u32,
    },
    /// A receive failed.
    ReceiveFailed {
        /// Name of the consumer group.
        group: SmolStr,
        /// Outcome of the call.
        outcome: Outcome,
    },
    /// A delivery was acknowledged.
    Ack {
        /// Name of the consumer group.
        group: SmolStr,
        /// Tag of the delivery.
        tag: u64,
        /// Id of its message.
        message: MessageId,
        /// Outcome of the call.
        outcome: Outcome,
    },
    /// A delivery was given back.
    Nack {
        /// Name of the consumer group.
        group: SmolStr,
        /// Tag of the delivery.
        tag: u64,
        /// Id of its message.
        message: MessageId,
        /// Outcome of the call.
        outcome: Outcome,
    },

    /// A participant that is not ours was called.
    External {
        /// Name of the service.
        service: SmolStr,
        /// Operation that it was asked to carry out.
        operation: SmolStr,
        /// The idempotency key.
        operation_id: OperationId,
        /// Subject of the call, as the service names it.
        subject: SmolStr,
        /// `true` if the service acted on this call (a repeated key gets the stored answer).
        acted: bool,
        /// Outcome of the call.
        outcome: Outcome,
    },

    /// The operator begins to redrive what is parked. Recorded once, after [`What::Healed`] and before the first redrive,
    /// if anything is dead or stuck then. By now all that can move without help has had its chance: no fault strikes any more, and
    /// either nothing has happened for as long as the system needs to show that it rests, or a minute has passed. So what
    /// is still waiting in the outbox at this event waits for the operator, or for the end of a backoff.
    Redrive {
        /// Dead rows, over all stores, and the dead letters and stuck sagas of a run in which a fault has spoiled something.
        parked: u64,
        /// Virtual milliseconds since the world healed.
        after_ms: u64,
    },

    /// A process died of its own doing; its crash follows.
    Exit {
        /// Reason, in its own words.
        reason: SmolStr,
    },
    /// A call that was not answered: its task waited until it had enough of it, its process died, or the run was
    /// given up. Of the first two only those are told whose own task may be the reason; at the end, the few that have
    /// waited longest as well. Besides, a call that the plan has hang and that is still waited for when that is over.
    NeverReturned {
        /// Operation that was called.
        point: Operation,
        /// The transaction that it was made in, if it was in one.
        tx: Option<TxId>,
        /// Time since which it was waited for.
        since: VirtualTime,
        /// Another transaction that the same task had open meanwhile: whoever holds one and waits for a second may wait for
        /// himself.
        behind: Option<TxId>,
        /// For a call that the plan had hang, whom it was made to: a service outside, or the topic of what was published.
        /// Empty for a store's.
        #[serde(default, skip_serializing_if = "SmolStr::is_empty")]
        whom: SmolStr,
    },
    /// A piece of a process's work panicked, and whoever ran it took that for a failure: its process goes on.
    Caught {
        /// Message of the panic.
        message: SmolStr,
    },
    /// A fault that lasts spoils an attempt at a piece of work, as it spoils each one for as long as it lasts.
    Spoils {
        /// Its position in the plan's list.
        index: u32,
        /// The work that it has chosen at the first of them.
        what: Work,
    },
    /// A process said at `WARN`, or above, that something was given up, by its id.
    Said {
        /// The work that was given up.
        about: Work,
        /// Text of the process.
        text: SmolStr,
    },
    /// A store was put back to what it was at an earlier event: what was committed to it since is gone.
    Restored {
        /// Name of the store.
        store: SmolStr,
        /// The first event that the copy knows nothing of.
        since: u64,
        /// The messages that were staged since, and are gone.
        messages: RowMessages,
        /// The sagas whose logs were written since, sorted: they are as they were, or gone.
        sagas: Box<[SagaId]>,
    },
    /// The tables of the stores were counted: before the first boot, if anything was prepared, and when the run is over.
    Kept {
        /// Number of the rows of each table that has any, by store.
        rows: Box<[KeptRows]>,
    },
    /// A part of a process has ended that was to work until the stop, and said so: the process goes on without it.
    PartEnded {
        /// Name of the part.
        part: SmolStr,
        /// Reason, in its own words.
        why: SmolStr,
    },
}
