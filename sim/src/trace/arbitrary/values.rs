//! The values that events are made of, with whatever may be hard to write down.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use proptest::{collection::vec, option, prelude::*, sample::select};
use seaworthy_core::{
    ids::{ClaimToken, MessageId, OperationId, SagaId},
    message::{Headers, Message},
    ports::{Cell, DefinitionRef, Operation, OperationState, RowChange, RowId, SagaStatus, StoreTable, Timestamp},
};
use smol_str::SmolStr;
use uuid::Uuid;

use crate::{
    plan::FaultKind,
    trace::{ClaimedRow, Outcome, SettledAs, SettledRow, TxId, Work},
};

pub(super) fn text() -> impl Strategy<Value = SmolStr> + Clone {
    prop_oneof!["[a-z-]{0,12}", "\\PC{0,40}", any::<String>().prop_map(|text| text)].prop_map(SmolStr::from)
}

/// Payloads: JSON in every layout, text, and what is neither.
pub(super) fn bytes() -> impl Strategy<Value = Bytes> {
    let json =
        select(vec!["{\"b\":1.0,\"a\":[]}", " {} ", "[1,\n2]", "1e400", "\"\\ud800\"", "{\"a\":1,\"a\":2}", "null"]);
    prop_oneof![
        vec(any::<u8>(), 0..40).prop_map(Bytes::from),
        any::<String>().prop_map(Bytes::from),
        json.prop_map(|json| Bytes::from_static(json.as_bytes())),
    ]
}

fn uuid() -> impl Strategy<Value = Uuid> {
    any::<u128>().prop_map(Uuid::from_u128)
}

pub(super) fn message_id() -> impl Strategy<Value = MessageId> {
    uuid().prop_map(MessageId)
}

pub(super) fn saga() -> impl Strategy<Value = SagaId> {
    uuid().prop_map(SagaId)
}

pub(super) fn table() -> impl Strategy<Value = StoreTable> {
    select(StoreTable::ALL.to_vec())
}

pub(super) fn work() -> impl Strategy<Value = Work> {
    prop_oneof![
        message_id().prop_map(Work::Message),
        message_id().prop_map(Work::Event),
        saga().prop_map(Work::Saga),
        operation_id().prop_map(Work::Call)
    ]
}

pub(super) fn operation_id() -> impl Strategy<Value = OperationId> {
    uuid().prop_map(OperationId)
}

pub(super) fn token() -> impl Strategy<Value = ClaimToken> {
    uuid().prop_map(ClaimToken)
}

pub(super) fn tx() -> impl Strategy<Value = TxId> {
    any::<u64>().prop_map(TxId)
}

fn row() -> impl Strategy<Value = RowId> {
    any::<u64>().prop_map(RowId)
}

pub(super) fn operation() -> impl Strategy<Value = Operation> {
    select(Operation::ALL)
}

pub(super) fn fault() -> impl Strategy<Value = FaultKind> {
    select(FaultKind::ALL)
}

pub(super) fn outcome() -> impl Strategy<Value = Outcome> {
    select(vec![
        Outcome::Done,
        Outcome::Conflict,
        Outcome::Unavailable,
        Outcome::Rejected,
        Outcome::DoneUnheard,
        Outcome::NotDoneUnheard,
        Outcome::BelievedDone,
    ])
}

pub(super) fn status() -> impl Strategy<Value = SagaStatus> {
    select(vec![
        SagaStatus::Running,
        SagaStatus::Compensating,
        SagaStatus::Stuck,
        SagaStatus::Completed,
        SagaStatus::Compensated,
        SagaStatus::Abandoned,
    ])
}

pub(super) fn state() -> impl Strategy<Value = OperationState> {
    prop_oneof![bytes().prop_map(OperationState::Executed), Just(OperationState::Compensated)]
}

pub(super) fn definition() -> impl Strategy<Value = DefinitionRef> {
    (text(), any::<u32>(), any::<u64>()).prop_map(|(name, version, hash)| DefinitionRef { name, version, hash })
}

pub(super) fn claimed() -> impl Strategy<Value = Arc<[ClaimedRow]>> {
    let one = (row(), message_id(), any::<u32>());
    let one = one.prop_map(|(row, message, attempts)| ClaimedRow { row, message, attempts });
    vec(one, 0..3).prop_map(Arc::from)
}

pub(super) fn settled() -> impl Strategy<Value = Arc<[SettledRow]>> {
    let how = select(vec![SettledAs::Dispatched, SettledAs::Retry, SettledAs::Release, SettledAs::Dead]);
    let one = (row(), how, any::<bool>(), any::<u32>());
    let one = one.prop_map(|(row, settled, held, text_bytes)| SettledRow { row, settled, held, text_bytes });
    vec(one, 0..3).prop_map(Arc::from)
}

fn cell() -> impl Strategy<Value = Cell> {
    prop_oneof![
        Just(Cell::Null),
        any::<i64>().prop_map(Cell::Integer),
        // By their bits, so that infinities and what is no number are among them.
        any::<u64>().prop_map(|bits| Cell::Real(f64::from_bits(bits))),
        text().prop_map(Cell::Text),
        bytes().prop_map(Cell::Blob),
    ]
}

pub(super) fn row_change() -> impl Strategy<Value = RowChange> {
    let cells = || option::of(vec(cell(), 0..4).prop_map(Arc::from));
    (text(), vec(text(), 0..4), cells(), cells()).prop_map(|(table, columns, before, after)| RowChange {
        table,
        columns: columns.into(),
        before,
        after,
    })
}

fn headers() -> impl Strategy<Value = Headers> {
    let value = "\\PC{0,10}".prop_map(SmolStr::from);
    let name = "x[a-z0-9]{1,6}".prop_map(SmolStr::from);
    proptest::collection::btree_map(name, value, 0..3)
        .prop_map(|headers: BTreeMap<SmolStr, SmolStr>| Headers::try_from(headers).expect("names of the right letters"))
}

pub(super) fn message() -> impl Strategy<Value = Arc<Message>> {
    let names = (text(), text(), text(), text(), text(), text());
    let numbers = (any::<i64>(), any::<u64>(), any::<u64>(), any::<u32>());
    let ids = (message_id(), uuid(), option::of(message_id()), option::of(text()));
    (names, numbers, ids, headers(), bytes()).prop_map(|(names, (time, sequence, epoch, gap), ids, headers, data)| {
        let (source, kind, topic, subject, content_type, partition_key) = names;
        let (id, correlation_id, causation_id, traceparent) = ids;
        let time = Timestamp::from_micros(time);
        Arc::new(Message {
            id,
            source,
            kind,
            topic,
            subject,
            time,
            content_type,
            partition_key,
            sequence,
            epoch,
            gap,
            schedule: seaworthy_core::message::Schedule::NONE,
            correlation_id,
            causation_id,
            traceparent,
            headers,
            data,
        })
    })
}
