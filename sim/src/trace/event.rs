use std::sync::Arc;

use seaworthy_core::{
    ids::{ClaimToken, MessageId, OperationId, SagaId},
    message::Message,
    ports::RowId,
};
use smol_str::SmolStr;

use super::Effect;
use crate::plan::{FaultKind, Point};

/// Virtual microseconds since the start of the run.
pub type VirtualTime = u64;

/// A process of the scenario's topology, by its position; [`ProcessIndex::WORLD`] is the world itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessIndex(pub u16);

impl ProcessIndex {
    /// The world: the client, the fault plan, the end of the storm.
    pub const WORLD: Self = Self(u16::MAX);
}

/// A transaction, numbered over the whole run from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TxId(pub u64);

/// How a port call ended, for the caller and in truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// Done, and the caller knows.
    Done,
    /// Not done, and the caller knows: another was first.
    Conflict,
    /// Not done, and the caller knows: not now.
    Unavailable,
    /// Not done, and the caller knows: never.
    Rejected,
    /// Done, but the caller sees `Unknown`, or died before it heard.
    DoneUnheard,
    /// Not done, but the caller sees `Unknown`, or died before it heard.
    NotDoneUnheard,
    /// Not done, but the caller believes that it is (a dropped acknowledgement).
    BelievedDone,
}

impl Outcome {
    /// Whether it took effect.
    pub fn took_effect(self) -> bool {
        matches!(self, Self::Done | Self::DoneUnheard)
    }
}

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
    /// What happened.
    pub what: What,
}

/// A row as it was claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClaimedRow {
    /// The row.
    pub row: RowId,
    /// Its message.
    pub message: MessageId,
    /// Claims so far.
    pub attempts: u32,
}

/// A row as it was settled.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SettledRow {
    /// The row.
    pub row: RowId,
    /// `dispatched`, `retry`, `release` or `dead`.
    pub as_what: &'static str,
    /// Whether the claim still held the row, so that it really was settled.
    pub held: bool,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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
        point: Option<Point>,
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
        point: Point,
        /// What it was about: a document's collection, a consumer.
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
    },
    /// A transaction was dropped, by its process or by a crash.
    Abort {
        /// Its number.
        tx: TxId,
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
        /// Which kind of call.
        point: Point,
        /// What it did: its operation's name.
        operation: &'static str,
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
}
