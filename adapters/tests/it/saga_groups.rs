//! Wide groups: each step costs what it does itself, however many run beside it.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use seaworthy_core::{
    ports::External,
    saga::{
        Action, DriveOutcome, NothingToUndo, Orchestrator, OrchestratorConfig, Registry, SagaBuilder, StepCall,
        StepError, Value,
    },
};

use crate::support::on_each_store;

/// A participant that answers the steps one after the other, and counts how often a call of it was polled.
struct OneByOne(Arc<AtomicUsize>);

#[async_trait]
impl Action<u32> for OneByOne {
    fn is_remote(&self) -> bool {
        true
    }

    async fn ask(&self, call: &StepCall<'_, u32>, _: &dyn External) -> Result<Value, StepError> {
        let number: u64 = call.step.trim_start_matches("step-").parse().expect("the steps are numbered");
        let mut answer = pin!(tokio::time::sleep(Duration::from_millis(10 * number)));
        poll_fn(|cx| {
            self.0.fetch_add(1, Ordering::Relaxed);
            answer.as_mut().poll(cx)
        })
        .await;
        Ok(Value::NULL)
    }
}

/// With a wake-up of each sibling at each entry it is ten thousand polls.
#[test]
fn a_step_of_a_group_is_woken_by_its_own_answer_and_not_by_each_entry_of_its_siblings() {
    const STEPS: usize = 100;
    on_each_store(async |world| {
        let polls = Arc::new(AtomicUsize::new(0));
        let definition = SagaBuilder::new("wide", 1)
            .parallel(|group| {
                let one = || OneByOne(polls.clone());
                (0..STEPS).fold(group, |group, step| group.compensatable(&format!("step-{step}"), one(), NothingToUndo))
            })
            .build()
            .expect("the steps are in order");
        let mut registry = Registry::new();
        registry.register(definition).expect("there is one definition");
        let orchestrator = Orchestrator::new(&world.ports, registry, OrchestratorConfig::default());
        let mut tx = world.ports.store.begin().await.expect("up");
        let started = orchestrator.start_in(&mut *tx, "wide", "one", &0_u32).await.expect("the key is new");
        tx.commit().await.expect("up");
        assert_eq!(orchestrator.drive_started(started).await, DriveOutcome::Completed);
        let polls = polls.load(Ordering::Relaxed);
        // Twice for its own answer, once more beside it where the store let others go on, and now and then for its lease.
        assert!((2 * STEPS..=4 * STEPS).contains(&polls), "{polls} polls for {STEPS} answers");
    });
}
