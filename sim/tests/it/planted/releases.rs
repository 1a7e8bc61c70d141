//! Two releases side by side, rolled out and taken back. The next one calls a step by another name, and either says so or
//! leaves the sagas of the one before to nobody; or says so, and asks outside under a key that is made of the name. Or it writes what
//! the one before does not know, and gives up or takes up again and again.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use seaworthy_core::{
    ids::{Direction, OperationId},
    ports::{
        AcquireRequest, Expected, External, ExternalCall, NewSaga, Ports, Refusal, SagaAppend, SagaCreate,
        SagaInstance, SagaStatus, StoreError,
    },
    saga::{
        Action, Definition, Migration, Orchestrator, OrchestratorConfig, Record, Registry, SagaBuilder, StepCall,
        StepError, Value, saga_id,
    },
};
use seaworthy_sim::{
    external::Service as Outside,
    scenario::{Boot, Topology},
};
use smol_str::SmolStr;

use super::{is_found_and_the_right_service_holds, saga_by_hand::new, sagas_hoarded::append};
use crate::{
    saga_support::steps::{Note, Trip, Unnote},
    small_service::{
        Answer, Service,
        messaging::{REST, front_beside, fronts},
        serve,
    },
};

const WRONG: Service = Service::wrong("renames-without-a-migration", topology).fails_for_good();

fn topology(is_right: bool) -> Topology {
    let fronts = fronts(move |boot| front(boot, is_right)).next_release();
    fronts.saga(trip(1, "charge").shape()).saga(trip(2, "pay").shape())
}

fn trip(version: u32, pivot: &str) -> Definition<Trip> {
    let steps = SagaBuilder::new("trip", version).compensatable("seat", Note, Unnote).pivot(pivot, Note);
    steps.retriable("send", Note).build().expect("the steps are in order")
}

async fn front(boot: Boot, is_right: bool) {
    let (ports, release) = (boot.ports, boot.release);
    let mut registry = Registry::new();
    if release > 1 {
        registry.register(trip(2, "pay")).expect("one definition");
        if is_right {
            registry.migration(Migration::new("trip", 1, 2).rename("charge", "pay")).expect("both are known");
        }
    } else {
        registry.register(trip(1, "charge")).expect("one definition");
    }
    start_trips(ports, registry).await;
}

async fn start_trips(ports: Ports, registry: Registry) {
    let orchestrator = Orchestrator::new(&ports, registry, OrchestratorConfig::default());
    let (recovery, stop) = (orchestrator.clone(), ports.stop.clone());
    ports.spawn("recovery", async move { recovery.run_recovery(&stop).await });
    serve(ports, move |_, name| {
        let orchestrator = orchestrator.clone();
        Box::pin(async move { orchestrator.start("trip", &name, &Trip::default()).await.map(|_| Answer::Yes) })
    })
    .await;
}

#[test]
fn a_step_that_is_renamed_without_a_migration() {
    is_found_and_the_right_service_holds("saga-resolves", WRONG);
}

#[test]
fn a_key_that_is_made_of_a_name_which_the_next_release_changes() {
    let wrong = Service::wrong("makes-its-key-of-the-steps-name", paying).fails_for_good();
    is_found_and_the_right_service_holds("duplicate-effect", wrong);
}

