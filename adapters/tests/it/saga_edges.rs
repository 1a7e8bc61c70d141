//! The places where a saga's process, its siblings, its store and an operator meet.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use seaworthy_core::{
    ids::SagaId,
    ports::{FailureKind, Operation, Ports, SagaStatus, Store, Transaction, connection},
    saga::{
        self, Action, AttemptFailure, Definition, DriveOutcome, Orchestrator, OrchestratorConfig, Record, Registry,
        RetryPolicy, SagaBuilder, SagaError, SagaRequest, Signal, Started, StepCall, StepError, Value, Verb, Wait,
        saga_id,
    },
};
use seaworthy_memory::store::MemoryStore;

use crate::support::{
    Kind, World,
    calls::{Calls, Fate},
    clock::VirtualClock,
    in_virtual_time, on, on_each_store,
    saga::{Does, Part},
    warnings::Warnings,
};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);

fn orchestrator(ports: &Ports, definition: Definition<u32>, config: OrchestratorConfig) -> Orchestrator {
    let mut registry = Registry::new();
    registry.register(definition).unwrap();
    Orchestrator::new(ports, registry, config)
}

/// Starts a saga on a store that is well; nobody but who drives it has it.
async fn start(world: &World, orchestrator: &Orchestrator, key: &str) -> Started {
    let mut tx = world.ports.store.begin().await.unwrap();
    let started = orchestrator.start_in(&mut *tx, "trip", key, &1_u32).await.unwrap();
    tx.commit().await.unwrap();
    started
}

/// A condition that is never fulfilled, or that panics.
struct Condition(bool);

#[async_trait]
impl Action<u32> for Condition {
    fn applies(&self, _: &StepCall<'_, u32>) -> bool {
        assert!(!self.0, "no such number");
        false
    }

    async fn apply(&self, _: &mut dyn Transaction, _: &StepCall<'_, u32>, _: Value) -> Result<Value, StepError> {
        Err(StepError::Refused("it must not run".into()))
    }
}

/// Whether somebody else may have acted is what decides how a failure is taken.
#[test]
fn a_call_that_panics_or_never_ends_is_in_doubt_and_a_transaction_of_our_own_is_not() {
    for (remote, does, failure) in [
        (true, Does::Panic, AttemptFailure::Unknown),
        (true, Does::Nothing, AttemptFailure::Unknown),
        (false, Does::Panic, AttemptFailure::Transient),
        (false, Does::Nothing, AttemptFailure::Transient),
    ] {
        on_each_store(async |world| {
            let part = if remote { Part::remote(move |_| does) } else { Part::local(move |_| does) };
            let retry = RetryPolicy::default().attempt_limit(SECOND).base(HOUR).cap(HOUR);
            let definition = SagaBuilder::new("trip", 1).pivot("pay", part).step_retry(retry).build().unwrap();
            let saga = world.sagas(definition).start("trip", "t-1", &1_u32).await.unwrap().saga;
            world.pass(SECOND * 5).await;
            let log = world.ports.store.saga_log(saga, 0, 9).await.unwrap();
            let last = Record::decode(&log.last().expect("it was started").record).unwrap();
            assert!(matches!(last, Record::Retry { failure: found, .. } if found == failure), "{last:?}");
        });
    }
}

/// Else the one that hangs would have its store, and whoever waits for the saga, believe that it goes on.
#[test]
fn a_saga_that_a_step_makes_stuck_lets_go_of_the_call_beside_it_at_once() {
    on_each_store(async |world| {
        let definition = SagaBuilder::new("trip", 1).parallel(|group| {
            let group = group.compensatable("hotel", Part::remote(|_| Does::Nothing), Part::well());
            group.compensatable("odd", Condition(true), Part::well())
        });
        let heard = Warnings::listen();
        let orchestrator = orchestrator(&world.ports, definition.build().unwrap(), OrchestratorConfig::default());
        let started = start(world, &orchestrator, "t-1").await;
        let driven = tokio::time::timeout(SECOND, orchestrator.drive_started(started)).await;
        assert_eq!(driven, Ok(DriveOutcome::Stuck));
        let said = heard.lines().iter().filter(|line| line.contains("stuck and waits for an operator")).count();
        assert_eq!(said, 1, "{:?}", heard.lines());
    });
}

