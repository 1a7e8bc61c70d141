//! Sample values that checks write: small, and named after what they stand for.

use std::time::Duration;

use bytes::Bytes;
use smol_str::{SmolStr, format_smolstr};
use uuid::Uuid;

use crate::{
    ids::{ClaimToken, MessageId, OperationId, SagaId},
    message::{Headers, Message},
    ports::{
        AcquireRequest, ClaimRequest, DeadLetterRequest, DefinitionRef, EventAppend, ExpectedVersion, InboxEntry,
        InboxPurgeRequest, NewSaga, OutboxOrder, PurgeRequest, SagaAddress, SagaAppend, SagaCreate, SagaSignal,
        SagaStatus, TailRequest, Timestamp, WhenDead,
    },
};

pub(super) const TOPIC: &str = "orders";
pub(super) const CONSUMER: &str = "shipping";
pub(super) const DEFINITION: &str = "checkout";

pub(super) fn message(number: u64, key: &str) -> Message {
    Message {
        id: MessageId(Uuid::from_u128(0x0e00_0000 + u128::from(number))),
        source: "conformance".into(),
        kind: "order.confirmed".into(),
        topic: TOPIC.into(),
        subject: format_smolstr!("order-{number}"),
        time: Timestamp::from_millis(1_700_000_000_000),
        content_type: "application/json".into(),
        partition_key: key.into(),
        sequence: 0,
        epoch: 0,
        gap: 0,
        schedule: crate::message::Schedule::NONE,
        correlation_id: Uuid::from_u128(0xc0),
        causation_id: Some(MessageId(Uuid::from_u128(0xca))),
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
        headers: headers(),
        data: Bytes::from(format!("{{\"order\":{number}}}")),
    }
}

/// Events by their numbers, for a stream.
pub(super) fn events(stream: &str, expected: ExpectedVersion, numbers: &[u64]) -> EventAppend {
    EventAppend::new(stream, expected, numbers.iter().map(|number| message(*number, "elsewhere")).collect())
}

fn headers() -> Headers {
    let mut headers = Headers::new();
    headers.insert("tenant", "north").expect("a name of a header");
    headers
}

/// A message with a key of its own.
pub(super) fn lone(number: u64) -> Message {
    message(number, &format!("key-{number}"))
}

/// A message as a consumer gets it: with a sequence.
pub(super) fn received(number: u64, key: &str) -> Message {
    Message { sequence: number, epoch: 7, gap: 2, ..message(number, key) }
}

pub(super) fn entry(number: u64) -> InboxEntry {
    InboxEntry { sequence: number, ..InboxEntry::for_message(CONSUMER, &received(number, "key")) }
}

pub(super) fn token(number: u128) -> ClaimToken {
    ClaimToken(Uuid::from_u128(0x70_0000 + number))
}

pub(super) fn operation_id(number: u128) -> OperationId {
    OperationId(Uuid::from_u128(0x0b_0000 + number))
}

pub(super) fn saga_id(number: u128) -> SagaId {
    SagaId(Uuid::from_u128(0x5a_0000 + number))
}

/// A claim that keeps order by key and stops a key at a dead row.
pub(super) fn claim(number: u128, limit: usize, lease: Duration) -> ClaimRequest {
    ClaimRequest {
        token: token(number),
        limit,
        lease,
        ordering: OutboxOrder::PerKey,
        when_dead: WhenDead::BlockKey,
        except_topics: Vec::new(),
    }
}

/// A reading of the log that keeps order by key and stops a key at a dead row.
pub(super) fn tail(limit: usize) -> TailRequest {
    TailRequest {
        limit,
        ordering: OutboxOrder::PerKey,
        when_dead: WhenDead::BlockKey,
        except_topics: Vec::new(),
        except_keys: Vec::new(),
    }
}

/// The oldest dead letters of the consumer.
pub(super) fn letters(limit: usize) -> DeadLetterRequest {
    DeadLetterRequest::new(CONSUMER, limit)
}

/// A purge of every inbox row that is old enough to be purged now.
pub(super) fn sweep(limit: usize) -> InboxPurgeRequest {
    InboxPurgeRequest::new(Duration::ZERO, limit)
}

/// A purge of everything that is old enough to be purged now.
pub(super) fn purge(limit: usize) -> PurgeRequest {
    PurgeRequest { older_than: Duration::ZERO, limit }
}

pub(super) fn definition(name: &str) -> DefinitionRef {
    DefinitionRef { name: name.into(), version: 3, hash: 0xdef }
}

pub(super) fn new_saga(number: u128, lease: Duration) -> NewSaga {
    NewSaga {
        id: saga_id(number),
        definition: definition(DEFINITION),
        key: format_smolstr!("order-{number}"),
        input: Bytes::from_static(b"{\"quantity\":2}"),
        correlation_id: Uuid::from_u128(0xc0 + number),
        lease,
    }
}

/// The answer to whoever creates this saga once more.
pub(super) fn exists(number: u128) -> SagaCreate {
    SagaCreate::Exists { saga: saga_id(number), input: new_saga(number, Duration::ZERO).input }
}

/// A signal for one saga.
pub(super) fn signal(number: u128) -> SagaSignal {
    SagaSignal { to: SagaAddress::Id(saga_id(number)), record: Bytes::from_static(b"signal") }
}

/// A signal for all sagas of the definition that share the correlation id of this one.
pub(super) fn correlated(number: u128) -> SagaSignal {
    let (definition, correlation_id) =
        (SmolStr::new_static(DEFINITION), new_saga(number, Duration::ZERO).correlation_id);
    SagaSignal { to: SagaAddress::Correlated { definition, correlation_id }, ..signal(number) }
}

/// An append of one record that keeps the saga running.
pub(super) fn append(number: u128, epoch: u64, expected_length: u64, lease: Duration) -> SagaAppend {
    SagaAppend {
        saga: saga_id(number),
        epoch,
        expected_length,
        records: vec![Bytes::from(format!("record {}", expected_length + 1))],
        status: SagaStatus::Running,
        lease,
        sleep: Duration::ZERO,
        definition: None,
        forgets: false,
        keys: Vec::new(),
        outcome: None,
    }
}

pub(super) fn acquire(limit: usize, lease: Duration) -> AcquireRequest {
    AcquireRequest { only: None, definitions: vec![SmolStr::new_static(DEFINITION)], limit, lease }
}
