//! A service that calls every operation there is, and notes what it sees.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use seaworthy_core::{
    ids::{ClaimToken, OperationId, SagaId},
    message::{Message, MessageBuilder},
    ports::{
        AcquireRequest, BrokerError, Cancelled, ClaimRequest, DeadLetterRequest, DeadRowRequest, DefinitionRef,
        Delivery, EventAppend, Expected, ExpectedVersion, ExternalCall, ExternalError, IdRange, InboxEntry,
        InboxPurgeRequest, NewSaga, Operation, OperationRecord, OperationState, OutboxOrder, Ports, PublishError,
        PurgeRequest, Refusal, RepublishRequest, SagaAddress, SagaAppend, SagaListRequest, SagaSignal, SagaStatus,
        SettleOutcome, Settlement, StoreError, SubscriptionSpec, TailRequest, Timestamp, Transaction, WhenDead,
    },
};
use seaworthy_sim::{
    external::Service,
    scenario::{Client, Draw, Scenario, Topology, Workload},
};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use uuid::Uuid;

/// A reading of the log.
fn log() -> TailRequest {
    let (ordering, when_dead) = (OutboxOrder::PerKey, WhenDead::BlockKey);
    TailRequest { limit: 10, ordering, when_dead, except_topics: Vec::new(), except_keys: Vec::new() }
}

/// What the calls saw, as far as their process lived to see it.
#[derive(Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<Notes>>);

#[derive(Default)]
pub(crate) struct Notes {
    pub(crate) calls: Vec<(Operation, &'static str)>,
    /// When the client heard its answer.
    pub(crate) answered: Option<Timestamp>,
    /// What the onlooker's clock showed, every 100 ms.
    pub(crate) clock: Vec<Timestamp>,
}

impl Seen {
    pub(crate) fn notes(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().expect("nobody panics with the notes in hand")
    }

    fn note(&self, point: Operation, saw: &'static str) {
        self.notes().calls.push((point, saw));
    }

    pub(crate) fn first(&self, point: Operation) -> Option<&'static str> {
        self.notes().calls.iter().find(|(at, _)| *at == point).map(|(_, saw)| *saw)
    }

    fn store<T>(&self, point: Operation, result: Result<T, StoreError>) -> Result<T, StoreError> {
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

    fn broker<T>(&self, point: Operation, result: Result<T, BrokerError>) -> Option<T> {
        let saw = match &result {
            Ok(_) => "done",
            Err(BrokerError::Unavailable(_)) => "unavailable",
            Err(BrokerError::Unknown(_)) => "unknown",
        };
        self.note(point, saw);
        result.ok()
    }
}

/// A service that calls every operation there is.
#[derive(Clone)]
struct Everywhere(Ports, Seen);

impl Everywhere {
    async fn run(self) {
        self.0.spawner.spawn("consumer", Box::pin(self.clone().consume()));
        // Each piece is dropped by itself, and what comes after it goes on.
        loop {
            let request = match self.0.scope(self.0.ingress.next()).await {
                Ok(Some(request)) => request,
                Ok(None) => return,
                Err(Cancelled) => continue,
            };
            self.1.note(Operation::Request, "done");
            let _ = self.0.scope(self.transact()).await;
            let _ = self.0.scope(self.keep_up()).await;
            let _ = self.0.scope(self.publish()).await;
            let _ = self.0.scope(self.call()).await;
            request.response.accept(Bytes::new());
            self.1.note(Operation::Reply, "done");
        }
    }

    async fn transact(&self) -> Result<(), StoreError> {
        let Self(ports, seen) = self;
        let mut tx = seen.store(Operation::Begin, ports.store.begin().await)?;
        seen.store(Operation::Get, tx.get("things", "it").await)?;
        seen.store(Operation::Scan, tx.scan("things", None, 1).await)?;
        let range = IdRange::prefix("no");
        seen.store(Operation::ScanRange, tx.scan_range("things", &range, 1).await)?;
        seen.store(Operation::Put, tx.put("things", "it", Expected::Any, Bytes::new()).await)?;
        seen.store(Operation::PutIf, tx.put_if("things", "that", Expected::Any, Bytes::new()).await)?;
        seen.store(Operation::Delete, tx.delete("things", "that", Expected::Any).await)?;
        seen.store(Operation::DeleteRange, tx.delete_range("things", &range, 1).await)?;
        let connection = tx.raw_connection().await.map(drop);
        match seen.store(Operation::Statement, connection) {
            Ok(()) | Err(StoreError::Refused(_)) => {}
            Err(error) => return Err(error),
        }
        self.leave_rows(&mut *tx).await?;
        seen.store(Operation::Commit, tx.commit().await)
    }

