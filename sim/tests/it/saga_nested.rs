//! A nested saga runs as its outer saga's own steps: one log, one pivot, one order of compensation.

use crate::saga_support::{
    Harbour,
    gate::Gate,
    simulate,
    steps::{Book, Cancel, Note, Trip, Unnote, effects},
};
use async_trait::async_trait;
use seaworthy_core::{
    ids::SagaId,
    ports::Transaction,
    saga::{
        Action, Compensation, Definition, DriveOutcome, NothingToUndo, Orchestrator, Registry, SagaBuilder, StepCall,
        StepError, Value,
    },
};
use serde::{Deserialize, Serialize};

/// Two trips, each for a saga of its own.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Tour {
    out: Trip,
    back: Trip,
}

struct Plan;
struct Unplan;

#[async_trait]
impl Action<Tour> for Plan {
    async fn apply(&self, tx: &mut dyn Transaction, call: &StepCall<'_, Tour>, _: Value) -> Result<Value, StepError> {
        tx.put("plans", call.step, seaworthy_core::ports::Expected::Absent, "".into()).await?;
        Value::new(&format!("{} planned", call.step))
    }
}

#[async_trait]
impl Compensation<Tour> for Unplan {
    async fn apply(&self, tx: &mut dyn Transaction, call: &StepCall<'_, Tour>, _: Value) -> Result<(), StepError> {
        tx.delete("plans", call.step, seaworthy_core::ports::Expected::Any).await?;
        Ok(())
    }
}

/// Sees what steps of its own saga and of the outer one returned.
struct Look;

#[async_trait]
impl Action<Trip> for Look {
    async fn apply(&self, _: &mut dyn Transaction, call: &StepCall<'_, Trip>, _: Value) -> Result<Value, StepError> {
        Value::new(&(call.output::<String>("seat")?, call.output::<String>("plan")?))
    }
}

fn there() -> Definition<Trip> {
    SagaBuilder::new("there", 1)
        .compensatable("seat", Note, Unnote)
        .compensatable("hotel", Book, Cancel)
        .compensatable("look", Look, NothingToUndo)
        .build()
        .unwrap()
}

fn home() -> Definition<Trip> {
    SagaBuilder::new("home", 1)
        .compensatable("seat", Note, Unnote)
        .compensatable("hotel", Book, Cancel)
        .pivot("pay", Note)
        .retriable("ticket", Note)
        .build()
        .unwrap()
}

fn tour() -> Definition<Tour> {
    SagaBuilder::new("tour", 1)
        .compensatable("plan", Plan, Unplan)
        .nested("out", &there(), |tour: &Tour| &tour.out)
        .nested_pivot("back", &home(), |tour| &tour.back)
        .retriable("wave", Plan)
        .build()
        .unwrap()
}

async fn run(harbour: &Harbour, definition: Definition<Tour>, tour: &Tour) -> (Orchestrator, SagaId, DriveOutcome) {
    let mut registry = Registry::new();
    registry.register(definition).expect("one definition");
    let (orchestrator, _) = harbour.boot(&Gate::open(), registry);
    let saga = orchestrator.start("tour", "t-1", tour).await.expect("nothing fails").saga;
    madsim::time::sleep(std::time::Duration::from_secs(1)).await;
    let outcome = orchestrator.drive(saga).await.expect("it was started");
    (orchestrator, saga, outcome)
}

#[test]
fn nested_sagas_run_in_their_place_each_with_its_own_part_of_the_input_and_its_own_operations() {
    simulate(async {
        let harbour = Harbour::new();
        let (orchestrator, saga, outcome) = run(&harbour, tour(), &Tour::default()).await;
        assert_eq!(outcome, DriveOutcome::Completed);
        assert_eq!(harbour.outside.calls(), ["book out/hotel", "book back/hotel"], "two operations, not one repeated");
        assert_eq!(harbour.outside.booked(), ["back/hotel", "out/hotel"]);
        let once = |step: &str| (step.to_owned(), 1, 0);
        assert_eq!(
            effects(&harbour.store).await,
            [once("back/pay"), once("back/seat"), once("back/ticket"), once("out/seat")]
        );
        let state = orchestrator.state(saga).await.unwrap();
        let looked: (Option<String>, Option<String>) = state.output("out/look").expect("done").decode().unwrap();
        assert_eq!(looked, (Some("out/seat noted".to_owned()), Some("plan planned".to_owned())));
    });
}

#[test]
fn what_nested_sagas_did_is_undone_in_reverse_across_both_and_then_what_was_before_them() {
    simulate(async {
        let harbour = Harbour::new();
        let back = Trip { rejected: Some("back/pay".to_owned()), ..Trip::default() };
        let (_, saga, outcome) = run(&harbour, tour(), &Tour { back, ..Tour::default() }).await;
        assert_eq!(outcome, DriveOutcome::Compensated);
        let log = harbour.log(saga).await;
        let undone: Vec<_> = log.iter().filter_map(|entry| entry.strip_prefix("compensated ")).collect();
        assert_eq!(undone, ["back/hotel", "back/seat", "out/look", "out/hotel", "out/seat", "plan"]);
        assert_eq!(harbour.outside.booked(), [""; 0]);
    });
}

#[test]
fn a_nested_saga_that_can_only_go_forward_is_undone_as_a_whole() {
    simulate(async {
        let harbour = Harbour::new();
        let forward = SagaBuilder::new("forward", 1)
            .compensatable("seat", Note, Unnote)
            .retriable("ticket", Note)
            .build()
            .unwrap();
        let definition = SagaBuilder::new("tour", 1)
            .nested_undone_by("out", &forward, |tour: &Tour| &tour.out, Unplan)
            .nested_pivot("back", &home(), |tour| &tour.back)
            .build()
            .unwrap();
        let back = Trip { rejected: Some("back/seat".to_owned()), ..Trip::default() };
        let (_, saga, outcome) = run(&harbour, definition, &Tour { back, ..Tour::default() }).await;
        assert_eq!(outcome, DriveOutcome::Compensated);
        let log = harbour.log(saga).await;
        let undone: Vec<_> = log.iter().filter_map(|entry| entry.strip_prefix("compensated ")).collect();
        assert_eq!(undone, ["out/ticket", "out/seat", "out"], "its own compensations first, and then the whole");
    });
}
