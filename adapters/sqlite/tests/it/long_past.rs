//! What is over costs nothing: every operation of the port, in a store with a long past and in one with a short one.

use std::time::Duration;

use crate::support::{asking, in_memory, message, meter::Meter, settled, tailing, token};
use rusqlite::Connection;
use seaworthy_core::{
    ids::{MessageId, OperationId, SagaId},
    message::Message,
    ports::{
        AcquireRequest, ClaimRequest, DeadLetterRequest, DeadRowRequest, DefinitionRef, Expected, InboxEntry,
        InboxPurgeRequest, InboxStore, NewSaga, OperationRecord, OperationState, OutboxOrder, OutboxStore,
        PurgeRequest, SagaAppend, SagaListRequest, SagaStatus, SagaStore, SettleOutcome, Store, Timestamp, WhenDead,
        connection,
    },
};
use seaworthy_sqlite::SqliteStore;
use uuid::Uuid;

const HOUR: Duration = Duration::from_secs(3_600);

/// A row of each kind that is over, `rows` times, all of one key and of one consumer: dispatched, handled, ended,
/// answered. Each is due by its time, so that only its state keeps it out of what is looked for.
async fn live_through(store: &SqliteStore, rows: u32) {
    let mut tx = store.begin().await.unwrap();
    let sql: &mut Connection = connection(&mut *tx).await.unwrap();
    for insert in [
        "INSERT INTO seaworthy_outbox (id, aggregatetype, aggregateid, type, payload, source, time, content_type,
                                       partition_key, correlation_id, state, head, attempts, settled_at)
         SELECT 'past-' || i, 't', 's', 'k', x'00', 'o', 0, 'c', 'key', 'x', 2, 1, 1, ?2 FROM n",
        "INSERT INTO seaworthy_inbox (consumer, message, source, key, sequence, state, at)
         SELECT 'shipping', 'past-' || i, 'orders', 'key', 0, 1, ?2 FROM n",
        "INSERT INTO seaworthy_sagas (id, definition, definition_version, definition_hash, key, input, correlation_id,
                                      status, epoch, log_length, lease_until, wake_at, ended_at)
         SELECT 'past-' || i, 'checkout', 1, 1, 'past-' || i, x'00', 'x', 3, 1, 1, 0, 0, ?2 FROM n",
        "INSERT INTO seaworthy_saga_log (saga, sequence, epoch, at, record)
         SELECT number, 1, 1, ?2, x'00' FROM seaworthy_sagas WHERE ?1 > 0",
        "INSERT INTO seaworthy_operations (id, state, answer, at) SELECT 'past-' || i, 1, x'00', ?2 FROM n",
        "INSERT INTO seaworthy_documents (collection, id, version, body)
         SELECT 'past', 'past-' || i, 1, x'00' FROM n WHERE ?2 > 0",
    ] {
        let numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1) ";
        sql.execute(&format!("{numbers}{insert}"), (rows, 1_000_000_000_000_i64)).unwrap();
    }
    tx.commit().await.unwrap();
}

fn saga_append(saga: SagaId, expected_length: u64, status: SagaStatus) -> SagaAppend {
    let records = vec!["record".into()];
    SagaAppend {
        saga,
        epoch: 1,
        expected_length,
        records,
        status,
        lease: HOUR,
        sleep: HOUR,
        definition: None,
        forgets: false,
        keys: Vec::new(),
        outcome: None,
    }
}

async fn in_a_transaction(store: &SqliteStore, meter: &mut Meter) {
    let mut tx = store.begin().await.unwrap();
    meter.note("begin");
    // A collection of its own: a long one is not over.
    tx.put("orders", "1", Expected::Absent, "{}".into()).await.unwrap();
    tx.get("orders", "1").await.unwrap();
    tx.scan("orders", None, 9).await.unwrap();
    tx.delete("orders", "1", Expected::Version(1)).await.unwrap();
    meter.note("documents");
    for number in 1..=9 {
        tx.stage(&message(number, "key")).await.unwrap();
    }
    meter.note("stage");
    assert_eq!(tx.outbox_dispatched(&[message(8, "key").id]).await.unwrap(), [true]);
    assert!(tx.outbox_bury(message(9, "key").id, "too large").await.unwrap());
    meter.note("settle as a reader of the log");
    let received = |number| Message { sequence: 1, ..message(number, "key") };
    let entry = |number| InboxEntry::for_message("shipping", &received(number));
    tx.inbox_insert(&entry(1)).await.unwrap();
    tx.inbox_failed(&entry(2), "not now").await.unwrap();
    tx.inbox_bury(&entry(2), &received(2), "poison").await.unwrap();
    tx.inbox_exhume(&entry(2)).await.unwrap();
    meter.note("inbox");
    let id = SagaId(Uuid::from_u128(1));
    let definition = DefinitionRef { name: "checkout".into(), version: 1, hash: 1 };
    let (key, input) = ("order-1".into(), "{}".into());
    let saga = NewSaga { id, definition, key, input, correlation_id: Uuid::nil(), lease: HOUR };
    tx.saga_create(&saga).await.unwrap();
    tx.saga_create(&saga).await.unwrap();
    tx.saga_append(&saga_append(id, 0, SagaStatus::Running)).await.unwrap();
    tx.saga_append(&saga_append(id, 1, SagaStatus::Completed)).await.unwrap();
    meter.note("saga log");
    let operation = OperationId(Uuid::from_u128(1));
    tx.operation(operation).await.unwrap();
    tx.put_operation(&OperationRecord { id: operation, state: OperationState::Compensated }).await.unwrap();
    tx.set_checkpoint("projection", 1).await.unwrap();
    tx.checkpoint("projection").await.unwrap();
    meter.note("operations and checkpoints");
    tx.commit().await.unwrap();
    meter.note("commit");
}

