//! Releases side by side, forward and back: none makes a saga stuck that another one knows.

mod names;
mod unknown;

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
    ports::{External, SagaStatus},
    saga::{
        Action, Definition, Migration, Orchestrator, OrchestratorConfig, Registry, SagaBuilder, StepCall, StepError,
        Value, saga_id,
    },
    stop::Stop,
};

use crate::support::{World, on_each_store, saga::Part, warnings::Warnings};

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
