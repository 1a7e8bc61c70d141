//! A saga by the builder and the same saga as an array of steps: what runs is the same.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use seaworthy_core::{
    ports::{SagaStatus, Transaction},
    saga::{
        Action, Compensation, Definition, DefinitionPolicy, Outputs, Phase, SagaBuilder, SagaOutcome, StepCall,
        StepError, StepSpec, Value,
    },
};

use crate::support::{World, on_each_store};

/// A step that says what it does, and is refused if it is the one of which the input says so.
#[derive(Clone)]
struct Says(Arc<Mutex<Vec<String>>>);

impl Says {
    fn said(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().expect("no step panics"))
    }
}

#[async_trait]
impl Action<u32> for Says {
    async fn apply(&self, _: &mut dyn Transaction, call: &StepCall<'_, u32>, _: Value) -> Result<Value, StepError> {
        self.0.lock().expect("no step panics").push(format!("do {}", call.step));
        match STEPS.iter().position(|step| step == call.step) == Some(*call.data as usize) {
            true => Err(StepError::Refused("declined".into())),
            false => Value::new(&call.step.len()),
        }
    }
}

#[async_trait]
impl Compensation<u32> for Says {
    async fn apply(&self, _: &mut dyn Transaction, call: &StepCall<'_, u32>, _: Value) -> Result<(), StepError> {
        self.0.lock().expect("no step panics").push(format!("undo {}", call.step));
        Ok(())
    }
}

/// Three that can be undone and a final one that can't.
const STEPS: [&str; 4] = ["reserve", "charge", "label", "confirm"];

fn result(outputs: Outputs<'_>) -> Result<usize, StepError> {
    let mut sum = 0;
    for step in STEPS {
        sum += outputs.output::<usize>(step)?.unwrap_or_default();
    }
    Ok(sum)
}

fn built(says: &Says) -> Definition<u32> {
    SagaBuilder::<u32>::new("order", 1)
        .compensatable("reserve", says.clone(), says.clone())
        .compensatable("charge", says.clone(), says.clone())
        .compensatable("label", says.clone(), says.clone())
        .pivot("confirm", says.clone())
        .result::<usize>(result)
        .build()
        .expect("the steps are in order")
}

fn listed(says: &Says) -> Definition<u32> {
    let undone = |step: &str| (step != "confirm").then(|| Arc::new(says.clone()) as Arc<dyn Compensation<u32>>);
    let specs = STEPS.map(|step| StepSpec::<u32> {
        name: step.into(),
        phase: if step == "confirm" { Phase::Pivot } else { Phase::Compensatable },
        parallel: None,
        action: Arc::new(says.clone()),
        compensation: undone(step),
        retry: None,
        compensation_retry: None,
        deadline: None,
    });
    let listed = Definition::from_specs("order", 1, DefinitionPolicy::default(), specs.into());
    listed.expect("the steps are in order").result(result)
}

/// Starts a saga whose step of this number is refused, or none; returns what its steps said, and how it ended.
async fn run(
    world: &World,
    form: fn(&Says) -> Definition<u32>,
    refused: u32,
) -> (Vec<String>, SagaStatus, Option<usize>) {
    let says = Says(Arc::default());
    let definition = form(&says);
    assert_eq!(says.said(), [""; 0], "a definition runs nothing");
    let orchestrator = world.sagas(definition);
    world.pass(Duration::from_secs(5)).await;
    assert_eq!(says.said(), [""; 0], "nor does a process that knows it");
    let started = orchestrator.start("order", &format!("order-{refused}"), &refused).await.expect("a store that is up");
    world.pass(Duration::from_secs(5)).await;
    let handle = orchestrator.handle(started.saga);
    let result = match handle.outcome().await.expect("a store that is up") {
        SagaOutcome::Completed { result, .. } => Some(result.decode().expect("a number")),
        _ => None,
    };
    (says.said(), world.status_of(started.saga).await, result)
}

fn expected(refused: usize) -> (Vec<String>, SagaStatus, Option<usize>) {
    let done = STEPS.iter().take(refused + 1).map(|step| format!("do {step}"));
    if refused >= STEPS.len() {
        return (done.collect(), SagaStatus::Completed, Some(STEPS.concat().len()));
    }
    let undone = STEPS[..refused].iter().rev().map(|step| format!("undo {step}"));
    (done.chain(undone).collect(), SagaStatus::Compensated, None)
}

#[test]
fn seed_50_a_saga_by_the_builder_returns_its_result_or_undoes_what_it_did_in_reverse() {
    for refused in 0..=STEPS.len() {
        on_each_store(async |world| {
            assert_eq!(run(world, built, refused as u32).await, expected(refused), "step {refused} is refused");
        });
    }
}

#[test]
fn seed_51_a_saga_as_an_array_of_steps_runs_when_it_is_started_and_undoes_all_but_the_final_step() {
    for refused in 0..=STEPS.len() {
        on_each_store(async |world| {
            assert_eq!(run(world, listed, refused as u32).await, expected(refused), "step {refused} is refused");
        });
    }
}