async fn as_a_relay(store: &SqliteStore, meter: &mut Meter) {
    let retry = |delay| SettleOutcome::Retry { delay, error: "no".into() };
    let dead = SettleOutcome::Dead { reason: "no".into() };
    let release = SettleOutcome::Release { delay: Duration::ZERO };
    let outcomes = [SettleOutcome::Dispatched, retry(Duration::ZERO), release, retry(HOUR), dead];
    assert_eq!(store.tail(&tailing(2)).await.unwrap().len(), 2);
    meter.note("tail");
    for (number, outcome) in (1..).zip(outcomes) {
        let per_key = ClaimRequest { when_dead: WhenDead::SkipDead, ..asking(number, 1) };
        let request = match number {
            1 => asking(number, 1),
            5 => ClaimRequest { ordering: OutboxOrder::Unordered, ..per_key },
            _ => per_key,
        };
        let rows = store.claim(&request).await.unwrap();
        meter.note("claim");
        assert_eq!(rows.len(), 1, "claim {number}");
        store.settle(token(number), &settled(&rows, &outcome)).await.unwrap();
        meter.note("settle");
    }
    assert!(store.next_available().await.unwrap().is_some());
    meter.note("next available");
    assert_eq!(store.dead_rows(&DeadRowRequest::new(9)).await.unwrap().len(), 2);
    meter.note("dead rows");
    let only: Vec<MessageId> = vec![message(9, "key").id];
    assert_eq!(store.redrive(&DeadRowRequest::new(9).only(only)).await.unwrap().len(), 1);
    assert_eq!(store.redrive(&DeadRowRequest::new(9)).await.unwrap().len(), 1);
    meter.note("redrive");
}

async fn for_upkeep(store: &SqliteStore, meter: &mut Meter) {
    let id = SagaId(Uuid::from_u128(1));
    let request = AcquireRequest { only: None, definitions: vec!["checkout".into()], limit: 9, lease: HOUR };
    assert_eq!(store.acquire_sagas(&request).await.unwrap().len(), 0);
    meter.note("acquire sagas");
    store.acquire_sagas(&AcquireRequest { only: Some(id), ..request }).await.unwrap();
    store.renew_saga(id, 1, HOUR).await.unwrap();
    assert!(store.saga(id).await.unwrap().is_some());
    assert!(store.saga_by_key("checkout", "order-1").await.unwrap().is_some());
    assert_eq!(store.saga_log(id, 0, 9).await.unwrap().len(), 2);
    meter.note("one saga");
    assert_eq!(store.sagas(&SagaListRequest::new(2).asleep()).await.unwrap().len(), 0);
    meter.note("list sagas that sleep");
    store.backlog().await.unwrap();
    meter.note("backlog");
    store.dead_letters(&DeadLetterRequest::new("shipping", 9)).await.unwrap();
    meter.note("dead letters");
    // Nothing of the past is old enough, which is what a purge finds most of the time.
    let old = PurgeRequest { older_than: HOUR, limit: 100 };
    assert_eq!(store.purge_dispatched(&old).await.unwrap().len(), 0);
    assert_eq!(store.purge_dead(&DeadRowRequest::new(9).died_until(Timestamp::EPOCH)).await.unwrap().len(), 0);
    meter.note("purge outbox");
    let inbox = InboxPurgeRequest::new(HOUR, 100).watermarks_older_than(HOUR).failures_older_than(HOUR);
    assert_eq!(store.purge_inbox("shipping", &inbox).await.unwrap(), 0);
    meter.note("purge inbox");
    assert_eq!(store.purge_saga_logs(&old).await.unwrap(), 0);
    meter.note("purge saga logs");
}

async fn steps_after(rows: u32) -> Vec<(&'static str, u64)> {
    let (store, _) = in_memory();
    live_through(&store, rows).await;
    let mut meter = Meter::on(&store).await;
    meter.note("commit");
    in_a_transaction(&store, &mut meter).await;
    as_a_relay(&store, &mut meter).await;
    for_upkeep(&store, &mut meter).await;
    meter.found
}

/// To walk a table or an index takes a step a row at the least, so 30,000 rows can't be missed.
#[tokio::test]
async fn no_operation_costs_more_after_thirty_thousand_rows_than_after_ten() {
    let (short, long) = (steps_after(10).await, steps_after(30_000).await);
    for ((operation, few), (_, many)) in short.into_iter().zip(long) {
        assert!(few > 0, "{operation} is counted");
        assert!(many <= few + 20, "{operation}: {few} steps with a short past, {many} with a long one");
    }
}
