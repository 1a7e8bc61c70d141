//! A long past costs nothing, and the dead neither: every operation looks at as many entries beside them as beside a short one.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use seaworthy_core::{
    ids::{ClaimToken, MessageId, OperationId, SagaId},
    message::{Message, MessageBuilder},
    ports::{
        AcquireRequest, ClaimRequest, Clock, DeadLetterRequest, DeadRowRequest, DefinitionRef, EventAppend, EventStore,
        Expected, ExpectedVersion, InboxEntry, InboxPurgeRequest, InboxStore, NewSaga, OperationRecord, OperationState,
        OperationStore, OutboxOrder, OutboxStore, PurgeRequest, SagaAddress, SagaAppend, SagaListRequest, SagaSignal,
        SagaStatus, SagaStore, SettleOutcome, Settlement, Store, TailRequest, Timestamp, WhenDead,
    },
};
use uuid::Uuid;

use super::RedbStore;
use crate::{config::RedbConfig, view::entries_looked_at};

struct Noon;

#[async_trait]
impl Clock for Noon {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_000_000_000)
    }

    async fn sleep(&self, _: Duration) {}
}

const HOUR: Duration = Duration::from_secs(3_600);

fn message(number: u128, key: &str) -> Message {
    let builder = MessageBuilder::new("orders", "order.placed", key.to_owned());
    builder.build(MessageId(Uuid::from_u128(number)), Timestamp::from_millis(5))
}

fn saga(number: u128) -> NewSaga {
    let (id, correlation_id) = (SagaId(Uuid::from_u128(number)), Uuid::from_u128(number + 1));
    let definition = DefinitionRef { name: "checkout".into(), version: 1, hash: 1 };
    NewSaga {
        id,
        definition,
        key: number.to_string().into(),
        input: "{}".into(),
        correlation_id,
        lease: Duration::ZERO,
    }
}

fn append(number: u128, length: u64, status: SagaStatus) -> SagaAppend {
    SagaAppend {
        saga: SagaId(Uuid::from_u128(number)),
        epoch: 1,
        expected_length: length,
        records: vec!["{}".into()],
        status,
        lease: HOUR,
        sleep: HOUR,
        definition: None,
        forgets: false,
        keys: Vec::new(),
        outcome: None,
    }
}

/// One of each kind that is over or dead, so many times: of one key, one consumer, one stream and one definition.
async fn live_through(store: &RedbStore, times: u32) {
    let mut tx = store.begin().await.unwrap();
    for time in 0..times {
        let number = u128::from(time) * 10 + 1_000_000;
        tx.stage(&message(number, "key")).await.unwrap();
        tx.outbox_dispatched(&[MessageId(Uuid::from_u128(number))]).await.unwrap();
        tx.stage(&message(number + 1, &format!("dead-{time}"))).await.unwrap();
        tx.outbox_bury(MessageId(Uuid::from_u128(number + 1)), "refused").await.unwrap();
        let handled = InboxEntry::for_message("shipping", &message(number + 2, "key"));
        tx.inbox_insert(&handled).await.unwrap();
        let given_up = message(number + 3, "key");
        tx.inbox_bury(&InboxEntry::for_message("shipping", &given_up), &given_up, "poison").await.unwrap();
        let failed = message(number + 7, "key");
        tx.inbox_failed(&InboxEntry::for_message("shipping", &failed), "timeout").await.unwrap();
        tx.saga_create(&saga(number + 4)).await.unwrap();
        tx.saga_append(&append(number + 4, 0, SagaStatus::Completed)).await.unwrap();
        let (id, state) = (OperationId(Uuid::from_u128(number + 5)), OperationState::Compensated);
        tx.put_operation(&OperationRecord { id, state }).await.unwrap();
        tx.put("orders", &number.to_string(), Expected::Absent, "{}".into()).await.unwrap();
        let event = vec![message(number + 6, "key")];
        tx.append_events(&EventAppend::new("stream", ExpectedVersion::Any, event)).await.unwrap();
    }
    tx.commit().await.unwrap();
}