    /// Rows of the outbox, the inbox, a saga, an operation and a position.
    async fn leave_rows(&self, tx: &mut dyn Transaction) -> Result<(), StoreError> {
        let seen = &self.1;
        seen.store(Operation::Stage, tx.stage(&message("staged")).await)?;
        seen.store(Operation::OutboxDispatched, tx.outbox_dispatched(&[message("unknown").id]).await)?;
        seen.store(Operation::OutboxBury, tx.outbox_bury(message("unknown").id, "no reason").await)?;
        seen.store(Operation::OutboxAttempt, tx.outbox_attempt(message("unknown").id, true).await)?;
        seen.store(Operation::OutboxSettledTo, tx.outbox_settled_to(WhenDead::BlockKey).await)?;
        let entry = |name| InboxEntry::for_message("everywhere", &message(name));
        seen.store(Operation::InboxInsert, tx.inbox_insert(&entry("first")).await)?;
        seen.store(Operation::InboxFailed, tx.inbox_failed(&entry("failed"), "no reason").await)?;
        seen.store(Operation::InboxBury, tx.inbox_bury(&entry("failed"), &message("failed"), "no reason").await)?;
        seen.store(Operation::InboxExhume, tx.inbox_exhume(&entry("failed")).await)?;
        seen.store(Operation::SagaCreate, tx.saga_create(&saga()).await)?;
        seen.store(Operation::SagaAppend, tx.saga_append(&first_record()).await)?;
        seen.store(Operation::SagaSignal, tx.saga_signal(&first_signal()).await)?;
        let id = OperationId(Uuid::from_u128(8));
        seen.store(Operation::Operation, tx.operation(id).await)?;
        let done = OperationRecord { id, state: OperationState::Executed(Bytes::new()) };
        seen.store(Operation::PutOperation, tx.put_operation(&done).await)?;
        seen.store(Operation::Checkpoint, tx.checkpoint("everywhere").await)?;
        seen.store(Operation::SetCheckpoint, tx.set_checkpoint("everywhere", 1).await)?;
        let event = EventAppend::new("stream", ExpectedVersion::Any, vec![message("event")]);
        seen.store(Operation::AppendEvents, tx.append_events(&event).await)?;
        seen.store(Operation::ReadStream, tx.read_stream("stream", 0, 1).await)?;
        seen.store(Operation::StreamSnapshot, tx.stream_snapshot("stream").await)?;
        seen.store(Operation::PutStreamSnapshot, tx.put_stream_snapshot("stream", 1, Bytes::new()).await)?;
        seen.store(Operation::TransactionNow, tx.now().await).map(drop)
    }

    async fn keep_up(&self) -> Result<(), StoreError> {
        let Self(ports, seen) = self;
        let token = ClaimToken(Uuid::from_u128(1));
        let request = ClaimRequest {
            token,
            limit: 10,
            lease: Duration::from_secs(1),
            ordering: OutboxOrder::PerKey,
            when_dead: WhenDead::BlockKey,
            except_topics: Vec::new(),
        };
        let claimed = seen.store(Operation::Claim, ports.store.claim(&request).await).unwrap_or_default();
        let outcome = SettleOutcome::Dispatched;
        let settled = claimed.iter().map(|row| Settlement { row: row.row, outcome: outcome.clone() });
        let settled: Vec<_> = settled.collect();
        let _ = seen.store(Operation::Settle, ports.store.settle(token, &settled).await);
        let due =
            AcquireRequest { only: None, definitions: vec!["none".into()], limit: 1, lease: Duration::from_secs(1) };
        let _ = seen.store(Operation::AcquireSagas, ports.store.acquire_sagas(&due).await);
        let store = &ports.store;
        let old = PurgeRequest { older_than: Duration::from_secs(3_600), limit: 1 };
        let _ = seen.store(Operation::Tail, store.tail(&log()).await);
        let _ = seen.store(Operation::DeadRows, store.dead_rows(&DeadRowRequest::new(1)).await);
        let _ = seen.store(Operation::Redrive, store.redrive(&DeadRowRequest::new(1)).await);
        let _ = seen.store(Operation::PurgeDispatched, store.purge_dispatched(&old).await);
        let _ = seen
            .store(Operation::PurgeDead, store.purge_dead(&DeadRowRequest::new(1).died_until(Timestamp::EPOCH)).await);
        let _ = seen.store(Operation::NextAvailable, store.next_available().await);
        let _ = seen.store(Operation::DeadLetters, store.dead_letters(&DeadLetterRequest::new("everywhere", 1)).await);
        let _ = seen.store(Operation::AskRedrive, store.ask_redrive(&DeadLetterRequest::new("everywhere", 1)).await);
        let _ = seen.store(
            Operation::PurgeInbox,
            store.purge_inbox("everywhere", &InboxPurgeRequest::new(old.older_than, 1)).await,
        );
        let id = saga().id;
        let _ = seen.store(Operation::RenewSaga, store.renew_saga(id, 1, Duration::from_secs(1)).await);
        let _ = seen.store(Operation::Saga, store.saga(id).await);
        let _ = seen.store(Operation::SagaByKey, store.saga_by_key("saga", "it").await);
        let _ = seen.store(Operation::Sagas, store.sagas(&SagaListRequest::new(1)).await);
        let _ = seen.store(Operation::SagaLog, store.saga_log(id, 0, 1).await);
        let _ = seen.store(Operation::PurgeSagaLogs, store.purge_saga_logs(&old).await);
        let _ = seen.store(Operation::PurgeSagas, store.purge_sagas(&old).await);
        let _ = seen.store(Operation::PurgeOperations, store.purge_operations(&old).await);
        let none = RepublishRequest::new(Timestamp::EPOCH, Timestamp::EPOCH, 1);
        let _ = seen.store(Operation::Republish, store.republish(&none).await);
        let _ = seen.store(Operation::ReadEvents, store.read_events(0, 1).await);
        let _ = seen.store(Operation::Census, store.census().await);
        let _ = seen.store(Operation::Now, store.now().await);
        seen.store(Operation::Backlog, store.backlog().await).map(drop)
    }