/// Its process hears of it at the saga's next entry, which is that of a step beside it, and waits for no other.
#[test]
fn a_signal_is_received_as_soon_as_it_is_heard_of_while_a_call_beside_it_is_under_way() {
    on_each_store(async |world| {
        let definition = SagaBuilder::new("trip", 1).parallel(|group| {
            let group = group.compensatable("visa", Wait::signal("visa"), Part::well());
            let group = group.compensatable("car", Part::remote(|_| Does::Take(2_000)), Part::well());
            group.compensatable("hotel", Part::remote(|_| Does::Take(8_000)), Part::well())
        });
        let orchestrator = world.sagas(definition.build().unwrap());
        let saga = orchestrator.start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(SECOND).await;
        orchestrator.signal(saga, &Signal::new("visa", "v-1")).await.unwrap();
        world.pass(SECOND * 3).await;
        let log = world.log_of(saga).await;
        assert!(log.iter().any(|entry| entry == "received visa"), "{log:?}");
    });
}

/// A limit is the store's to judge, whatever the clock of a process does.
#[test]
fn a_wait_is_not_over_because_the_clock_of_its_process_has_jumped() {
    in_virtual_time(async {
        let (own, stores) = (Arc::new(VirtualClock::new()), Arc::new(VirtualClock::new()));
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new(stores));
        let world = World::on(Kind::Memory, store, own);
        let definition = SagaBuilder::new("trip", 1).parallel(|group| {
            let wait = Wait::signal("visa").or_else(HOUR, Value::NULL);
            let group = group.compensatable("visa", wait, Part::well());
            group.compensatable("hotel", Part::remote(|_| Does::Take(20_000)), Part::well())
        });
        let saga = world.sagas(definition.build().unwrap()).start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(SECOND * 5).await;
        world.clock.set_ahead(HOUR * 2);
        world.pass(SECOND * 60).await;
        let log = world.log_of(saga).await;
        assert!(log.iter().any(|entry| entry == "done hotel"), "{log:?}");
        assert!(!log.iter().any(|entry| entry == "done visa"), "{log:?}");
        world.pass(HOUR).await;
        assert_eq!(world.status_of(saga).await, SagaStatus::Completed);
    });
}

/// A step that does not apply is written with the next entry; the one of somebody else is in its way.
#[test]
fn what_is_yet_to_be_written_goes_on_behind_an_operators_entry() {
    on_each_store(async |world| {
        let definition = SagaBuilder::new("trip", 1)
            .compensatable("lounge", Condition(false), Part::well())
            .compensatable("hotel", Part::remote(|_| Does::Well), Part::well());
        let orchestrator = orchestrator(&world.ports, definition.build().unwrap(), OrchestratorConfig::default());
        let started = start(world, &orchestrator, "t-1").await;
        let saga = started.saga;
        saga::ask(&*world.ports.store, saga, &SagaRequest::new(Verb::RetryNow, "ops")).await.unwrap();
        let driven = tokio::time::timeout(SECOND * 60, orchestrator.drive_started(started)).await;
        assert!(driven.is_ok(), "it reads the log for ever");
        world.pass(SECOND * 20).await;
        let _ = orchestrator.drive(saga).await;
        let log = world.log_of(saga).await;
        assert_eq!(world.status_of(saga).await, SagaStatus::Completed, "{log:?}");
        assert_eq!(log.iter().filter(|entry| *entry == "skipped lounge").count(), 1, "{log:?}");
    });
}

/// One after the other: each goes on in between, so none has been interrupted twice in a row.
#[test]
fn interruptions_count_in_a_row_for_each_saga() {
    on_each_store(async |world| {
        let fails = Arc::new(Mutex::new(false));
        let failing = fails.clone();
        let (_, ports) = Calls::before(&world.ports, move |operation, _| match operation {
            Operation::SagaLog if *failing.lock().unwrap() => Fate::Fails(FailureKind::Unavailable),
            _ => Fate::Well,
        });
        let config = OrchestratorConfig::default().store_failures_max(0).interruptions_max(2);
        let hasty = RetryPolicy::default().base(SECOND * 5).cap(SECOND * 5);
        let definition = SagaBuilder::new("trip", 1).pivot("pay", Part::local(|_| Does::Fail)).step_retry(hasty);
        let orchestrator = orchestrator(&ports, definition.build().unwrap(), config);
        let keys = ["t-1", "t-2"];
        let drive = async |key: &str| {
            let outcome = orchestrator.drive(saga_id("trip", key)).await.unwrap();
            world.pass(SECOND * 20).await;
            outcome
        };
        for key in keys {
            drop(start(world, &orchestrator, key).await);
        }
        world.pass(SECOND * 20).await;
        for round in 0..4 {
            *fails.lock().unwrap() = true;
            for key in keys {
                assert_eq!(drive(key).await, DriveOutcome::Interrupted, "{key} in round {round}");
            }
            *fails.lock().unwrap() = false;
            for key in keys {
                assert_eq!(drive(key).await, DriveOutcome::Sleeping, "{key} in round {round}");
            }
        }
        *fails.lock().unwrap() = true;
        assert_eq!((drive("t-1").await, drive("t-1").await), (DriveOutcome::Interrupted, DriveOutcome::Stuck));
    });
}

