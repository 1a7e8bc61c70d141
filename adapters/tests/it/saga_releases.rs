//! Releases side by side, forward and back: none makes a saga stuck that another one knows.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use seaworthy_core::{
    ids::{OperationId, SagaId},
    ports::{External, SagaAppend, SagaStatus},
    saga::{
        self, Action, Asked, Compensation, Definition, DriveOutcome, Migration, Orchestrator, OrchestratorConfig,
        Record, Registry, RetryPolicy, SagaBuilder, SagaRequest, StepCall, StepError, Value, Verb, saga_id,
    },
    stop::Stop,
};

use crate::support::{
    World, on_each_store,
    saga::{Does, Part},
    warnings::Warnings,
};

const MINUTE: Duration = Duration::from_secs(60);

/// A payment that is down until it is up, and that knows each saga's operations.
#[derive(Clone, Default)]
struct Payment {
    up: Arc<AtomicBool>,
    asked: Arc<Mutex<BTreeMap<SagaId, BTreeSet<OperationId>>>>,
}

#[async_trait]
impl Action<u32> for Payment {
    fn is_remote(&self) -> bool {
        true
    }

    async fn ask(&self, call: &StepCall<'_, u32>, _: &dyn External) -> Result<Value, StepError> {
        let mut asked = self.asked.lock().expect("no call panics");
        asked.entry(call.saga).or_default().insert(call.operation_id());
        if self.up.load(Ordering::SeqCst) { Ok(Value::NULL) } else { Err(StepError::Unknown("down".into())) }
    }
}

impl Payment {
    fn definition(&self, version: u32, name: &str) -> Definition<u32> {
        SagaBuilder::new("trip", version)
            .compensatable("seat", Part::well(), Part::well())
            .pivot(name, self.clone())
            .build()
            .expect("the steps are in order")
    }

    /// Sagas that were asked for under more than one operation.
    fn charged_twice(&self) -> usize {
        self.asked.lock().expect("no call panics").values().filter(|operations| operations.len() > 1).count()
    }
}

fn release(
    world: &World,
    seed: u64,
    definitions: Vec<Definition<u32>>,
    migrations: Vec<Migration>,
) -> (Orchestrator, Stop) {
    release_with(world, seed, definitions, migrations, OrchestratorConfig::default())
}

fn release_with(
    world: &World,
    seed: u64,
    definitions: Vec<Definition<u32>>,
    migrations: Vec<Migration>,
    config: OrchestratorConfig,
) -> (Orchestrator, Stop) {
    let mut registry = Registry::new();
    for definition in definitions {
        registry.register(definition).unwrap();
    }
    for migration in migrations {
        registry.migration(migration).unwrap();
    }
    let ports = world.replica(seed);
    let orchestrator = Orchestrator::new(&ports, registry, config);
    let (recovery, stop) = (orchestrator.clone(), ports.stop.clone());
    ports.spawn("recovery", async move { recovery.run_recovery(&stop).await });
    (orchestrator, ports.stop.clone())
}

async fn statuses(world: &World) -> BTreeMap<SagaStatus, usize> {
    let mut found = BTreeMap::new();
    for number in 0..20 {
        *found.entry(world.status_of(saga_id("trip", &format!("t-{number}"))).await).or_default() += 1;
    }
    found
}

fn only(status: SagaStatus) -> BTreeMap<SagaStatus, usize> {
    BTreeMap::from([(status, 20)])
}

fn rename() -> Migration {
    Migration::new("trip", 1, 2).rename("charge", "authorize")
}

#[test]
fn a_rolling_deployment_with_a_migration_and_its_roll_back_make_no_saga_stuck() {
    on_each_store(async |world| {
        let heard = Warnings::listen();
        let payment = Payment::default();
        let old = || vec![payment.definition(1, "charge")];
        let new = || vec![payment.definition(2, "authorize")];
        let (first, stop_first) = release(world, 1, old(), vec![]);
        for number in 0..20 {
            let _ = first.start("trip", &format!("t-{number}"), &1_u32).await.unwrap();
        }
        world.pass(MINUTE).await;
        // Side by side.
        let (_, stop_new) = release(world, 2, new(), vec![rename()]);
        world.pass(MINUTE * 10).await;
        assert_eq!(statuses(world).await, only(SagaStatus::Running));
        // Rolled back for two days.
        stop_new.set();
        world.pass(MINUTE * 60 * 48).await;
        assert_eq!(statuses(world).await, only(SagaStatus::Running));
        assert!(heard.lines().iter().any(|line| line.contains("nobody takes the saga up")), "an operator hears of it");
        // And forward again.
        let _ = release(world, 3, new(), vec![rename()]);
        stop_first.set();
        payment.up.store(true, Ordering::SeqCst);
        world.pass(MINUTE * 60 * 24).await;
        assert_eq!(statuses(world).await, only(SagaStatus::Completed));
        assert_eq!(payment.charged_twice(), 0);
    });
}