    async fn publish(&self) {
        let result = self.0.broker.publish(&[message("first"), message("second")]).await;
        let saw = match result.as_deref() {
            Ok([Ok(()), Ok(())]) => "done",
            Ok([Err(PublishError::Refused(_)), Ok(())]) => "first rejected",
            Ok([Ok(()), Err(PublishError::Unavailable(_))]) => "second unavailable",
            Ok(_) => "something else",
            Err(BrokerError::Unavailable(_)) => "unavailable",
            Err(BrokerError::Unknown(_)) => "unknown",
        };
        self.1.note(Operation::Publish, saw);
    }

    async fn call(&self) {
        let operation_id = OperationId(Uuid::from_u128(9));
        let call = ExternalCall { service: "bell".into(), operation: "ring".into(), operation_id, body: Bytes::new() };
        let saw = match self.0.external.call(&call).await {
            Ok(_) => "done",
            Err(ExternalError::Refused(_)) => "rejected",
            Err(ExternalError::Unavailable(_)) => "unavailable",
            Err(ExternalError::Unknown(_)) => "unknown",
        };
        self.1.note(Operation::External, saw);
    }

    /// Consumes on wherever it was dropped.
    async fn consume(self) {
        while self.0.scope(self.deliveries()).await.is_err() {}
    }

    /// Acknowledges the first message, and gives each other delivery back once.
    async fn deliveries(&self) {
        let Self(ports, seen) = self;
        let spec = SubscriptionSpec { group: "group".into(), topics: vec!["topic".into()] };
        loop {
            let Some(subscription) = seen.broker(Operation::Subscribe, ports.broker.subscribe(&spec).await) else {
                ports.clock.sleep(Duration::from_millis(10)).await;
                continue;
            };
            loop {
                let received = subscription.receive(1).await;
                let Some(deliveries) = seen.broker(Operation::Receive, received) else { continue };
                for Delivery { tag, redeliveries, message: delivered } in deliveries {
                    seen.broker(Operation::Extend, subscription.extend(tag, Duration::from_secs(9)).await);
                    if delivered.id == message("first").id || redeliveries > 0 {
                        seen.broker(Operation::Ack, subscription.ack(tag).await);
                    } else {
                        seen.broker(Operation::Nack, subscription.nack(tag, Duration::ZERO).await);
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

fn first_record() -> SagaAppend {
    SagaAppend {
        saga: saga().id,
        epoch: 1,
        expected_length: 0,
        records: vec!["record".into()],
        status: SagaStatus::Running,
        lease: Duration::from_secs(1),
        sleep: Duration::ZERO,
        definition: None,
        forgets: false,
        keys: Vec::new(),
        outcome: None,
    }
}

fn first_signal() -> SagaSignal {
    SagaSignal { to: SagaAddress::Id(saga().id), record: "record".into() }
}

struct Bell;

impl Service for Bell {
    fn act(&mut self, _: &ExternalCall) -> Result<Bytes, Refusal> {
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
            .without_protocol()
            .process("one", "service", "store", move |boot| Everywhere(boot.ports, seen.clone()).run())
            .process("onlooker", "onlooker", "aside", move |boot| look_on(boot.ports, onlooker.clone()))
            .external("bell", || Bell)
            .group("group", &["topic"])
    }

    fn workload(&self, _: &mut Draw) -> Ask {
        Ask
    }

    async fn drive(&self, _: &Ask, client: Client) {
        client.ask("service", "go", Bytes::new()).await.expect("never refused");
        self.0.notes().answered = Some(client.now());
    }
}
