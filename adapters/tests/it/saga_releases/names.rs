//! Names of steps over migrations: participants know a step by its first one.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, atomic::Ordering},
};

use async_trait::async_trait;
use seaworthy_core::{
    ids::OperationId,
    ports::{External, SagaStatus},
    saga::{
        self, Action, Asked, Compensation, Migration, OrchestratorConfig, Registry, SagaBuilder, SagaRequest, StepCall,
        StepError, Value, Verb, saga_id,
    },
};

use crate::support::{on_each_store, saga::Part};

use super::{MINUTE, Payment, release, release_with, rename};

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
struct Participant {
    booked: Arc<Mutex<BTreeSet<OperationId>>>,
    undone: Arc<Mutex<BTreeSet<OperationId>>>,
}

#[async_trait]
impl Action<u32> for Participant {
    fn is_remote(&self) -> bool {
        true
    }

    async fn ask(&self, call: &StepCall<'_, u32>, _: &dyn External) -> Result<Value, StepError> {
        self.booked.lock().expect("no call panics").insert(call.operation_id());
        Ok(Value::NULL)
    }
}

#[async_trait]
impl Compensation<u32> for Participant {
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
            let (desk, payment) = (Participant::default(), Payment::default());
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
