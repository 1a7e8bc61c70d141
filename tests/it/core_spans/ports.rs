use std::{future::pending, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use seaworthy_core::{
    conformance::block_on,
    message::MessageBuilder,
    ports::{
        Clock, Expected, Intercepted, OutboxOrder, PortSpans, Store, StoreError, TailRequest, Timestamp, WhenDead,
    },
};
use seaworthy_sim::store::MemoryStore;
use tracing::subscriber::with_default;

use super::{CUSTOMER, Keeper};

/// Time stands still.
struct Still;

#[async_trait]
impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::EPOCH
    }

    async fn sleep(&self, _: Duration) {
        pending().await
    }
}

/// One transaction, and one that is overtaken.
/// A reading of the log.
fn log() -> TailRequest {
    let (ordering, when_dead) = (OutboxOrder::PerKey, WhenDead::BlockKey);
    TailRequest { limit: 10, ordering, when_dead, except_topics: Vec::new(), except_keys: Vec::new() }
}

async fn work(store: &dyn Store) -> Result<(), StoreError> {
    let body = Bytes::from(format!("{{\"customer\":{CUSTOMER}}}"));
    let message = MessageBuilder::new("orders", "order.placed", "order-1").derive(
        uuid::Uuid::from_u128(1),
        &[],
        Timestamp::EPOCH,
    );
    let mut tx = store.begin().await?;
    let mut late = store.begin().await?;
    tx.put("orders", "order-1", Expected::Absent, body.clone()).await?;
    tx.stage(&message).await?;
    tx.commit().await?;
    let error = late.put("orders", "order-1", Expected::Any, body).await.expect_err("it was overtaken");
    assert!(matches!(error, StoreError::Conflict(_)), "{error}");
    assert_eq!(store.tail(&log()).await?.len(), 1);
    Ok(())
}

#[test]
fn each_call_behind_port_spans_is_a_span_with_its_subject_and_tells_its_failure_and_no_body() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(Arc::new(Still)));
    let keeper = Keeper::default();
    with_default(keeper.clone(), || {
        block_on(work(&Intercepted::new(store, PortSpans))).expect("a store in memory");
    });
    let told = keeper.0.lock().expect("nobody panics here").clone();
    let field = |one: &super::SpanRecord, name: &str| one.fields.get(name).cloned().unwrap_or_default();
    let spans: Vec<String> = told
        .iter()
        .filter(|one| one.name == "port")
        .map(|one| ["operation", "on", "count"].map(|name| field(one, name)).join(" "))
        .collect();
    let expected =
        ["begin  0", "begin  0", "put orders 1", "stage orders 0", "commit  0", "put orders ", "tail outbox 1"];
    assert_eq!(spans, expected);
    let failures: Vec<_> = told.iter().filter(|one| one.name == "event").collect();
    let [failure] = &failures[..] else { panic!("{failures:?}") };
    let within = &told[failure.parent.expect("in the span of its call")];
    assert_eq!(field(within, "operation"), "put");
    assert!(field(failure, "error").contains("conflict"), "{failure:?}");
    assert!(told.iter().flat_map(|one| one.fields.values()).all(|text| !text.contains(&CUSTOMER.to_string())));
}
