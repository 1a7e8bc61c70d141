use seaworthy_core::ports::Operation;
use std::sync::Arc;

use seaworthy_core::{
    ids::{ClaimToken, MessageId, OperationId, SagaId},
    message::Message,
};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::{ClaimedRow, Effect, Outcome, SettledRow, TxId, VirtualTime};
use crate::plan::FaultKind;

/// What happened.
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
        /// What it said.
        message: SmolStr,
    },
    /// A fault of the plan struck.
    Fault {
        /// Its position in the plan's list.
        index: u32,
        /// Its kind.
        kind: FaultKind,
        /// Where, for a fault at a call.
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
        /// What was still waiting.
        waiting: SmolStr,
    },

    /// A request from outside reached a process.
    Request {
        /// Its number, from 1; a repetition keeps it.
        request: u64,
        /// What is asked.
        operation: SmolStr,
    },
    /// A request was answered.
    Reply {
        /// Its number.
        request: u64,
        /// Whether it was accepted.
        accepted: bool,
        /// Whether the client heard.
        outcome: Outcome,
    },

    /// A transaction began.
    Begin {
        /// Its number; 0 if it failed to begin.
        tx: TxId,
        /// How it went.
        outcome: Outcome,
    },
    /// A call inside a transaction; what it wrote shows at commit.
    Statement {
        /// The transaction.
        tx: TxId,
        /// Which kind of call.
        point: Operation,
        /// What it was about: a document's collection, a consumer, or what the user calls a statement of their own
        /// (`Transaction::label`).
        on: SmolStr,
        /// How it went.
        outcome: Outcome,
    },
    /// The inbox said that a message was seen before.
    DuplicateSeen {
        /// The transaction.
        tx: TxId,
        /// By whom.
        consumer: SmolStr,
        /// Which message.
        message: MessageId,
    },
    /// A transaction committed, or failed to.
    Commit {
        /// Its number.
        tx: TxId,
        /// Its store, by name.
        store: SmolStr,
        /// How it went.
        outcome: Outcome,
        /// What it made true; empty unless the outcome took effect.
        effects: Arc<[Effect]>,
        /// What it would have made true; empty where the outcome took effect.
        tried: Box<[Effect]>,
    },
    /// A transaction was dropped, by its process or by a crash.
    Abort {
        /// Its number.
        tx: TxId,
        /// What it would have made true.
        tried: Box<[Effect]>,
    },

    /// A relay claimed outbox rows.
    Claim {
        /// The store.
        store: SmolStr,
        /// The claim.
        token: ClaimToken,
        /// The rows.
        rows: Arc<[ClaimedRow]>,
        /// How it went.
        outcome: Outcome,
    },
    /// A relay settled outbox rows.
    Settle {
        /// The store.
        store: SmolStr,
        /// The claim.
        token: ClaimToken,
        /// The rows.
        rows: Arc<[SettledRow]>,
        /// How it went.
        outcome: Outcome,
    },
    /// Sagas were taken over.
    Acquire {
        /// The store.
        store: SmolStr,
        /// Saga and its new epoch.
        sagas: Arc<[(SagaId, u64)]>,
        /// How it went.
        outcome: Outcome,
    },
    /// Another call to the store outside a transaction: a renewal, a log page, a purge.
    StoreCall {
        /// The store.
        store: SmolStr,
        /// What it did.
        operation: Operation,
        /// How many rows it touched or returned.
        count: u64,
        /// How it went.
        outcome: Outcome,
    },

    /// A message was offered to the broker.
    Publish {
        /// The message.
        message: Arc<Message>,
        /// How it went for this message.
        outcome: Outcome,
        /// Why the broker refused it for good; empty where it did not.
        why: SmolStr,
    },
    /// A process joined a consumer group.
    Subscribe {
        /// The group.
        group: SmolStr,
        /// How it went.
        outcome: Outcome,
    },
    /// A message was handed to a member of a group.
    Deliver {
        /// The group.
        group: SmolStr,
        /// The delivery.
        tag: u64,
        /// The message.
        message: Arc<Message>,
        /// How often it was delivered to the group before.
        redeliveries: u32,
    },
    /// A receive failed.
    ReceiveFailed {
        /// The group.
        group: SmolStr,
        /// How.
        outcome: Outcome,
    },
    /// A delivery was acknowledged.
    Ack {
        /// The group.
        group: SmolStr,
        /// The delivery.
        tag: u64,
        /// Its message.
        message: MessageId,
        /// How it went.
        outcome: Outcome,
    },
    /// A delivery was given back.
    Nack {
        /// The group.
        group: SmolStr,
        /// The delivery.
        tag: u64,
        /// Its message.
        message: MessageId,
        /// How it went.
        outcome: Outcome,
    },

    /// A participant that is not ours was called.
    External {
        /// Which.
        service: SmolStr,
        /// What it was asked to do.
        operation: SmolStr,
        /// The idempotency key.
        operation_id: OperationId,
        /// What the call was about, as the service names it.
        subject: SmolStr,
        /// Whether the service acted on this call (a repeated key gets the stored answer).
        acted: bool,
        /// How it went.
        outcome: Outcome,
    },

    /// The operator begins to redrive what is parked. Recorded once, after [`What::Healed`] and before the first redrive,
    /// if a row is dead then. By now all that can move without help has had its chance: no fault strikes any more, and
    /// either nothing has happened for as long as the system needs to show that it rests, or a minute has passed. So what
    /// is still waiting in the outbox at this event waits for the operator, or for the end of a backoff.
    Redrive {
        /// Dead rows, over all stores.
        parked: u64,
        /// Virtual milliseconds since the world healed.
        after_ms: u64,
    },

    /// A process died of its own doing; its crash follows.
    Exit {
        /// Why, in its own words.
        reason: SmolStr,
    },
    /// A call that a store did not answer: its task waited until it had enough of it, its process died, or the run was
    /// given up. Of the first two only those are told whose own task may be the reason; at the end, the few that have
    /// waited longest as well.
    NeverReturned {
        /// Which kind of call.
        point: Operation,
        /// The transaction that it was made in, if it was in one.
        tx: Option<TxId>,
        /// Since when it was waited for.
        since: VirtualTime,
        /// Another transaction that the same task had open meanwhile: whoever holds one and waits for a second may wait for
        /// himself.
        behind: Option<TxId>,
    },
}
