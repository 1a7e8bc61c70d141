use seaworthy_core::ports::{Operation, Port};
use serde::{Deserialize, Serialize};

/// Where a process touches the world: each operation of each port. A fault strikes before or after one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Point {
    /// `Store::begin`.
    Begin,
    /// A read in a transaction: document, scan, operation, checkpoint.
    Read,
    /// A write in a transaction: document, operation, checkpoint.
    Write,
    /// A user's own statement on the transaction's connection.
    Statement,
    /// Staging an outbox message.
    Stage,
    /// Inbox rows: insert, failure count, burial.
    Inbox,
    /// Creating a saga or appending to its log.
    SagaLog,
    /// `Transaction::commit`.
    Commit,
    /// `OutboxStore::claim`.
    Claim,
    /// `OutboxStore::settle`.
    Settle,
    /// Taking over sagas, renewing a lease, reading a saga or its log.
    Recover,
    /// Purges, redrives and other upkeep of the store.
    Upkeep,
    /// `Broker::publish`.
    Publish,
    /// `Broker::subscribe`.
    Subscribe,
    /// `Subscription::receive`.
    Receive,
    /// `Subscription::ack`.
    Ack,
    /// `Subscription::nack`.
    Nack,
    /// `External::call`.
    External,
    /// Taking a request from outside.
    Request,
    /// Answering a request.
    Reply,
}

impl Point {
    /// All points, in the order of their declaration.
    pub const ALL: [Self; 20] = [
        Self::Begin,
        Self::Read,
        Self::Write,
        Self::Statement,
        Self::Stage,
        Self::Inbox,
        Self::SagaLog,
        Self::Commit,
        Self::Claim,
        Self::Settle,
        Self::Recover,
        Self::Upkeep,
        Self::Publish,
        Self::Subscribe,
        Self::Receive,
        Self::Ack,
        Self::Nack,
        Self::External,
        Self::Request,
        Self::Reply,
    ];

    /// Its name as written in plans.
    pub fn name(self) -> &'static str {
        match self {
            Self::Begin => "begin",
            Self::Read => "read",
            Self::Write => "write",
            Self::Statement => "statement",
            Self::Stage => "stage",
            Self::Inbox => "inbox",
            Self::SagaLog => "saga_log",
            Self::Commit => "commit",
            Self::Claim => "claim",
            Self::Settle => "settle",
            Self::Recover => "recover",
            Self::Upkeep => "upkeep",
            Self::Publish => "publish",
            Self::Subscribe => "subscribe",
            Self::Receive => "receive",
            Self::Ack => "ack",
            Self::Nack => "nack",
            Self::External => "external",
            Self::Request => "request",
            Self::Reply => "reply",
        }
    }

    /// The kind of call that an operation is.
    pub fn of(operation: Operation) -> Self {
        match operation {
            Operation::Begin => Self::Begin,
            Operation::Claim | Operation::Tail => Self::Claim,
            Operation::Settle => Self::Settle,
            Operation::AcquireSagas
            | Operation::RenewSaga
            | Operation::Saga
            | Operation::SagaByKey
            | Operation::SagaLog => Self::Recover,
            Operation::Stage => Self::Stage,
            Operation::InboxInsert | Operation::InboxFailed | Operation::InboxBury | Operation::InboxExhume => {
                Self::Inbox
            }
            Operation::SagaCreate | Operation::SagaAppend => Self::SagaLog,
            Operation::RawConnection => Self::Statement,
            Operation::Commit => Self::Commit,
            Operation::Publish => Self::Publish,
            Operation::Subscribe => Self::Subscribe,
            Operation::Receive => Self::Receive,
            Operation::Ack => Self::Ack,
            Operation::Nack => Self::Nack,
            Operation::External => Self::External,
            Operation::Request => Self::Request,
            Operation::Reply => Self::Reply,
            statement if statement.port() == Port::Transaction && statement.changes_something() => Self::Write,
            statement if statement.port() == Port::Transaction => Self::Read,
            _ => Self::Upkeep,
        }
    }

    /// Whether it belongs to the store port.
    pub fn is_store(self) -> bool {
        self <= Self::Upkeep
    }

    /// Whether it belongs to the broker port.
    pub fn is_broker(self) -> bool {
        (Self::Publish..=Self::Nack).contains(&self)
    }
}
