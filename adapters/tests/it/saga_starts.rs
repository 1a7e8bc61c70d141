//! A saga that somebody else's transaction starts begins right after the commit, without a poll.

use std::time::Duration;

use async_trait::async_trait;
use seaworthy_core::{
    ports::{SagaStatus, Transaction},
    saga::{Action, Orchestrator, OrchestratorConfig, Registry, SagaBuilder, StepCall, StepError, Value, saga_id},
};

use crate::support::{on_each_store, saga::Part};

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
