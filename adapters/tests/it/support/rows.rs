//! A clock that a test moves by hand, and messages, claims and settlements by number: for the tests of each store, which include
//! this file by its path.
#![allow(dead_code, reason = "each test crate uses its own part of it")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use seaworthy_core::{
    ids::{ClaimToken, MessageId},
    message::{Headers, Message},
    ports::{
        ClaimRequest, Clock, OutboxOrder, OutboxRow, SettleOutcome, Settlement, Store, TailRequest, Timestamp, WhenDead,
    },
};
use uuid::Uuid;

/// A clock that stands still until a test moves it. A sleep moves it too and yields, so waits end at once.
#[derive(Default)]
pub(crate) struct HandClock(AtomicI64);

impl HandClock {
    /// A clock at one million seconds, so that a test can step it back.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(1_000_000_000_000)))
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_micros()).unwrap(), Ordering::SeqCst);
    }

    pub(crate) fn step_back(&self, by: Duration) {
        self.0.fetch_sub(i64::try_from(by.as_micros()).unwrap(), Ordering::SeqCst);
    }
}

#[async_trait::async_trait]
impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }

    async fn sleep(&self, duration: Duration) {
        self.advance(duration);
        tokio::task::yield_now().await;
    }
}

pub(crate) fn message(number: u128, key: &str) -> Message {
    Message {
        id: MessageId(Uuid::from_u128(number)),
        source: "orders".into(),
        kind: "order.confirmed".into(),
        topic: "orders".into(),
        subject: "order-17".into(),
        time: Timestamp::from_millis(5),
        content_type: "application/json".into(),
        partition_key: key.into(),
        sequence: 0,
        epoch: 0,
        gap: 0,
        schedule: seaworthy_core::message::Schedule::NONE,
        correlation_id: Uuid::from_u128(99),
        causation_id: Some(MessageId(Uuid::from_u128(98))),
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
        headers: Headers::new(),
        data: "{\"order\":17}".into(),
    }
}

pub(crate) async fn stage(store: &dyn Store, messages: &[Message]) {
    let mut tx = store.begin().await.unwrap();
    for message in messages {
        tx.stage(message).await.unwrap();
    }
    tx.commit().await.unwrap();
}

pub(crate) fn token(number: u128) -> ClaimToken {
    ClaimToken(Uuid::from_u128(number))
}

/// A reading of the log in key order, where dead rows block their keys.
pub(crate) fn tailing(limit: usize) -> TailRequest {
    let (ordering, when_dead) = (OutboxOrder::PerKey, WhenDead::BlockKey);
    TailRequest { limit, ordering, when_dead, except_topics: Vec::new(), except_keys: Vec::new() }
}

pub(crate) fn asking(token_number: u128, limit: usize) -> ClaimRequest {
    ClaimRequest {
        token: token(token_number),
        limit,
        lease: Duration::from_secs(10),
        ordering: OutboxOrder::PerKey,
        when_dead: WhenDead::BlockKey,
        except_topics: Vec::new(),
    }
}

pub(crate) fn numbers(rows: &[OutboxRow]) -> Vec<u128> {
    rows.iter().map(|row| row.message.id.0.as_u128()).collect()
}

pub(crate) fn settled(rows: &[OutboxRow], outcome: &SettleOutcome) -> Vec<Settlement> {
    rows.iter().map(|row| Settlement { row: row.row, outcome: outcome.clone() }).collect()
}
