//! Knowledge that an attempt is given, the same however often its store makes it begin anew.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use seaworthy_core::{
    ids::OperationId,
    ports::{External, FailureKind, Operation, SagaStatus, Transaction},
    saga::{
        Action, Compensation, DriveOutcome, Orchestrator, OrchestratorConfig, Registry, RetryPolicy, SagaBuilder,
        SagaRequest, StepCall, StepError, Value, Verb, saga_id,
    },
};

use crate::support::{
    calls::{Calls, Fate},
    on_each_store,
    saga::{Does, Part},
};

/// One attempt as its step heard of it: number, and whether an earlier one is in doubt.
type Heard = Arc<Mutex<Vec<(&'static str, u32, bool)>>>;

/// A participant that writes down what it is told, and that applies only if it is asked so.
#[derive(Clone, Default)]
struct Listens {
    heard: Heard,
    asked: Arc<AtomicU32>,
    fails: u32,
}

impl Listens {
    fn hear(&self, what: &'static str, call: &StepCall<'_, u32>) {
        self.heard.lock().expect("no step panics").push((what, call.attempt, call.maybe_executed));
    }
}

#[async_trait]
impl Action<u32> for Listens {
    fn applies(&self, _: &StepCall<'_, u32>) -> bool {
        self.asked.fetch_add(1, Ordering::SeqCst);
        true
    }

    fn is_remote(&self) -> bool {
        true
    }

    async fn ask(&self, call: &StepCall<'_, u32>, _: &dyn External) -> Result<Value, StepError> {
        self.hear("ask", call);
        if call.attempt <= self.fails { Err(StepError::Unavailable("down".into())) } else { Value::new(&7) }
    }

    async fn apply(&self, _: &mut dyn Transaction, call: &StepCall<'_, u32>, it: Value) -> Result<Value, StepError> {
        self.hear("apply", call);
        Ok(it)
    }
}

/// Starts a saga on a store that is well, and drives it on one whose transactions begin as the test says.
async fn drive(
    world: &crate::support::World,
    fails: fn(usize) -> bool,
    step: Listens,
    retry: RetryPolicy,
) -> DriveOutcome {
    let (_, ports) = Calls::before(&world.ports, move |operation, number| match operation {
        Operation::Begin if fails(number) => Fate::Fails(FailureKind::Unavailable),
        _ => Fate::Well,
    });
    let mut registry = Registry::new();
    registry.register(SagaBuilder::new("trip", 1).retriable("pay", step).step_retry(retry).build().unwrap()).unwrap();
    let orchestrator = Orchestrator::new(&ports, registry, OrchestratorConfig::default());
    let mut tx = world.ports.store.begin().await.unwrap();
    let started = orchestrator.start_in(&mut *tx, "trip", "t-1", &1_u32).await.unwrap();
    tx.commit().await.unwrap();
    orchestrator.drive_started(started).await
}

/// The second transaction is that of the step itself, whose participant has answered by then: the answer stands, also where
/// one attempt is all that there may be.
#[test]
fn an_answer_stands_while_the_store_makes_difficulties_and_belongs_to_the_attempt_that_got_it() {
    on_each_store(async |world| {
        let step = Listens::default();
        let once = RetryPolicy::default().crashes_max(1);
        assert_eq!(
            drive(world, |number| number == 2 || number == 3, step.clone(), once).await,
            DriveOutcome::Completed
        );
        let heard = step.heard.lock().unwrap().clone();
        assert_eq!(heard, [("ask", 1, false), ("apply", 1, true)], "asked once, and in doubt until it has committed");
    });
}

#[test]
fn a_step_is_asked_once_whether_it_applies_however_often_it_is_tried() {
    on_each_store(async |world| {
        let step = Listens { fails: 3, ..Listens::default() };
        let hasty = RetryPolicy::default().base(Duration::from_millis(10)).cap(Duration::from_millis(10));
        assert_eq!(drive(world, |_| false, step.clone(), hasty).await, DriveOutcome::Completed);
        assert_eq!(step.asked.load(Ordering::SeqCst), 1);
        let asked = step.heard.lock().unwrap().iter().filter(|heard| heard.0 == "ask").count();
        assert_eq!(asked, 4);
    });
}

/// Calls of a booking: what was to be cancelled, if it was the cancellation, and the operation's id.
type Asked = Vec<(Option<String>, OperationId)>;

/// A booking with an output, and its cancellation, which is to name what it cancels.
#[derive(Clone, Default)]
struct Booking(Arc<Mutex<Asked>>);

#[async_trait]
impl Action<u32> for Booking {
    async fn apply(&self, _: &mut dyn Transaction, call: &StepCall<'_, u32>, _: Value) -> Result<Value, StepError> {
        self.0.lock().expect("no step panics").push((None, call.operation_id()));
        Value::new("seat 17")
    }
}

#[async_trait]
impl Compensation<u32> for Booking {
    async fn apply(&self, _: &mut dyn Transaction, call: &StepCall<'_, u32>, _: Value) -> Result<(), StepError> {
        self.0.lock().expect("no step panics").push((call.own_output()?, call.action_id()));
        Ok(())
    }
}

#[test]
fn a_compensation_is_told_what_its_action_has_come_to() {
    on_each_store(async |world| {
        let booking = Booking::default();
        let definition = SagaBuilder::new("trip", 1)
            .compensatable("seat", booking.clone(), booking.clone())
            .pivot("pay", Part::local(|_| Does::Reject))
            .build()
            .unwrap();
        let saga = world.sagas(definition).start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(Duration::from_secs(5)).await;
        assert_eq!(world.status_of(saga).await, SagaStatus::Compensated);
        let told = booking.0.lock().unwrap().clone();
        assert_eq!((told[1].0.as_deref(), told[1].1), (Some("seat 17"), told[0].1));
    });
}

/// What is under way has as long as a lease for it.
#[test]
fn a_stop_lets_the_attempt_that_is_under_way_come_to_its_end() {
    on_each_store(async |world| {
        let mut registry = Registry::new();
        let definition = SagaBuilder::new("trip", 1).pivot("pay", Part::remote(|_| Does::Take(2_000))).build().unwrap();
        registry.register(definition).unwrap();
        let orchestrator = Orchestrator::new(&world.ports, registry, OrchestratorConfig::default());
        let mut tx = world.ports.store.begin().await.unwrap();
        let started = orchestrator.start_in(&mut *tx, "trip", "t-1", &1_u32).await.unwrap();
        tx.commit().await.unwrap();
        let stop = async {
            world.pass(Duration::from_secs(1)).await;
            world.ports.stop.set();
        };
        let (driven, ()) = tokio::join!(orchestrator.drive_started(started), stop);
        assert_eq!(driven, DriveOutcome::Completed, "and it has ended, as whoever drives it is told");
        let log = world.log_of(saga_id("trip", "t-1")).await;
        assert_eq!(log, ["started", "attempting pay", "done pay", "completed"]);
    });
}

/// Whoever drives it hears of it as the store does.
#[test]
fn a_saga_that_a_tool_gives_up_while_it_is_driven_is_told_as_abandoned() {
    on_each_store(async |world| {
        let mut registry = Registry::new();
        let step = Part::remote(|attempt| if attempt == 1 { Does::Take(3_000) } else { Does::Nothing });
        let definition = SagaBuilder::new("trip", 1).retriable("pay", step).retriable("ship", Part::well());
        registry.register(definition.build().unwrap()).unwrap();
        let orchestrator = Orchestrator::new(&world.ports, registry, OrchestratorConfig::default());
        let mut tx = world.ports.store.begin().await.unwrap();
        let started = orchestrator.start_in(&mut *tx, "trip", "t-1", &1_u32).await.unwrap();
        tx.commit().await.unwrap();
        let asked = async {
            world.pass(Duration::from_secs(1)).await;
            let request = SagaRequest::new(Verb::Abandon, "ops");
            seaworthy_core::saga::ask(&*world.ports.store, saga_id("trip", "t-1"), &request).await.unwrap()
        };
        let (driven, _) = tokio::join!(orchestrator.drive_started(started), asked);
        assert_eq!(driven, DriveOutcome::Abandoned);
        assert_eq!(world.status_of(saga_id("trip", "t-1")).await, SagaStatus::Abandoned);
    });
}