#[test]
fn a_release_that_forgot_a_version_leaves_its_sagas_to_those_who_have_it() {
    on_each_store(async |world| {
        let payment = Payment::default();
        let (old, _) = release(world, 1, vec![payment.definition(1, "charge")], vec![]);
        for number in 0..20 {
            let _ = old.start("trip", &format!("t-{number}"), &1_u32).await.unwrap();
        }
        let _ = release(world, 2, vec![payment.definition(2, "authorize")], vec![]);
        // The structure of version 1 is another here.
        let _ = release(world, 3, vec![payment.definition(1, "pay")], vec![]);
        world.pass(MINUTE * 30).await;
        assert_eq!(statuses(world).await, only(SagaStatus::Running));
        payment.up.store(true, Ordering::SeqCst);
        world.pass(MINUTE * 30).await;
        assert_eq!(statuses(world).await, only(SagaStatus::Completed));
    });
}

/// When it is left first, and from an hour on each time that it is looked at.
#[test]
fn a_saga_that_nobody_knows_is_said_at_first_and_again_once_nobody_has_taken_it_up_for_long() {
    on_each_store(async |world| {
        let (_, stop) = {
            let (old, stop) = release(world, 1, vec![Payment::default().definition(2, "charge")], vec![]);
            let _ = old.start("trip", "t-1", &1_u32).await.unwrap();
            (old, stop)
        };
        world.pass(MINUTE).await;
        stop.set();
        world.pass(MINUTE).await;
        let heard = Warnings::listen();
        let _ = release(world, 2, vec![Payment::default().definition(1, "charge")], vec![]);
        let said = |text: &str| heard.lines().iter().filter(|line| line.contains(text)).count();
        world.pass(MINUTE * 50).await;
        assert_eq!((said("is left to those who know"), said("nobody takes the saga up")), (1, 0));
        world.pass(MINUTE * 60).await;
        assert_eq!(said("is left to those who know"), 1);
        assert!((1..20).contains(&said("nobody takes the saga up")), "{:#?}", heard.lines());
    });
}

#[test]
fn a_participant_knows_a_step_by_its_first_name_however_often_it_is_renamed() {
    on_each_store(async |world| {
        let payment = Payment::default();
        let chain = [
            (payment.definition(1, "charge"), vec![]),
            (payment.definition(2, "authorize"), vec![rename()]),
            (payment.definition(3, "pay"), vec![Migration::new("trip", 2, 3).rename("authorize", "pay")]),
        ];
        let mut saga = None;
        for (seed, (definition, migrations)) in (1..).zip(chain) {
            let (orchestrator, stop) = release(world, seed, vec![definition], migrations);
            if saga.is_none() {
                saga = Some(orchestrator.start("trip", "t-1", &1_u32).await.unwrap().saga);
            }
            world.pass(MINUTE * 5).await;
            stop.set();
            world.pass(MINUTE).await;
        }
        payment.up.store(true, Ordering::SeqCst);
        let last = Migration::new("trip", 3, 4).rename("pay", "settle");
        let (orchestrator, _) = release(world, 9, vec![payment.definition(4, "settle")], vec![last]);
        world.pass(MINUTE * 5).await;
        let saga = saga.expect("it was started");
        assert_eq!(world.status_of(saga).await, SagaStatus::Completed, "{:?}", world.log_of(saga).await);
        assert_eq!(payment.charged_twice(), 0);
        let passages = world.log_of(saga).await.iter().filter(|entry| *entry == "migrated").count();
        assert_eq!(passages, 3);
        assert!(orchestrator.state(saga).await.unwrap().output("settle").is_some());
    });
}

/// A participant that is asked for a step, or to undo one, and remembers under which operation the step was carried out.
#[derive(Clone, Default)]
struct Desk {
    booked: Arc<Mutex<BTreeSet<OperationId>>>,
    undone: Arc<Mutex<BTreeSet<OperationId>>>,
}

#[async_trait]
impl Action<u32> for Desk {
    fn is_remote(&self) -> bool {
        true
    }

    async fn ask(&self, call: &StepCall<'_, u32>, _: &dyn External) -> Result<Value, StepError> {
        self.booked.lock().expect("no call panics").insert(call.operation_id());
        Ok(Value::NULL)
    }
}

#[async_trait]
impl Compensation<u32> for Desk {
    fn is_remote(&self) -> bool {
        true
    }

