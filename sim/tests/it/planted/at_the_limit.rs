//! Services at their limits: a group that takes no more, and many more sagas due than a process drives at once. One that stops
//! there for ever is found, and the core's own goes on.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use seaworthy_core::{
    ids::ClaimToken,
    inbox::{Consumer, Handler, HandlerError, Handlers},
    message::{Message, MessageBuilder},
    ports::{
        AcquireRequest, Expected, NewSaga, OutboxRow, Ports, SagaCreate, SagaInstance, SagaStatus, StoreError,
        StoreTable, Transaction,
    },
    saga::{Orchestrator, OrchestratorConfig, Record, Registry, SagaBuilder, saga_id},
};
use seaworthy_sim::{plan::Profile, scenario::Topology};

use super::{first_failure, is_found_and_the_right_service_holds, saga_by_hand::new, sagas_hoarded::append};
use crate::{
    saga_support::steps::{Note, Trip},
    small_service::{
        Answer, Service,
        messaging::{REST, front_beside, front_beside_relay, fronts, publish, relay_by_hand, settle},
    },
};

#[test]
fn a_relay_that_stops_at_a_full_group_is_found() {
    is_found_and_the_right_service_holds("no-row-stuck", Service::wrong("stops-at-a-full-group", full_group));
}

#[test]
fn a_worker_that_loses_its_room_is_found() {
    is_found_and_the_right_service_holds("saga-resolves", Service::wrong("loses-its-room", many_due));
}

/// A run of it takes as long as some hundred others: a few dozen of them have to do, under faults that the mistake is about.
const SEEDS_OF_A_THOUSAND: u64 = 40;

#[test]
fn a_thousand_sagas_that_are_due_at_once_are_driven_or_it_is_found_that_they_are_not() {
    let wrong = Service::wrong("loses-its-room-beside-a-thousand", a_thousand_due);
    let found = first_failure(&wrong, SEEDS_OF_A_THOUSAND, &[Profile::Outage]);
    let failure = found.first_failure().expect("it is found");
    assert_eq!(failure.violation.invariant, "saga-resolves", "{}", failure.violation.sentence);
    let right = first_failure(&wrong.right(), found.runs.max(4), &[Profile::Outage, Profile::Swarm]);
    assert_eq!(right.failed, 0, "{:#?}", right.failures);
    println!("| `{}` | {} | `saga-resolves` |", wrong.name, failure.index + 1);
}

/// Messages of an item: more than the group takes.
const MESSAGES: u32 = 6;

/// Times in a row that a relay is put off until it stops.
const PUT_OFF: u32 = 3;

fn full_group(is_right: bool) -> Topology {
    let fronts = match is_right {
        true => fronts(|boot| front_beside_relay(boot, placing_many)),
        false => fronts(|boot| {
            let put_off = Arc::new(AtomicU32::new(0));
            let relay = relay_by_hand(boot.ports.clone(), move |ports, token, rows| {
                stop_where_it_is_full(ports, token, rows, put_off.clone())
            });
            front_beside(boot, relay, placing_many)
        }),
    };
    let listener = fronts.process("listener-1", "listener", "listener", |boot| listen(boot.ports));
    listener.group("listener", &["orders"]).group_holds(2)
}

fn placing_many(ports: Ports, name: String) -> BoxFuture<'static, Result<Answer, StoreError>> {
    Box::pin(async move {
        let mut tx = ports.store.begin().await?;
        if tx.get("orders", &name).await?.is_some() {
            return Ok(Answer::Yes);
        }
        tx.put("orders", &name, Expected::Absent, b"1".to_vec().into()).await?;
        for number in 0..MESSAGES {
            let subject = format!("{name}-{number}");
            let placed = MessageBuilder::new("front", "order.placed", subject).topic("orders");
            tx.stage(&placed.draw(&*ports.clock, &*ports.random)).await?;
        }
        tx.commit().await?;
        Ok(Answer::Yes)
    })
}

/// One that was put off some times in a row waits for somebody who starts it again.
async fn stop_where_it_is_full(
    ports: Ports,
    token: ClaimToken,
    rows: Vec<OutboxRow>,
    put_off: Arc<AtomicU32>,
) -> Result<(), StoreError> {
    let results = publish(&ports, &rows).await;
    let is_full = results.iter().all(Result::is_err);
    settle(&ports, token, &rows, &results).await?;
    let times = if is_full { put_off.fetch_add(1, Ordering::Relaxed) + 1 } else { 0 };
    put_off.store(times, Ordering::Relaxed);
    while times >= PUT_OFF && !ports.stop.is_set() {
        ports.clock.sleep(Duration::from_secs(60)).await;
    }
    Ok(())
}