/// A log is allowed as many entries as the setting says, and is condensed no earlier: each summary costs as much as there are
/// steps.
#[test]
fn a_log_is_condensed_once_it_is_as_long_as_it_may_be() {
    on_each_store(async |world| {
        let sizes = Arc::new(Mutex::new(Vec::new()));
        let hasty = RetryPolicy::default().base(SECOND).cap(SECOND);
        let definition = SagaBuilder::new("trip", 1).retriable("pay", Part::local(|_| Does::Fail)).step_retry(hasty);
        let config = OrchestratorConfig::default().log_entries_max(4).wait_in_memory(SECOND * 2);
        let saga =
            world.sagas_with(definition.build().unwrap(), config).start("trip", "t-1", &1_u32).await.unwrap().saga;
        for _ in 0..400 {
            world.pass(SECOND / 20).await;
            let size = world.log_of(saga).await.len();
            let mut sizes = sizes.lock().unwrap();
            if sizes.last() != Some(&size) {
                sizes.push(size);
            }
        }
        let sizes = sizes.lock().unwrap().clone();
        assert_eq!(sizes[..10], [2, 3, 4, 2, 3, 4, 2, 3, 4, 2], "a summary and the entry beside it begin it anew");
    });
}

/// It has not come to rest, and its store has lost what it was.
#[test]
fn a_log_that_is_gone_is_told_as_purged_only_where_the_saga_has_ended() {
    on(Kind::Sqlite, async |world| {
        let delete = async |saga: SagaId, which: &str| {
            let mut tx = world.ports.store.begin().await.unwrap();
            let sql = connection::<rusqlite::Connection>(&mut *tx).await.unwrap();
            let statement = format!(
                "DELETE FROM seaworthy_saga_log WHERE saga = (SELECT number FROM seaworthy_sagas WHERE id = '{saga}') {which}"
            );
            assert!(sql.execute(&statement, []).unwrap() > 0);
            tx.commit().await.unwrap();
        };
        let definition = SagaBuilder::new("trip", 1).pivot("pay", Part::remote(|_| Does::Nothing));
        let orchestrator = world.sagas(definition.build().unwrap());
        let saga = orchestrator.start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(SECOND).await;
        delete(saga, "").await;
        let told = orchestrator.state(saga).await.unwrap_err();
        assert!(
            matches!(&told, SagaError::Incompatible { reason, .. } if reason.contains("its log ends at entry 0")),
            "{told}"
        );
        let other = orchestrator.start("trip", "t-2", &1_u32).await.unwrap().saga;
        world.pass(SECOND).await;
        orchestrator.abandon(other, "enough").await.unwrap();
        delete(other, "AND sequence = (SELECT max(sequence) FROM seaworthy_saga_log)").await;
        let told = orchestrator.state(other).await.unwrap_err();
        assert!(matches!(&told, SagaError::Incompatible { .. }), "the beginning of it is still there: {told}");
        delete(other, "").await;
        let told = orchestrator.state(other).await.unwrap_err();
        assert_eq!(told, SagaError::Purged { saga: other, status: SagaStatus::Abandoned });
    });
}

/// Each try waits longer than the one before: 0, 10, 20, 40 ms. The saga turns at the thirtieth.
#[test]
fn no_try_begins_after_the_deadline_in_the_midst_of_conflicts_either() {
    on_each_store(async |world| {
        let (_, ports) = Calls::before(&world.ports, |_, _| Fate::Well);
        let seat = Part::local(|_| Does::Conflict);
        let definition = SagaBuilder::new("trip", 1).compensatable("seat", seat.clone(), Part::well());
        let definition = definition.deadline(Duration::from_millis(25)).build().unwrap();
        let orchestrator = orchestrator(&ports, definition, OrchestratorConfig::default());
        let started = start(world, &orchestrator, "t-1").await;
        assert_eq!(orchestrator.drive_started(started).await, DriveOutcome::Compensated);
        assert_eq!(seat.attempts(), 3, "at once, at once again, and after ten milliseconds");
    });
}