    async fn ask(&self, call: &StepCall<'_, u32>, _: &dyn External) -> Result<Value, StepError> {
        self.undone.lock().expect("no call panics").insert(call.action_id());
        Ok(Value::NULL)
    }
}

/// Names move on, and one takes the place of another: the first names stay with their steps, also where the log was condensed
/// in between.
#[test]
fn first_names_outlast_renames_of_other_steps_and_a_name_that_is_given_again() {
    for log_entries_max in [256, 1] {
        on_each_store(async |world| {
            let (desk, payment) = (Desk::default(), Payment::default());
            let definition = |version, seat: &str, pay: &str| {
                let saga = SagaBuilder::new("trip", version).compensatable(seat, desk.clone(), desk.clone());
                vec![saga.compensatable(pay, payment.clone(), Part::well()).build().expect("two steps")]
            };
            let chain = [
                (definition(1, "seat", "charge"), vec![]),
                (definition(2, "place", "charge"), vec![Migration::new("trip", 1, 2).rename("seat", "place")]),
                (definition(3, "chair", "charge"), vec![Migration::new("trip", 2, 3).rename("place", "chair")]),
                (definition(4, "chair", "place"), vec![Migration::new("trip", 3, 4).rename("charge", "place")]),
            ];
            let config = OrchestratorConfig::default().log_entries_max(log_entries_max);
            let mut last = None;
            for (seed, (definitions, migrations)) in (1..).zip(chain) {
                let (orchestrator, stop) = release_with(world, seed, definitions, migrations, config.clone());
                if seed == 1 {
                    let _ = orchestrator.start("trip", "t-1", &1_u32).await.unwrap();
                }
                world.pass(MINUTE * 5).await;
                if seed < 4 {
                    stop.set();
                    world.pass(MINUTE).await;
                }
                last = Some(orchestrator);
            }
            assert_eq!(payment.charged_twice(), 0);
            let (saga, orchestrator) = (saga_id("trip", "t-1"), last.expect("four releases"));
            orchestrator.cancel(saga).await.unwrap();
            world.pass(MINUTE * 5).await;
            assert_eq!(world.status_of(saga).await, SagaStatus::Compensated, "{:?}", world.log_of(saga).await);
            let (booked, undone) = (desk.booked.lock().unwrap().clone(), desk.undone.lock().unwrap().clone());
            assert_eq!((booked.len(), undone), (1, booked.clone()));
        });
    }
}

/// Asked for by the log alone, while nobody has the saga: by the name that the step has for whoever asks.
#[test]
fn a_request_for_a_step_is_about_that_step_whatever_it_is_called_once_it_is_answered() {
    for verb in [
        Verb::Skip { step: "charge".into() },
        Verb::Settle { step: "charge".into(), output: Value::NULL },
        Verb::SettleNotDone { step: "charge".into() },
    ] {
        on_each_store(async |world| {
            let payment = Payment::default();
            let (old, stop) = release(world, 1, vec![payment.definition(1, "charge")], vec![]);
            let saga = old.start("trip", "t-1", &1_u32).await.unwrap().saga;
            world.pass(MINUTE).await;
            stop.set();
            world.pass(MINUTE).await;
            let request = SagaRequest::new(verb.clone(), "ops");
            assert_eq!(saga::ask(&*world.ports.store, saga, &request).await, Ok(Asked::Written));
            let _ = release(world, 2, vec![payment.definition(2, "authorize")], vec![rename()]);
            world.pass(MINUTE).await;
            let log = world.log_of(saga).await;
            assert!(log.iter().any(|entry| entry == "granted"), "{verb}: {log:?}");
            let ended = matches!(verb, Verb::SettleNotDone { .. });
            let expected = if ended { SagaStatus::Running } else { SagaStatus::Completed };
            assert_eq!(world.status_of(saga).await, expected, "{verb}");
        });
    }
}

/// A verb of a new release is the first that the log hears of it, and the second is not.
#[test]
fn a_verb_of_a_new_release_takes_the_saga_to_its_version_once() {
    on_each_store(async |world| {
        let payment = Payment::default();
        let (old, stop) = release(world, 1, vec![payment.definition(1, "charge")], vec![]);
        let saga = old.start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(MINUTE).await;
        stop.set();
        world.pass(MINUTE).await;
        let mut registry = Registry::new();
        registry.register(payment.definition(2, "authorize")).unwrap();
        registry.migration(rename()).unwrap();
        let tool = Orchestrator::new(&world.replica(5), registry, OrchestratorConfig::default());
        tool.settle_not_done(saga, "authorize", "the bank knows nothing").await.unwrap();
        tool.cancel(saga).await.unwrap();
        let log = world.log_of(saga).await;
        let places: Vec<_> = (0..log.len()).filter(|place| log[*place] == "migrated").collect();
        let settled = log.iter().position(|entry| entry == "settled authorize").expect("by its new name");
        assert_eq!(places, [settled - 1], "{log:?}");
    });
}

