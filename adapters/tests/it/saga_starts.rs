//! A saga that somebody else's transaction starts begins right after the commit, without a poll.

use std::time::Duration;

use async_trait::async_trait;
use seaworthy_core::{
    ports::{PurgeRequest, SagaStatus, Transaction},
    saga::{
        Action, Orchestrator, OrchestratorConfig, Registry, SagaBuilder, SagaError, StepCall, StepError, Value, saga_id,
    },
};

use crate::support::{messages, on_each_store, saga::Part};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_saga_that_is_started_in_a_transaction_begins_once_that_has_committed() {
    on_each_store(async |world| {
        let pay = Part::well();
        let orchestrator = world.sagas(SagaBuilder::new("trip", 1).pivot("pay", pay.clone()).build().unwrap());
        world.pass(Duration::from_secs(60)).await;

        let mut tx = world.ports.store.begin().await.unwrap();
        drop(orchestrator.start_in(&mut *tx, "trip", "dropped", &1_u32).await.unwrap());
        drop(tx);
        let mut tx = world.ports.store.begin().await.unwrap();
        drop(orchestrator.start_in(&mut *tx, "trip", "t-1", &1_u32).await.unwrap());
        world.pass(Duration::from_millis(10)).await;
        assert_eq!(pay.attempts(), 0, "nothing begins before the commit");
        tx.commit().await.unwrap();
        world.pass(Duration::from_millis(10)).await;
        assert_eq!(world.status_of(saga_id("trip", "t-1")).await, SagaStatus::Completed);

        // Whoever holds what was started launches it, once.
        let mut tx = world.ports.store.begin().await.unwrap();
        let started = orchestrator.start_in(&mut *tx, "trip", "t-2", &1_u32).await.unwrap();
        tx.commit().await.unwrap();
        orchestrator.launch(&started);
        orchestrator.launch(&started);
        drop(started);
        world.pass(Duration::from_millis(10)).await;
        assert_eq!(pay.attempts(), 2);
    });
}

/// A step that starts another saga.
struct Next(Orchestrator);

#[async_trait]
impl Action<u32> for Next {
    async fn apply(&self, tx: &mut dyn Transaction, call: &StepCall<'_, u32>, _: Value) -> Result<Value, StepError> {
        self.0
            .start_in(tx, "trip", call.key, call.data)
            .await
            .map_err(|error| StepError::Unavailable(error.to_string().into()))?;
        Ok(Value::NULL)
    }
}

#[test]
fn a_saga_that_a_step_starts_begins_at_once() {
    on_each_store(async |world| {
        let trips = world.sagas(SagaBuilder::new("trip", 1).pivot("pay", Part::well()).build().unwrap());
        let mut registry = Registry::new();
        registry.register(SagaBuilder::new("tour", 1).pivot("next", Next(trips)).build().unwrap()).unwrap();
        let tours = Orchestrator::new(&world.ports, registry, OrchestratorConfig::default());
        world.pass(Duration::from_secs(60)).await;
        let _ = tours.start("tour", "t-1", &1_u32).await.unwrap();
        world.pass(Duration::from_millis(10)).await;
        assert_eq!(world.status_of(saga_id("trip", "t-1")).await, SagaStatus::Completed);
    });
}

#[test]
fn another_input_under_a_key_that_is_taken_is_an_error_that_names_both() {
    on_each_store(async |world| {
        let orchestrator = world.sagas(SagaBuilder::new("trip", 1).pivot("pay", Part::well()).build().unwrap());
        let saga = orchestrator.start("trip", "t-1", &17_u32).await.unwrap().saga;
        let check = async || {
            let again = orchestrator.start("trip", "t-1", &17_u32).await.unwrap();
            assert_eq!((again.saga, again.created), (saga, false));
            let told = orchestrator.start("trip", "t-1", &18_u32).await.unwrap_err();
            for named in ["`t-1`", "`trip`", "17", "18"] {
                assert!(told.to_string().contains(named), "{told}");
            }
            let mut tx = world.ports.store.begin().await.unwrap();
            let told_in = orchestrator.start_in(&mut *tx, "trip", "t-1", &18_u32).await.unwrap_err();
            let message = messages::message("trips", 1);
            let told_for = orchestrator.start_for(&mut *tx, "trip", "t-1", &18_u32, &message).await.unwrap_err();
            assert!([&told_in, &told_for].iter().all(|other| **other == told), "{told_in}, {told_for}");
            assert!(!orchestrator.start_in(&mut *tx, "trip", "t-1", &17_u32).await.unwrap().created);
            // It did the transaction no harm.
            assert!(orchestrator.start_in(&mut *tx, "trip", "t-2", &18_u32).await.unwrap().created);
            let told = orchestrator.start_in(&mut *tx, "trip", "t-2", &17_u32).await.unwrap_err();
            assert!(matches!(told, SagaError::OtherInput { .. }), "of its own transaction, too: {told}");
        };
        check().await;
        world.pass(SECOND).await;
        check().await;
        let all = PurgeRequest { older_than: Duration::ZERO, limit: 10 };
        assert_eq!(world.ports.store.purge_saga_logs(&all).await, Ok(1));
        check().await;
    });
}

/// The input of `booking`, as an earlier release had it and as today's has it.
#[derive(serde::Serialize, serde::Deserialize)]
struct Before {
    rooms: u32,
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Today {
    #[serde(default)]
    breakfast: bool,
    rooms: u32,
}

struct Noted;

impl<D: Sync> Action<D> for Noted {}

#[test]
fn an_input_that_an_earlier_release_wrote_is_compared_as_it_is_read_today() {
    on_each_store(async |world| {
        let process = |registry| Orchestrator::new(&world.ports, registry, OrchestratorConfig::default());
        let mut registry = Registry::new();
        registry.register(SagaBuilder::<Before>::new("booking", 1).pivot("pay", Noted).build().unwrap()).unwrap();
        process(registry).start("booking", "b-1", &Before { rooms: 2 }).await.unwrap();
        let mut registry = Registry::new();
        registry.register(SagaBuilder::<Today>::new("booking", 1).pivot("pay", Noted).build().unwrap()).unwrap();
        let today = process(registry);
        let same = today.start("booking", "b-1", &Today { rooms: 2, breakfast: false }).await.unwrap();
        assert!(!same.created);
        let other = today.start("booking", "b-1", &Today { rooms: 2, breakfast: true }).await.unwrap_err();
        assert!(matches!(other, SagaError::OtherInput { .. }), "{other}");
    });
}
