//! A worker that drives sagas one after the other, and asks the bank for as long as it takes: what one saga waits for holds
//! up all others.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use seaworthy_core::{
    ids::{Direction, OperationId},
    ports::{
        AcquireRequest, External, ExternalCall, NewSaga, Ports, Refusal, SagaCreate, SagaInstance, SagaStatus,
        StoreError,
    },
    saga::{
        Action, Orchestrator, OrchestratorConfig, Record, Registry, RetryPolicy, SagaBuilder, StepCall, StepError,
        Value, saga_id,
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

pub(super) const WRONG: Service = Service::wrong("asks-in-place", topology);

/// Of each item there are two sagas: one asks the bank, and the other does not.
const KINDS: [&str; 2] = ["asks", "notes"];

/// The worker is nobody's to wait for: longer than any outage.
const LEASE: Duration = Duration::from_secs(3_600);

struct Bank;

impl Outside for Bank {
    fn act(&mut self, _: &ExternalCall) -> Result<Bytes, Refusal> {
        Ok(Bytes::new())
    }

    fn subject(&self, call: &ExternalCall) -> SmolStr {
        String::from_utf8_lossy(&call.body).into()
    }
}

fn topology(is_right: bool) -> Topology {
    let topology = fronts(move |boot| async move {
        match is_right {
            true => by_the_core(boot, RetryPolicy::default()).await,
            false => by_hand(boot).await,
        }
    });
    topology.external("bank", || Bank)
}

/// The core's own orchestrator, with or without a limit of time for an attempt.
fn without_a_limit(is_right: bool) -> Topology {
    let topology = fronts(move |boot| async move {
        let policy = RetryPolicy::default();
        by_the_core(boot, if is_right { policy } else { policy.attempt_limit(LEASE) }).await;
    });
    topology.external("bank", || Bank)
}

#[test]
fn an_attempt_that_waits_for_an_answer_for_ever() {
    is_found_and_the_right_service_holds("saga-held-up", Service::wrong("waits-for-ever", without_a_limit));
}

/// Waits until both sagas of an item have ended: whoever asks waits as long, and asks again where this process stops.
async fn ended(ports: &Ports, name: &str) -> Result<Answer, StoreError> {
    for kind in KINDS {
        while !ports.store.saga(saga_id("checkout", &format!("{name}-{kind}"))).await?.is_some_and(has_ended) {
            if ports.stop.is_set() {
                return Err(StoreError::Unavailable("this process stops: ask again".into()));
            }
            ports.clock.sleep(REST).await;
        }
    }
    Ok(Answer::Yes)
}

fn has_ended(saga: SagaInstance) -> bool {
    saga.status.is_terminal()
}

async fn by_hand(boot: Boot) {
    let ports = boot.ports;
    ports.spawn("worker", work(ports.clone()));
    serve(ports, |ports, name| {
        Box::pin(async move {
            for kind in KINDS {
                begin(&ports, &format!("{name}-{kind}")).await?;
            }
            ended(&ports, &name).await
        })
    })
    .await;
}

async fn begin(ports: &Ports, key: &str) -> Result<(), StoreError> {
    let mut tx = ports.store.begin().await?;
    let saga = NewSaga { lease: Duration::ZERO, ..new(saga_id("checkout", key), key) };
    if let SagaCreate::Exists { .. } = tx.saga_create(&saga).await? {
        return Ok(());
    }
    let started = Record::Started { deadline_us: None, traceparent: None };
    tx.saga_append(&append(&saga.id, (1, 0), &started, SagaStatus::Running)).await?;
    tx.commit().await
}

async fn work(ports: Ports) {
    while !ports.stop.is_set() {
        let request = AcquireRequest { only: None, definitions: vec!["checkout".into()], limit: 8, lease: LEASE };
        let due = ports.store.acquire_sagas(&request).await.unwrap_or_default();
        if due.is_empty() {
            ports.clock.sleep(REST).await;
        }
        for saga in due {
            while drive(&ports, &saga).await.is_err() {
                ports.clock.sleep(REST).await;
            }
        }
    }
}

/// Takes a saga to its end; what is in its log is done.
async fn drive(ports: &Ports, saga: &SagaInstance) -> Result<(), StoreError> {
    let mut length = ports.store.saga_log(saga.id, 0, 100).await?.len() as u64;
    if ports.store.saga(saga.id).await?.is_some_and(has_ended) {
        return Ok(());
    }
    if saga.key.ends_with("asks") {
        let mut tx = ports.store.begin().await?;
        let asks = Record::Attempting { step: "bank".into(), attempt: length as u32 };
        tx.saga_append(&append(&saga.id, (saga.epoch, length), &asks, SagaStatus::Running)).await?;
        tx.commit().await?;
        length += 1;
        let operation_id = OperationId::derive(saga.id, "bank", Direction::Action);
        let (service, operation, body) = ("bank".into(), "ask".into(), Bytes::from(saga.key.to_string()));
        let call = ExternalCall { service, operation, operation_id, body };
        while ports.external.call(&call).await.is_err() {
            ports.clock.sleep(REST).await;
        }
    }
    let mut tx = ports.store.begin().await?;
    tx.saga_append(&append(&saga.id, (saga.epoch, length), &Record::Completed, SagaStatus::Completed)).await?;
    tx.commit().await
}

async fn by_the_core(boot: Boot, policy: RetryPolicy) {
    let ports = boot.ports;
    let mut registry = Registry::new();
    let steps = SagaBuilder::new("checkout", 1).retriable("bank", AsksTheBank).step_retry(policy);
    registry.register(steps.build().expect("there is one step")).expect("one definition");
    let orchestrator = Orchestrator::new(&ports, registry, OrchestratorConfig::default());
    let (recovery, stop) = (orchestrator.clone(), ports.stop.clone());
    ports.spawn("recovery", async move { recovery.run_recovery(&stop).await });
    serve(ports, move |ports, name| {
        let orchestrator = orchestrator.clone();
        Box::pin(async move {
            for kind in KINDS {
                let key = format!("{name}-{kind}");
                if orchestrator.start("checkout", &key, &key).await.is_err() {
                    return Err(StoreError::Unavailable("come again".into()));
                }
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

    fn applies(&self, call: &StepCall<'_, String>) -> bool {
        call.data.ends_with("asks")
    }

    async fn ask(&self, call: &StepCall<'_, String>, external: &dyn External) -> Result<Value, StepError> {
        Ok(external.call(&call.external("bank", "ask", call.data.clone().into())).await?.into())
    }
}