/// What an operator reads of why nobody takes a saga up here.
#[test]
fn a_version_that_is_not_registered_is_told_as_newer_or_as_missing() {
    for (started, registered, reason) in [
        (2, 1, "`trip` version 2 is newer than 1, the newest that is registered here"),
        (1, 2, "`trip` version 1 is not registered: register it, or declare its migration"),
    ] {
        on_each_store(async |world| {
            let (old, stop) = release(world, 1, vec![Payment::default().definition(started, "charge")], vec![]);
            let saga = old.start("trip", "t-1", &1_u32).await.unwrap().saga;
            world.pass(MINUTE).await;
            stop.set();
            world.pass(MINUTE).await;
            let heard = Warnings::listen();
            let (other, _) = release(world, 2, vec![Payment::default().definition(registered, "charge")], vec![]);
            let told = other.state(saga).await.unwrap_err().to_string();
            assert!(told.contains(reason), "{told}");
            world.pass(MINUTE).await;
            assert!(heard.lines().iter().any(|line| line.contains(reason)), "{:?}", heard.lines());
        });
    }
}

/// It waits for an operator, of whom nobody is relieved by a note that it was left.
#[test]
fn a_stuck_saga_that_nobody_here_knows_stays_as_it_is() {
    on_each_store(async |world| {
        let once = RetryPolicy::default().attempts_max(Some(1));
        let stuck = SagaBuilder::new("trip", 1).pivot("charge", Part::local(|_| Does::Fail)).step_retry(once);
        let (old, stop) = release(world, 1, vec![stuck.build().unwrap()], vec![]);
        let saga = old.start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(MINUTE).await;
        stop.set();
        world.pass(MINUTE).await;
        let log = world.log_of(saga).await;
        let (other, _) = release(world, 2, vec![Payment::default().definition(7, "charge")], vec![]);
        assert_eq!(other.drive(saga).await, Ok(DriveOutcome::Stuck));
        world.pass(MINUTE).await;
        assert_eq!((world.status_of(saga).await, world.log_of(saga).await), (SagaStatus::Stuck, log));
    });
}

#[test]
fn a_record_that_only_a_newer_release_knows_is_left_to_it() {
    on_each_store(async |world| {
        let payment = Payment::default();
        let (orchestrator, stop) = release(world, 1, vec![payment.definition(1, "charge")], vec![]);
        let saga = orchestrator.start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(MINUTE).await;
        stop.set();
        world.pass(MINUTE).await;
        let instance = world.ports.store.saga(saga).await.unwrap().unwrap();
        let mut tx = world.ports.store.begin().await.unwrap();
        tx.saga_append(&SagaAppend {
            saga,
            epoch: instance.epoch,
            expected_length: instance.log_length,
            records: vec![r#"{"applauded":{"step":"charge"}}"#.into()],
            status: SagaStatus::Running,
            lease: Duration::ZERO,
            sleep: Duration::ZERO,
            definition: None,
            forgets: false,
            keys: Vec::new(),
            outcome: None,
        })
        .await
        .unwrap();
        tx.commit().await.unwrap();
        let _ = release(world, 2, vec![payment.definition(1, "charge")], vec![]);
        world.pass(MINUTE * 60 * 24).await;
        let instance = world.ports.store.saga(saga).await.unwrap().unwrap();
        assert_eq!(instance.status, SagaStatus::Running);
        let entries = world.ports.store.saga_log(saga, 0, 1_000).await.unwrap();
        assert!(matches!(Record::decode(&entries.last().unwrap().record), Ok(Record::LeftToNewer { .. })));
        assert!(instance.epoch < 100, "{} takeovers in a day", instance.epoch);
    });
}

#[test]
fn two_old_names_of_one_step_say_which_was_the_first() {
    let payment = Payment::default();
    let registry = |migration| {
        let mut registry = Registry::new();
        registry.register(payment.definition(3, "pay")).unwrap();
        registry.migration(migration).map(drop)
    };
    let base = || Migration::new("trip", 1, 3).rename("charge", "pay");
    let refused = registry(base().rename("authorize", "pay")).unwrap_err();
    assert!(refused.to_string().contains("declare `authorize` with `renamed_meanwhile`"), "{refused}");
    registry(base().renamed_meanwhile("authorize", "pay")).unwrap();
    registry(Migration::new("trip", 1, 3).renamed_meanwhile("authorize", "pay").rename("charge", "pay")).unwrap();
}