/// Entries that each operation looks at, beside so long a past.
async fn costs(times: u32) -> Vec<(&'static str, u64)> {
    let store = RedbStore::open_in_memory(Arc::new(Noon), RedbConfig::simulation()).unwrap();
    live_through(&store, times).await;
    entries_looked_at();
    let mut costs = Vec::new();
    let mut note = |what| costs.push((what, entries_looked_at()));
    let mut tx = store.begin().await.unwrap();
    tx.stage(&message(1, "key")).await.unwrap();
    note("stage");
    tx.stage(&message(2, "key")).await.unwrap();
    note("stage behind another");
    tx.inbox_insert(&InboxEntry::for_message("shipping", &message(3, "key"))).await.unwrap();
    note("inbox_insert");
    tx.inbox_failed(&InboxEntry::for_message("shipping", &message(4, "key")), "timeout").await.unwrap();
    note("inbox_failed");
    tx.saga_create(&saga(5)).await.unwrap();
    note("saga_create");
    tx.saga_append(&append(5, 0, SagaStatus::Running)).await.unwrap();
    note("saga_append");
    let to = SagaAddress::Correlated { definition: "checkout".into(), correlation_id: Uuid::from_u128(6) };
    tx.saga_signal(&SagaSignal { to, record: "{}".into() }).await.unwrap();
    note("saga_signal");
    tx.outbox_settled_to(WhenDead::SkipDead).await.unwrap();
    tx.outbox_settled_to(WhenDead::BlockKey).await.unwrap();
    note("outbox_settled_to");
    tx.append_events(&EventAppend::new("stream", ExpectedVersion::Any, vec![message(7, "key")])).await.unwrap();
    note("append_events");
    tx.scan("orders", None, 1).await.unwrap();
    note("scan");
    tx.commit().await.unwrap();
    for (number, when_dead) in [(1, WhenDead::BlockKey), (2, WhenDead::SkipDead)] {
        let (token, ordering) = (ClaimToken(Uuid::from_u128(number)), OutboxOrder::PerKey);
        let tail = TailRequest { limit: 9, ordering, when_dead, except_topics: Vec::new(), except_keys: Vec::new() };
        assert!(!store.tail(&tail).await.unwrap().is_empty());
        note("tail");
        let claim = ClaimRequest { token, limit: 9, lease: HOUR, ordering, when_dead, except_topics: Vec::new() };
        let rows = store.claim(&claim).await.unwrap();
        assert_eq!(rows.len(), 1);
        note("claim");
        store.next_available().await.unwrap();
        note("next_available");
        store.settle(token, &[Settlement { row: rows[0].row, outcome: SettleOutcome::Dispatched }]).await.unwrap();
        note("settle");
    }
    let (definitions, lease) = (vec!["checkout".into()], HOUR);
    store.acquire_sagas(&AcquireRequest { only: None, definitions, limit: 9, lease }).await.unwrap();
    note("acquire_sagas");
    store.sagas(&SagaListRequest::new(9).of_status(SagaStatus::Running)).await.unwrap();
    note("sagas under way");
    store.backlog().await.unwrap();
    note("backlog");
    store.census().await.unwrap();
    note("census");
    store.row_counts().await.unwrap();
    note("row_counts");
    store.dead_rows(&DeadRowRequest::new(1)).await.unwrap();
    note("dead_rows");
    store.dead_letters(&DeadLetterRequest::new("shipping", 1)).await.unwrap();
    store.dead_letters(&DeadLetterRequest::new("shipping", 9).asked()).await.unwrap();
    note("dead_letters");
    store.read_events(0, 1).await.unwrap();
    note("read_events");
    let one = PurgeRequest { older_than: Duration::ZERO, limit: 1 };
    store.purge_dispatched(&one).await.unwrap();
    note("purge_dispatched");
    store.purge_saga_logs(&one).await.unwrap();
    note("purge_saga_logs");
    store.purge_sagas(&one).await.unwrap();
    note("purge_sagas");
    store.purge_operations(&one).await.unwrap();
    note("purge_operations");
    let inbox = InboxPurgeRequest::new(Duration::ZERO, 1).failures_older_than(Duration::ZERO);
    assert_eq!(store.purge_inbox("shipping", &inbox).await.unwrap(), 2);
    note("purge_inbox");
    store.redrive(&DeadRowRequest::new(1)).await.unwrap();
    note("redrive");
    store.purge_dead(&DeadRowRequest::new(1)).await.unwrap();
    note("purge_dead");
    costs
}

#[tokio::test]
async fn no_operation_looks_at_more_beside_four_hundred_of_each_kind_than_beside_ten() {
    let (few, many) = (costs(10).await, costs(400).await);
    assert_eq!(few, many);
    assert!(few.len() > 30 && few.iter().all(|(_, looked)| *looked < 60), "{few:?}");
}
