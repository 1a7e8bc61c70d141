//! What a participant has agreed to stays in doubt until our own part of the step has committed.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use crate::saga_support::{
    Harbour,
    gate::Gate,
    simulate,
    steps::{Book, Cancel, Note, Trip, Unnote},
};
use async_trait::async_trait;
use seaworthy_core::{
    ids::SagaId,
    ports::{External, Transaction},
    saga::{
        Action, CompensationCause, Definition, Orchestrator, Registry, RetryPolicy, SagaBuilder, State, Status,
        StepCall, StepError, Value,
    },
};
use smol_str::SmolStr;

/// A booking to which our own store says no, so many times.
struct BookAndStumble {
    times: AtomicU32,
    with: fn(SmolStr) -> StepError,
}

impl BookAndStumble {
    fn new(times: u32, with: fn(SmolStr) -> StepError) -> Self {
        Self { times: AtomicU32::new(times), with }
    }
}

#[async_trait]
impl Action<Trip> for BookAndStumble {
    fn is_remote(&self) -> bool {
        true
    }

    async fn ask(&self, call: &StepCall<'_, Trip>, external: &dyn External) -> Result<Value, StepError> {
        Book.ask(call, external).await
    }

    async fn apply(&self, _: &mut dyn Transaction, _: &StepCall<'_, Trip>, answer: Value) -> Result<Value, StepError> {
        let left = self.times.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if left.is_ok() { Err((self.with)("our own table says no".into())) } else { Ok(answer) }
    }
}

/// The state after a minute, and the log.
async fn run(harbour: &Harbour, definition: Definition<Trip>) -> (State, Vec<String>) {
    let mut registry = Registry::new();
    registry.register(definition).expect("one definition");
    let (orchestrator, stop) = harbour.boot(&Gate::open(), registry);
    let recovery = orchestrator.clone();
    madsim::task::spawn(async move { recovery.run_recovery(&stop).await });
    let saga = start(&orchestrator).await;
    madsim::time::sleep(Duration::from_secs(60)).await;
    (orchestrator.state(saga).await.expect("it can be read"), harbour.log(saga).await)
}

async fn start(orchestrator: &Orchestrator) -> SagaId {
    orchestrator.start("trip", "t-1", &Trip::default()).await.expect("nothing fails").saga
}

fn three_tries() -> RetryPolicy {
    RetryPolicy::default().base(Duration::from_secs(1)).cap(Duration::from_secs(1)).attempts_max(Some(3))
}

#[test]
fn a_step_that_was_agreed_to_is_never_given_up_and_is_undone_when_its_time_is_over() {
    simulate(async {
        let harbour = Harbour::new();
        let stumble = BookAndStumble::new(u32::MAX, StepError::Unavailable);
        let definition = SagaBuilder::new("trip", 1)
            .deadline(Duration::from_secs(30))
            .compensatable("seat", Note, Unnote)
            .compensatable("hotel", stumble, Cancel)
            .step_retry(three_tries())
            .pivot("pay", Note)
            .build()
            .unwrap();
        let (state, _) = run(&harbour, definition).await;
        assert_eq!((state.status(), state.cause()), (Status::Compensated, Some(CompensationCause::Deadline)));
        assert_eq!(harbour.outside.booked(), [""; 0], "the hotel was cancelled");
        let asked = harbour.outside.calls().iter().filter(|call| *call == "book hotel").count();
        assert!(asked > 3, "a doubt has no budget: {asked} attempts");
    });
}

#[test]
fn a_step_that_was_agreed_to_and_that_our_own_store_rejects_is_undone() {
    simulate(async {
        let harbour = Harbour::new();
        let definition = SagaBuilder::new("trip", 1)
            .compensatable("hotel", BookAndStumble::new(1, StepError::Refused), Cancel)
            .pivot("pay", Note)
            .build()
            .unwrap();
        let (state, _) = run(&harbour, definition).await;
        assert_eq!((state.status(), state.cause()), (Status::Compensated, Some(CompensationCause::Rejected)));
        assert_eq!(harbour.outside.calls(), ["book hotel", "cancel hotel"]);
    });
}

#[test]
fn a_pivot_that_was_agreed_to_is_finished_whatever_our_own_store_says_of_it() {
    for with in [StepError::Refused as fn(SmolStr) -> StepError, StepError::Unavailable, StepError::Unknown] {
        simulate(async {
            let harbour = Harbour::new();
            let definition = SagaBuilder::new("trip", 1)
                .deadline(Duration::from_secs(2))
                .compensatable("seat", Note, Unnote)
                .pivot("pay", BookAndStumble::new(4, with))
                .step_retry(three_tries())
                .build()
                .unwrap();
            let (state, log) = run(&harbour, definition).await;
            assert_eq!((state.status(), state.cause()), (Status::Completed, None));
            let retries = log.iter().filter(|entry| *entry == "retry pay").count();
            assert_eq!(retries, 4, "each time it waits before it asks again: {log:?}");
            assert_eq!(harbour.outside.booked(), ["pay"]);
        });
    }
}