fn paying(is_right: bool) -> Topology {
    let fronts = fronts(move |boot| async move {
        let (mut registry, release) = (Registry::new(), boot.release);
        let pays = |version, name| {
            let steps = SagaBuilder::new("trip", version).compensatable("seat", Note, Unnote);
            steps.pivot(name, Pays { is_right }).build().expect("the steps are in order")
        };
        if release > 1 {
            registry.register(pays(2, "pay")).expect("one definition");
            registry.migration(Migration::new("trip", 1, 2).rename("charge", "pay")).expect("both are known");
        } else {
            registry.register(pays(1, "charge")).expect("one definition");
        }
        start_trips(boot.ports, registry).await;
    });
    fronts.next_release().external("bank", || Bank)
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

/// Charges once for each key that it is given: the one that stays with the step, or one of its present name.
struct Pays {
    is_right: bool,
}

#[async_trait]
impl Action<Trip> for Pays {
    fn is_remote(&self) -> bool {
        true
    }

    async fn ask(&self, call: &StepCall<'_, Trip>, external: &dyn External) -> Result<Value, StepError> {
        let mut asked = call.external("bank", "charge", call.key.to_string().into());
        if !self.is_right {
            asked.operation_id = OperationId::derive(call.saga, call.step, Direction::Action);
        }
        Ok(external.call(&asked).await?.into())
    }
}

#[test]
fn a_record_that_the_release_before_does_not_know() {
    let wrong = Service::wrong("gives-up-what-it-does-not-know", noting).fails_for_good();
    is_found_and_the_right_service_holds("saga-resolves", wrong);
}

/// A record of the next release: the one before knows what begins a saga, what ends it, and what gives it up.
const NOTED: Record = Record::ClockSetBack { ahead_by_us: 0 };

/// Longer than a worker takes for a saga; what is left to others is due again after it.
const LEASE: Duration = Duration::from_secs(3);

fn noting(is_right: bool) -> Topology {
    working(Worker { leaves_what_it_does_not_know: is_right, lease: LEASE, takes: LEASE / 2 })
}

#[test]
fn a_release_that_takes_up_at_each_look_what_it_has_to_leave() {
    let wrong = Service::wrong("takes-up-what-it-leaves", looking).fails_for_good();
    is_found_and_the_right_service_holds("sagas-hoarded", wrong);
}

fn looking(is_right: bool) -> Topology {
    let lease = if is_right { LEASE } else { Duration::ZERO };
    // The next release takes longer than it owns what it has begun with.
    working(Worker { leaves_what_it_does_not_know: true, lease, takes: 7 * LEASE })
}

/// How sagas are worked off.
#[derive(Clone, Copy)]
struct Worker {
    leaves_what_it_does_not_know: bool,
    /// Of the release before: for so long nobody else takes up what it took, and nor does it.
    lease: Duration,
    /// Of the next release, between what it notes and the end.
    takes: Duration,
}

fn working(how: Worker) -> Topology {
    let fronts = fronts(move |boot| {
        let lease = if boot.release > 1 { LEASE } else { how.lease };
        let worker = work(boot.ports.clone(), boot.release, Worker { lease, ..how });
        front_beside(boot, worker, |ports, name| Box::pin(async move { begin(&ports, &name).await }))
    });
    fronts.next_release()
}

async fn begin(ports: &Ports, name: &str) -> Result<Answer, StoreError> {
    let mut tx = ports.store.begin().await?;
    let saga = NewSaga { lease: Duration::ZERO, ..new(saga_id("checkout", name), name) };
    if tx.saga_create(&saga).await? == SagaCreate::Created {
        let started = Record::Started { deadline_us: None, traceparent: None };
        tx.saga_append(&append(&saga.id, (1, 0), &started, SagaStatus::Running)).await?;
    }
    tx.commit().await?;
    Ok(Answer::Yes)
}

async fn work(ports: Ports, release: u32, how: Worker) {
    while !ports.stop.is_set() {
        let request = AcquireRequest { only: None, definitions: vec!["checkout".into()], limit: 1, lease: how.lease };
        let due = ports.store.acquire_sagas(&request).await.unwrap_or_default();
        for saga in &due {
            // Who lost it, or the store, finds it again when its lease has ended.
            let _ = drive(&ports, saga, release, how).await;
        }
        ports.clock.sleep(REST).await;
    }
}

/// Takes a saga to its end: the next release notes something first, and goes on a little later.
async fn drive(ports: &Ports, saga: &SagaInstance, release: u32, how: Worker) -> Result<(), StoreError> {
    let log = ports.store.saga_log(saga.id, 0, 100).await?;
    let is_noted = log.iter().any(|entry| entry.record == NOTED.encode());
    let mut length = saga.log_length;
    if is_noted && release == 1 {
        if how.leaves_what_it_does_not_know {
            return Ok(());
        }
        let mut tx = ports.store.begin().await?;
        let stuck = Record::Stuck { reason: "its log has what nobody knows".into() };
        tx.saga_append(&append(&saga.id, (saga.epoch, length), &stuck, SagaStatus::Stuck)).await?;
        tx.commit().await?;
        tracing::warn!(saga = %saga.id, "a saga is stuck");
        return Ok(());
    }
    if !is_noted && release > 1 {
        let mut tx = ports.store.begin().await?;
        let noted = append(&saga.id, (saga.epoch, length), &NOTED, SagaStatus::Running);
        tx.saga_append(&SagaAppend { lease: LEASE, ..noted }).await?;
        tx.commit().await?;
        length += 1;
        ports.clock.sleep(how.takes).await;
    }
    let mut tx = ports.store.begin().await?;
    tx.put("trips", &saga.key, Expected::Any, b"1".to_vec().into()).await?;
    tx.saga_append(&append(&saga.id, (saga.epoch, length), &Record::Completed, SagaStatus::Completed)).await?;
    tx.commit().await
}