async fn listen(ports: Ports) {
    let handlers = Handlers::builder().on("order.placed", Slow(ports.clone())).build().expect("one handler");
    Consumer::new(&ports, "listener", handlers, ["orders"]).run().await;
}

/// It takes its time.
struct Slow(Ports);

#[async_trait]
impl Handler for Slow {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        self.0.clock.sleep(Duration::from_millis(500)).await;
        tx.put("notes", &message.id.to_string(), Expected::Absent, b"1".to_vec().into()).await?;
        Ok(())
    }
}

/// Sagas of an item: thirty times as many as are driven at once.
const SAGAS: u32 = 60;

/// Five hundred times as many.
const A_THOUSAND: u32 = 1_000;

/// So many are driven at once.
const ROOM: u32 = 2;

fn many_due(is_right: bool) -> Topology {
    due(is_right, SAGAS)
}

fn a_thousand_due(is_right: bool) -> Topology {
    due(is_right, A_THOUSAND)
}

/// So many sagas of an item are due at once.
fn due(is_right: bool, sagas: u32) -> Topology {
    let topology = fronts(move |boot| {
        let ports = boot.ports.clone();
        let work = async move { if is_right { by_the_core(ports).await } else { by_hand(ports).await } };
        front_beside(boot, work, move |ports, name| Box::pin(async move { begin(&ports, &name, sagas).await }))
    });
    let most = u64::from(sagas) + 10;
    topology.saga(steps().shape()).without("saga-starts-late").keeps_at_most(StoreTable::Sagas, most)
}

fn steps() -> seaworthy_core::saga::Definition<Trip> {
    SagaBuilder::new("trip", 1).retriable("seat", Note).build().expect("there is one step")
}

/// Creates the sagas of an item, all of which are due at once.
async fn begin(ports: &Ports, name: &str, sagas: u32) -> Result<Answer, StoreError> {
    let mut tx = ports.store.begin().await?;
    for number in 0..if name == "item-1" { sagas } else { 1 } {
        let key = format!("{name}-{number}");
        let (definition, lease) = (steps().shape().definition.clone(), Duration::ZERO);
        let input = serde_json::to_vec(&Trip::default()).expect("a trip is JSON").into();
        let saga = NewSaga { definition, lease, input, ..new(saga_id("trip", &key), &key) };
        if let SagaCreate::Exists { .. } = tx.saga_create(&saga).await? {
            return Ok(Answer::Yes);
        }
        let started = Record::Started { deadline_us: None, traceparent: None };
        tx.saga_append(&append(&saga.id, (1, 0), &started, SagaStatus::Running)).await?;
    }
    tx.commit().await?;
    Ok(Answer::Yes)
}

async fn by_the_core(ports: Ports) {
    let mut registry = Registry::new();
    registry.register(steps()).expect("one definition");
    let config = OrchestratorConfig::default().concurrency(ROOM as usize);
    let stop = ports.stop.clone();
    Orchestrator::new(&ports, registry, config).run_recovery(&stop).await;
}

/// What fails keeps its place: after some failures there is room for none.
async fn by_hand(ports: Ports) {
    let mut room = ROOM;
    while !ports.stop.is_set() {
        let (definitions, lease) = (vec!["trip".into()], Duration::from_secs(5));
        let request = AcquireRequest { only: None, definitions, limit: room as usize, lease };
        let due = match room {
            0 => Vec::new(),
            _ => ports.store.acquire_sagas(&request).await.unwrap_or_default(),
        };
        if due.is_empty() {
            ports.clock.sleep(REST).await;
        }
        for saga in due {
            room -= 1;
            if end(&ports, &saga).await.is_ok() {
                room += 1;
            }
        }
    }
}

async fn end(ports: &Ports, saga: &SagaInstance) -> Result<(), StoreError> {
    let mut tx = ports.store.begin().await?;
    let place = (saga.epoch, saga.log_length);
    tx.saga_append(&append(&saga.id, place, &Record::Completed, SagaStatus::Completed)).await?;
    tx.commit().await
}
