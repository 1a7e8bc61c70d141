//! What a step says is named after the operation: the same however often it is said, and never what another step says.

use crate::saga_support::{
    Harbour,
    gate::{Disposition, Gate},
    simulate,
    steps::{Note, Trip},
};
use async_trait::async_trait;
use seaworthy_core::{
    ids::{MessageId, SagaId},
    message::Message,
    ports::{OutboxOrder, OutboxStore, TailRequest, Transaction, WhenDead},
    saga::{
        Action, Compensation, Definition, DriveOutcome, Orchestrator, Registry, SagaBuilder, StepCall, StepError, Value,
    },
};

/// Says that something changed, in both directions.
struct Tell;

fn changed(call: &StepCall<'_, Trip>) -> Message {
    call.message("trips", "seat.changed", "trips", "t-1", "{}".into())
}

#[async_trait]
impl Action<Trip> for Tell {
    async fn apply(&self, tx: &mut dyn Transaction, call: &StepCall<'_, Trip>, _: Value) -> Result<Value, StepError> {
        tx.stage(&changed(call)).await?;
        Ok(Value::NULL)
    }
}

#[async_trait]
impl Compensation<Trip> for Tell {
    async fn apply(&self, tx: &mut dyn Transaction, call: &StepCall<'_, Trip>, _: Value) -> Result<(), StepError> {
        Ok(tx.stage(&changed(call)).await?)
    }
}

fn definition() -> Definition<Trip> {
    SagaBuilder::new("trip", 1)
        .compensatable("seat", Tell, Tell)
        .compensatable("spare", Tell, Tell)
        .pivot("pay", Note)
        .build()
        .unwrap()
}

async fn run(harbour: &Harbour, gate: &std::sync::Arc<Gate>) -> (Orchestrator, SagaId, DriveOutcome) {
    let mut registry = Registry::new();
    registry.register(definition()).expect("one definition");
    let (orchestrator, _) = harbour.boot(gate, registry);
    let trip = Trip { rejected: Some("pay".to_owned()), ..Trip::default() };
    let saga = orchestrator.start("trip", "t-1", &trip).await.expect("nothing fails").saga;
    madsim::time::sleep(std::time::Duration::from_secs(5)).await;
    let outcome = orchestrator.drive(saga).await.expect("it was started");
    (orchestrator, saga, outcome)
}

/// A reading of the log.
fn all() -> TailRequest {
    let (ordering, when_dead) = (OutboxOrder::PerKey, WhenDead::BlockKey);
    TailRequest { limit: 10, ordering, when_dead, except_topics: Vec::new(), except_keys: Vec::new() }
}

async fn said(harbour: &Harbour) -> Vec<MessageId> {
    harbour.store.tail(&all()).await.expect("nothing fails").into_iter().map(|row| row.message.id).collect()
}

#[test]
fn a_step_its_compensation_and_another_step_say_different_things_each_under_one_id() {
    let ids = [None, Some(Disposition::Conflict), Some(Disposition::ReplyLost), Some(Disposition::RequestLost)].map(
        |strike| {
            simulate(async {
                let harbour = Harbour::new();
                // The commit of the first step, after begin, create, append and commit of the start, begin and append.
                let commit = 6;
                let gate = Gate::striking(strike.map(|strike| (commit, strike)));
                let (_, _, outcome) = run(&harbour, &gate).await;
                assert_eq!(gate.names()[commit], "commit");
                assert_eq!(outcome, DriveOutcome::Compensated);
                said(&harbour).await
            })
        },
    );
    let mut first = ids[0].clone();
    assert!(ids.iter().all(|others| *others == first), "another attempt says the same: {ids:?}");
    assert_eq!(first.len(), 4);
    first.sort();
    first.dedup();
    assert_eq!(first.len(), 4, "two steps, there and back");
    assert!(first.iter().all(|id| id.0.get_version_num() == 5), "derived, so UUIDv5");
}
