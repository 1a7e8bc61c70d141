//! A participant that never answers, and attempts that have no limit of their own. A saga turns back all the same, at its deadline
//! and when a sibling of the step is refused; one that is driven by hand looks when the answer has come.

use std::{pin::pin, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::{BoxFuture, join, select};
use seaworthy_core::{
    ids::{Direction, OperationId},
    ports::{
        AcquireRequest, External, ExternalCall, NewSaga, Ports, Refusal, SagaAppend, SagaCreate, SagaInstance,
        SagaStatus, StoreError, Transaction,
    },
    saga::{
        Action, CompensationCause, Definition, NothingToUndo, Orchestrator, OrchestratorConfig, Record, Registry,
        RetryPolicy, SagaBuilder, StepCall, StepError, Value, saga_id,
    },
};
use seaworthy_sim::{
    external::Service as Outside,
    scenario::{Boot, Topology},
};
use smol_str::SmolStr;

use super::{is_found_and_the_right_service_holds, saga_by_hand::new, sagas_hoarded::append};
use crate::small_service::{
    Answer, Service,
    messaging::{REST, fronts},
    serve,
};

const BY: &str = "saga-held-up";

#[test]
fn a_deadline_that_is_looked_at_between_attempts() {
    is_found_and_the_right_service_holds(BY, Service::wrong("looks-at-the-clock-between-attempts", at_a_deadline));
}

#[test]
fn a_refusal_that_waits_for_its_siblings_answer() {
    is_found_and_the_right_service_holds(BY, Service::wrong("waits-for-all-before-it-turns-back", beside_a_refusal));
}

/// Time after which a saga is to turn back.
const DEADLINE: Duration = Duration::from_secs(30);

/// Longer than any call hangs: the limit of an attempt.
const NO_LIMIT: Duration = Duration::from_secs(3_600);

fn at_a_deadline(is_right: bool) -> Topology {
    topology(is_right, with_a_deadline, |ports, saga| Box::pin(ask_until_the_deadline(ports, saga)))
}

fn with_a_deadline() -> Definition<String> {
    let steps = SagaBuilder::new("checkout", 1).retry(RetryPolicy::default().attempt_limit(NO_LIMIT));
    let steps = steps.deadline(DEADLINE).compensatable("bank", AsksTheBank, NothingToUndo);
    steps.pivot("confirm", Confirms).build().expect("the steps are in order")
}

fn beside_a_refusal(is_right: bool) -> Topology {
    topology(is_right, with_a_refusal, |ports, saga| Box::pin(ask_beside_a_check(ports, saga)))
}

fn with_a_refusal() -> Definition<String> {
    let steps = SagaBuilder::new("checkout", 1).retry(RetryPolicy::default().attempt_limit(NO_LIMIT));
    let steps = steps.parallel(|group| {
        group.compensatable("bank", AsksTheBank, NothingToUndo).compensatable("check", Refuses, NothingToUndo)
    });
    steps.pivot("confirm", Confirms).build().expect("the steps are in order")
}

/// Takes a saga that was just taken over to its end.
type Drive = fn(Ports, SagaInstance) -> BoxFuture<'static, Result<(), StoreError>>;

fn topology(is_right: bool, definition: fn() -> Definition<String>, drive: Drive) -> Topology {
    let topology = fronts(move |boot| async move {
        match is_right {
            true => by_the_core(boot, definition()).await,
            false => by_hand(boot, drive).await,
        }
    });
    topology.external("bank", || Bank)
}

struct Bank;

impl Outside for Bank {
    fn act(&mut self, _: &ExternalCall) -> Result<Bytes, Refusal> {
        Ok(Bytes::new())
    }

    fn subject(&self, call: &ExternalCall) -> SmolStr {
        String::from_utf8_lossy(&call.body).into()
    }
}

async fn by_the_core(boot: Boot, definition: Definition<String>) {
    let ports = boot.ports;
    let mut registry = Registry::new();
    registry.register(definition).expect("one definition");
    let orchestrator = Orchestrator::new(&ports, registry, OrchestratorConfig::default());
    let (recovery, stop) = (orchestrator.clone(), ports.stop.clone());
    ports.spawn("recovery", async move { recovery.run_recovery(&stop).await });
    serve(ports, move |ports, name| {
        let orchestrator = orchestrator.clone();
        Box::pin(async move {
            if orchestrator.start("checkout", &name, &name).await.is_err() {
                return Err(StoreError::Unavailable("come again".into()));
            }
            ended(&ports, &name).await
        })
    })
    .await;
}

struct AsksTheBank;

#[async_trait]
impl Action<String> for AsksTheBank {
    fn is_remote(&self) -> bool {
        true
    }

    async fn ask(&self, call: &StepCall<'_, String>, external: &dyn External) -> Result<Value, StepError> {
        Ok(external.call(&call.external("bank", "ask", call.data.clone().into())).await?.into())
    }
}

struct Refuses;

#[async_trait]
impl Action<String> for Refuses {
    async fn apply(&self, _: &mut dyn Transaction, _: &StepCall<'_, String>, _: Value) -> Result<Value, StepError> {
        Err(StepError::Refused("there is none left".into()))
    }
}

struct Confirms;

impl Action<String> for Confirms {}

/// Whoever asks waits until the saga has ended, so that the storm goes on for as long, and asks again where this process stops.
async fn ended(ports: &Ports, name: &str) -> Result<Answer, StoreError> {
    let id = saga_id("checkout", name);
    while !ports.store.saga(id).await?.is_some_and(|saga| saga.status.is_terminal()) {
        if ports.stop.is_set() {
            return Err(StoreError::Unavailable("this process stops: ask again".into()));
        }
        ports.clock.sleep(REST).await;
    }
    Ok(Answer::Yes)
}

async fn by_hand(boot: Boot, drive: Drive) {
    let ports = boot.ports;
    ports.spawn("worker", work(ports.clone(), drive));
    serve(ports, |ports, name| {
        Box::pin(async move {
            begin(&ports, &name).await?;
            ended(&ports, &name).await
        })
    })
    .await;
}

async fn begin(ports: &Ports, name: &str) -> Result<(), StoreError> {
    let mut tx = ports.store.begin().await?;
    let saga = NewSaga { lease: Duration::ZERO, ..new(saga_id("checkout", name), name) };
    if let SagaCreate::Exists { .. } = tx.saga_create(&saga).await? {
        return Ok(());
    }
    let started = Record::Started { deadline_us: None, traceparent: None };
    tx.saga_append(&append(&saga.id, (1, 0), &started, SagaStatus::Running)).await?;
    tx.commit().await
}

/// Time for which a worker owns a saga without a sign of life.
const LEASE: Duration = Duration::from_secs(10);

/// Each saga has a task of its own: none waits for another. It is driven for as long as it is owned.
async fn work(ports: Ports, drive: Drive) {
    while !ports.stop.is_set() {
        let request = AcquireRequest { only: None, definitions: vec!["checkout".into()], limit: 8, lease: LEASE };
        let due = ports.store.acquire_sagas(&request).await.unwrap_or_default();
        if due.is_empty() {
            ports.clock.sleep(REST).await;
        }
        for saga in due {
            let own = ports.clone();
            ports.spawn("saga", async move {
                let kept = keep(&own, &saga);
                let driven = async {
                    while drive(own.clone(), saga.clone()).await.is_err() {
                        own.clock.sleep(REST).await;
                    }
                };
                select(pin!(driven), pin!(kept)).await;
            });
        }
    }
}

/// Renews the lease of a saga until it is lost.
async fn keep(ports: &Ports, saga: &SagaInstance) {
    // A store that does not answer may have taken it away or not: whoever lost it is fenced off.
    while ports.store.renew_saga(saga.id, saga.epoch, LEASE).await.unwrap_or(true) {
        ports.clock.sleep(LEASE / 4).await;
    }
}

/// A saga that this process drives, and the length of its log.
struct Log {
    ports: Ports,
    saga: SagaInstance,
    length: u64,
}

impl Log {
    /// Says that the bank is about to be asked; `None` if the saga has ended.
    async fn asking(ports: Ports, saga: SagaInstance) -> Result<Option<Self>, StoreError> {
        let length = ports.store.saga_log(saga.id, 0, 100).await?.len() as u64;
        if ports.store.saga(saga.id).await?.is_some_and(|saga| saga.status.is_terminal()) {
            return Ok(None);
        }
        let mut log = Self { ports, saga, length };
        log.write(vec![Record::Attempting { step: "bank".into(), attempt: length as u32 }], SagaStatus::Running)
            .await?;
        Ok(Some(log))
    }

    async fn write(&mut self, records: Vec<Record>, status: SagaStatus) -> Result<(), StoreError> {
        let mut tx = self.ports.store.begin().await?;
        let place = (self.saga.epoch, self.length);
        let encoded = records.iter().map(Record::encode).collect();
        let append = append(&self.saga.id, place, &Record::Completed, status);
        let append = SagaAppend { records: encoded, lease: LEASE, ..append };
        tx.saga_append(&append).await?;
        tx.commit().await?;
        self.length += records.len() as u64;
        Ok(())
    }

    async fn turn_back(&mut self, cause: CompensationCause) -> Result<(), StoreError> {
        let undone = Record::Compensated { step: "bank".into(), maybe_executed: true };
        let back = vec![Record::CompensationBegun { cause }, undone, Record::RolledBack];
        self.write(back, SagaStatus::Compensated).await
    }

    /// Asks the bank once.
    async fn ask(&self) -> bool {
        let operation_id = OperationId::derive(self.saga.id, "bank", Direction::Action);
        let (service, operation, body) = ("bank".into(), "ask".into(), Bytes::from(self.saga.key.to_string()));
        self.ports.external.call(&ExternalCall { service, operation, operation_id, body }).await.is_ok()
    }
}

async fn ask_until_the_deadline(ports: Ports, saga: SagaInstance) -> Result<(), StoreError> {
    let Some(mut log) = Log::asking(ports, saga).await? else { return Ok(()) };
    let until = log.ports.clock.now() + DEADLINE;
    while !log.ask().await {
        if log.ports.clock.now() >= until {
            return log.turn_back(CompensationCause::Deadline).await;
        }
        log.ports.clock.sleep(REST).await;
    }
    log.write(vec![Record::Completed], SagaStatus::Completed).await
}

async fn ask_beside_a_check(ports: Ports, saga: SagaInstance) -> Result<(), StoreError> {
    let Some(mut log) = Log::asking(ports, saga).await? else { return Ok(()) };
    let check = async { log.ports.store.saga(log.saga.id).await };
    // What the check says is heard when the bank has answered.
    let (_, checked) = join(log.ask(), check).await;
    checked?;
    log.turn_back(CompensationCause::Rejected).await
}
