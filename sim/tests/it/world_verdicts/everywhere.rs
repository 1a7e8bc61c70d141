//! A service that makes one call at every point there is, and notes what it sees.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use seaworthy_core::{
    ids::{ClaimToken, OperationId, SagaId},
    message::Message,
    outbox::MessageBuilder,
    ports::{
        AcquireRequest, BrokerError, ClaimRequest, DefinitionRef, Delivery, Expected, ExternalCall, ExternalError,
        InboxEntry, NewSaga, Ordering, Ports, PublishError, SettleOutcome, Settlement, StoreError, SubscriptionSpec,
        Timestamp, WhenDead,
    },
};
use seaworthy_sim::{
    external::Service,
    invariants::Invariant,
    plan::Point,
    scenario::{Draw, Scenario, Topology, Workload},
    world::Client,
};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use uuid::Uuid;

/// What the calls saw, as far as their process lived to see it.
#[derive(Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<Notes>>);

#[derive(Default)]
pub(crate) struct Notes {
    pub(crate) calls: Vec<(Point, &'static str)>,
    /// When the client heard its answer.
    pub(crate) answered: Option<Timestamp>,
    /// What the onlooker's clock showed, every 100 ms.
    pub(crate) clock: Vec<Timestamp>,
}

impl Seen {
    pub(crate) fn notes(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().expect("nobody panics with the notes in hand")
    }

    fn note(&self, point: Point, saw: &'static str) {
        self.notes().calls.push((point, saw));
    }

    pub(crate) fn first(&self, point: Point) -> Option<&'static str> {
        self.notes().calls.iter().find(|(at, _)| *at == point).map(|(_, saw)| *saw)
    }

    fn store<T>(&self, point: Point, result: Result<T, StoreError>) -> Result<T, StoreError> {
        let saw = match &result {
            Ok(_) => "done",
            Err(StoreError::Conflict(_)) => "conflict",
            Err(StoreError::Unavailable(_)) => "unavailable",
            Err(StoreError::Unknown(_)) => "unknown",
            // The simulated store has no connection to hand out.
            Err(StoreError::Refused(_)) => "done",
        };
        self.note(point, saw);
        result
    }

    fn broker<T>(&self, point: Point, result: Result<T, BrokerError>) -> Option<T> {
        let saw = match &result {
            Ok(_) => "done",
            Err(BrokerError::Unavailable(_)) => "unavailable",
            Err(BrokerError::Unknown(_)) => "unknown",
        };
        self.note(point, saw);
        result.ok()
    }
}

/// A service that makes one call at every point there is.
#[derive(Clone)]
struct Everywhere(Ports, Seen);

impl Everywhere {
    async fn run(self) {
        self.0.spawner.spawn("consumer", Box::pin(self.clone().consume()));
        while let Some(request) = self.0.ingress.next().await {
            self.1.note(Point::Request, "done");
            let _ = self.transact().await;
            let _ = self.keep_up().await;
            self.publish().await;
            self.call().await;
            request.response.accept(Bytes::new());
            self.1.note(Point::Reply, "done");
        }
    }

    async fn transact(&self) -> Result<(), StoreError> {
        let Self(ports, seen) = self;
        let mut tx = seen.store(Point::Begin, ports.store.begin().await)?;
        seen.store(Point::Read, tx.get("things", "it").await)?;
        seen.store(Point::Write, tx.put("things", "it", Expected::Any, Bytes::new()).await)?;
        let connection = tx.raw_connection().await.map(drop);
        match seen.store(Point::Statement, connection) {
            Ok(()) | Err(StoreError::Refused(_)) => {}
            Err(error) => return Err(error),
        }
        seen.store(Point::Stage, tx.stage(&message("staged")).await)?;
        let entry = InboxEntry::of("everywhere", &message("first"));
        seen.store(Point::Inbox, tx.inbox_insert(&entry).await)?;
        seen.store(Point::SagaLog, tx.saga_create(&saga()).await)?;
        seen.store(Point::Commit, tx.commit().await)
    }

    async fn keep_up(&self) -> Result<(), StoreError> {
        let Self(ports, seen) = self;
        let token = ClaimToken(Uuid::from_u128(1));
        let request = ClaimRequest {
            token,
            limit: 10,
            lease: Duration::from_secs(1),
            ordering: Ordering::PerKey,
            when_dead: WhenDead::BlockKey,
        };
        let claimed = seen.store(Point::Claim, ports.store.claim(&request).await).unwrap_or_default();
        let outcome = SettleOutcome::Dispatched;
        let settled = claimed.iter().map(|row| Settlement { row: row.row, outcome: outcome.clone() });
        let settled: Vec<_> = settled.collect();
        let _ = seen.store(Point::Settle, ports.store.settle(token, &settled).await);
        let due =
            AcquireRequest { only: None, definitions: vec!["none".into()], limit: 1, lease: Duration::from_secs(1) };
        let _ = seen.store(Point::Recover, ports.store.acquire_sagas(&due).await);
        seen.store(Point::Upkeep, ports.store.backlog().await).map(drop)
    }

