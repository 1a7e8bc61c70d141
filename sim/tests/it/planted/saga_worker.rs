//! Sagas that a worker of one's own takes over and drives: what the store refuses for one of them is tried for ever, what is
//! given up is told to nobody, and room that is free is not filled.

use std::{collections::BTreeMap, time::Duration};

use futures_util::future::BoxFuture;
use seaworthy_core::{
    ids::SagaId,
    ports::{AcquireRequest, Expected, NewSaga, Ports, SagaAppend, SagaCreate, SagaInstance, SagaStatus, StoreError},
    saga::{Definition, Orchestrator, OrchestratorConfig, Record, Registry, RetryPolicy, SagaBuilder, saga_id},
};
use seaworthy_sim::scenario::{Boot, Topology};

use super::{is_found_and_the_right_service_holds, saga_by_hand::new, sagas_hoarded::append};
use crate::{
    saga_support::steps::{Note, Trip},
    small_service::{
        Answer, Service,
        messaging::{REST, front_beside, fronts},
        serve,
    },
};

#[test]
fn what_the_store_refuses_for_one_saga_is_tried_without_end() {
    let wrong = Service::wrong("counts-no-refusals-of-a-saga", for_ever).fails_for_good();
    is_found_and_the_right_service_holds("bounded-attempts", wrong);
}

#[test]
fn a_saga_that_is_stuck_and_nobody_is_told() {
    let wrong = Service::wrong("makes-it-stuck-in-silence", in_silence).fails_for_good();
    is_found_and_the_right_service_holds("heard", wrong);
}

#[test]
fn room_that_is_filled_once_a_second() {
    is_found_and_the_right_service_holds("saga-starts-late", Service::wrong("takes-one-a-second", one_a_second));
}

/// Failures after which a saga is given up.
const FAILURES_MAX: u32 = 10;

fn for_ever(is_right: bool) -> Topology {
    topology(is_right, 1, |ports| Box::pin(recover(ports, Settings { failures_max: None, ..Settings::DEFAULT })))
}

fn in_silence(is_right: bool) -> Topology {
    topology(is_right, 1, |ports| Box::pin(recover(ports, Settings::DEFAULT)))
}

/// Sagas of the first item, which take one second each if they are taken one by one.
const MANY: u32 = 20;

fn one_a_second(is_right: bool) -> Topology {
    topology(is_right, MANY, |ports| {
        Box::pin(recover(ports, Settings { limit: 1, rest: Duration::from_secs(1), ..Settings::DEFAULT }))
    })
}

/// Settings of a worker.
struct Settings {
    /// Sagas that are taken over at once.
    limit: usize,
    /// Pause after these.
    rest: Duration,
    failures_max: Option<u32>,
}

impl Settings {
    const DEFAULT: Self = Self { limit: 8, rest: Duration::from_millis(10), failures_max: Some(FAILURES_MAX) };
}

/// So many are driven at once by the core.
const ROOM: usize = 4;

fn topology(is_right: bool, many: u32, work: fn(Ports) -> BoxFuture<'static, ()>) -> Topology {
    fronts(move |boot| async move {
        if is_right {
            return by_the_core(boot, many).await;
        }
        let worker = work(boot.ports.clone());
        front_beside(boot, worker, move |ports, name| Box::pin(async move { begin(&ports, &name, many).await })).await;
    })
}

fn trip() -> Definition<Trip> {
    let steps = SagaBuilder::new("trip", 1).retriable("seat", Note);
    let policy = RetryPolicy::default().attempts_max(Some(FAILURES_MAX / 2));
    steps.step_retry(policy).build().expect("there is one step")
}

/// The keys of the sagas of an item.
fn keys(name: &str, many: u32) -> impl Iterator<Item = String> + '_ {
    (0..if name == "item-1" { many } else { 1 }).map(move |number| format!("{name}-{number}"))
}

async fn by_the_core(boot: Boot, many: u32) {
    let ports = boot.ports;
    let mut registry = Registry::new();
    registry.register(trip()).expect("one definition");
    let config = OrchestratorConfig::default().concurrency(ROOM);
    let orchestrator = Orchestrator::new(&ports, registry, config);
    let (recovery, stop) = (orchestrator.clone(), ports.stop.clone());
    ports.spawn("recovery", async move { recovery.run_recovery(&stop).await });
    serve(ports, move |_, name| {
        let orchestrator = orchestrator.clone();
        Box::pin(async move {
            for key in keys(&name, many) {
                orchestrator.start("trip", &key, &Trip::default()).await?;
            }
            Ok::<_, seaworthy_core::saga::SagaError>(Answer::Yes)
        })
    })
    .await;
}

/// Creates the sagas of an item, which nobody drives yet.
async fn begin(ports: &Ports, name: &str, many: u32) -> Result<Answer, StoreError> {
    let mut tx = ports.store.begin().await?;
    for key in keys(name, many) {
        let (definition, lease) = (trip().shape().definition.clone(), Duration::ZERO);
        let saga = NewSaga { definition, lease, ..new(saga_id("trip", &key), &key) };
        if let SagaCreate::Exists { .. } = tx.saga_create(&saga).await? {
            return Ok(Answer::Yes);
        }
        let started = Record::Started { deadline_us: None, traceparent: None };
        tx.saga_append(&append(&saga.id, (1, 0), &started, SagaStatus::Running)).await?;
    }
    tx.commit().await?;
    Ok(Answer::Yes)
}

/// What fails is due again when its lease has ended.
const LEASE: Duration = Duration::from_millis(200);

async fn recover(ports: Ports, settings: Settings) {
    let mut failures = BTreeMap::<SagaId, u32>::new();
    while !ports.stop.is_set() {
        let (definitions, limit) = (vec!["trip".into()], settings.limit);
        let request = AcquireRequest { only: None, definitions, limit, lease: LEASE };
        let due = ports.store.acquire_sagas(&request).await.unwrap_or_default();
        if due.is_empty() {
            ports.clock.sleep(REST).await;
        }
        for saga in due {
            if end(&ports, &saga).await.is_ok() {
                continue;
            }
            let failures = failures.entry(saga.id).or_default();
            *failures += 1;
            if settings.failures_max.is_some_and(|most| *failures >= most) {
                // Who lost it, or the store, gives it up the next time.
                let _ = give_up(&ports, &saga).await;
            }
        }
        ports.clock.sleep(settings.rest).await;
    }
}

async fn end(ports: &Ports, saga: &SagaInstance) -> Result<(), StoreError> {
    let mut tx = ports.store.begin().await?;
    tx.put("seats", &saga.key, Expected::Any, b"1".to_vec().into()).await?;
    let done = Record::Done { step: "seat".into(), output: Default::default() };
    let records = vec![done.encode(), Record::Completed.encode()];
    let place = (saga.epoch, saga.log_length);
    let append = SagaAppend { records, ..append(&saga.id, place, &Record::Completed, SagaStatus::Completed) };
    tx.saga_append(&append).await?;
    tx.commit().await
}

async fn give_up(ports: &Ports, saga: &SagaInstance) -> Result<(), StoreError> {
    let mut tx = ports.store.begin().await?;
    let stuck = Record::Stuck { reason: "the store refuses it".into() };
    tx.saga_append(&append(&saga.id, (saga.epoch, saga.log_length), &stuck, SagaStatus::Stuck)).await?;
    tx.commit().await
}