    async fn publish(&self) {
        let result = self.0.broker.publish(&[message("first"), message("second")]).await;
        let saw = match result.as_deref() {
            Ok([Ok(()), Ok(())]) => "done",
            Ok([Err(PublishError::Rejected(_)), Ok(())]) => "first rejected",
            Ok([Ok(()), Err(PublishError::Unavailable(_))]) => "second unavailable",
            Ok(_) => "something else",
            Err(BrokerError::Unavailable(_)) => "unavailable",
            Err(BrokerError::Unknown(_)) => "unknown",
        };
        self.1.note(Point::Publish, saw);
    }

    async fn call(&self) {
        let operation_id = OperationId(Uuid::from_u128(9));
        let call = ExternalCall { service: "bell".into(), operation: "ring".into(), operation_id, body: Bytes::new() };
        let saw = match self.0.external.call(&call).await {
            Ok(_) => "done",
            Err(ExternalError::Rejected(_)) => "rejected",
            Err(ExternalError::Transient(_)) => "unavailable",
            Err(ExternalError::Unknown(_)) => "unknown",
        };
        self.1.note(Point::External, saw);
    }

    /// Acknowledges the first message, and gives each other delivery back once.
    async fn consume(self) {
        let Self(ports, seen) = &self;
        let spec = SubscriptionSpec { group: "group".into(), topics: vec!["topic".into()] };
        loop {
            let Some(mut subscription) = seen.broker(Point::Subscribe, ports.broker.subscribe(&spec).await) else {
                ports.clock.sleep(Duration::from_millis(10)).await;
                continue;
            };
            loop {
                let received = subscription.receive(1).await;
                let Some(deliveries) = seen.broker(Point::Receive, received) else { continue };
                for Delivery { tag, redeliveries, message: delivered } in deliveries {
                    if delivered.id == message("first").id || redeliveries > 0 {
                        seen.broker(Point::Ack, subscription.ack(tag).await);
                    } else {
                        seen.broker(Point::Nack, subscription.nack(tag, Duration::ZERO).await);
                    }
                }
            }
        }
    }
}

/// Publishes once to where nobody listens, and then looks at its clock.
async fn look_on(ports: Ports, seen: Seen) {
    let aside = MessageBuilder::new("onlooker", "type", "aside").topic("aside");
    let _ = ports.broker.publish(&[aside.derive(Uuid::from_u128(6), &["aside"], Timestamp::EPOCH)]).await;
    for _ in 0..40 {
        seen.notes().clock.push(ports.clock.now());
        ports.clock.sleep(Duration::from_millis(100)).await;
    }
    std::future::pending::<()>().await;
}

pub(crate) fn message(name: &'static str) -> Message {
    let builder = MessageBuilder::new("everywhere", "type", name).topic("topic");
    builder.derive(Uuid::from_u128(5), &[name], Timestamp::EPOCH)
}

fn saga() -> NewSaga {
    NewSaga {
        id: SagaId(Uuid::from_u128(3)),
        definition: DefinitionRef { name: "saga".into(), version: 1, hash: 1 },
        key: "it".into(),
        input: Bytes::new(),
        correlation_id: Uuid::from_u128(3),
        lease: Duration::from_secs(1),
    }
}

struct Bell;

impl Service for Bell {
    fn act(&mut self, _: &ExternalCall) -> Result<Bytes, String> {
        Ok(Bytes::new())
    }

    fn subject(&self, _: &ExternalCall) -> SmolStr {
        SmolStr::new_static("bell")
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ask;

impl Workload for Ask {
    fn len(&self) -> usize {
        1
    }

    fn without(&self, _: std::ops::Range<usize>) -> Self {
        Self
    }
}

pub(crate) struct Probe(pub(crate) Seen);

#[async_trait]
impl Scenario for Probe {
    type Workload = Ask;

    fn name(&self) -> &str {
        "everywhere"
    }

    fn about(&self) -> &str {
        "one process that makes one call at every point"
    }

    fn topology(&self) -> Topology {
        let (seen, onlooker) = (self.0.clone(), self.0.clone());
        Topology::new()
            .process("one", "service", "store", move |boot| Everywhere(boot.ports, seen.clone()).run())
            .process("onlooker", "onlooker", "aside", move |boot| look_on(boot.ports, onlooker.clone()))
            .external("bell", || Bell)
            .group("group", &["topic"])
    }

    fn workload(&self, _: &mut Draw) -> Ask {
        Ask
    }

    fn invariants(&self, _: &Ask) -> Vec<Box<dyn Invariant>> {
        Vec::new()
    }

    async fn drive(&self, _: &Ask, client: Client) {
        client.ask("service", "go", Bytes::new()).await.expect("never refused");
        self.0.notes().answered = Some(client.now());
    }
}
