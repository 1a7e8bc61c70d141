//! Whatever a step fails by is counted, bounded by its budget, and said.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use seaworthy_core::{
    ports::{External, SagaStatus, StoreError, Transaction},
    saga::{Action, Compensation, CompensationCause, RetryPolicy, SagaBuilder, Status, StepCall, StepError, Value},
};

use crate::support::{
    on_each_store,
    saga::{Does, Part},
    warnings::Warnings,
};

const MINUTE: Duration = Duration::from_secs(60);

fn three() -> RetryPolicy {
    RetryPolicy::default().attempts_max(Some(3))
}

#[test]
fn what_conflicts_each_time_is_stuck_with_its_reason_once_its_budget_is_used_up() {
    for does in [Does::Conflict, Does::Twins] {
        on_each_store(async |world| {
            let heard = Warnings::listen();
            let step = Part::local(move |_| does);
            let definition = SagaBuilder::new("trip", 1)
                .compensatable("seat", Part::well(), Part::well())
                .compensatable("hotel", step.clone(), Part::well())
                .step_retry(three())
                .build()
                .unwrap();
            let orchestrator = world.sagas(definition);
            let saga = orchestrator.start("trip", "t-1", &1_u32).await.unwrap().saga;
            world.pass(MINUTE * 10).await;
            assert_eq!(world.status_of(saga).await, SagaStatus::Stuck, "{does:?}");
            let reason = world.reason_of(saga).await;
            assert!(reason.contains("`hotel` has used up its attempts: ") && reason.contains("conflict"), "{reason}");
            let said = heard.lines();
            assert!(said.iter().any(|line| line.contains("stuck") && line.contains("hotel")), "{said:?}");
            assert_eq!(step.attempts(), 27, "three attempts, nine tries each");
        });
    }
}

#[test]
fn a_conflict_that_comes_a_few_times_is_no_failure() {
    on_each_store(async |world| {
        let step = Part::local(|attempt| if attempt < 8 { Does::Conflict } else { Does::Well });
        let definition =
            SagaBuilder::new("trip", 1).retriable("hotel", step.clone()).step_retry(three()).build().unwrap();
        let orchestrator = world.sagas(definition);
        let saga = orchestrator.start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(MINUTE).await;
        assert_eq!(world.log_of(saga).await, ["started", "done hotel", "completed"]);
    });
}

#[test]
fn a_deadline_holds_for_a_local_step_that_conflicts_each_time() {
    on_each_store(async |world| {
        let definition = SagaBuilder::new("trip", 1)
            .compensatable("hotel", Part::local(|_| Does::Conflict), Part::well())
            .step_deadline(Duration::from_secs(60))
            .build()
            .unwrap();
        let orchestrator = world.sagas(definition);
        let saga = orchestrator.start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(MINUTE * 3).await;
        let state = orchestrator.state(saga).await.unwrap();
        assert_eq!((state.status(), state.cause()), (Status::Compensated, Some(CompensationCause::Deadline)));
    });
}

#[test]
fn a_compensation_that_conflicts_each_time_is_exhausted_and_the_others_go_on() {
    on_each_store(async |world| {
        let heard = Warnings::listen();
        let seat = Part::well();
        let definition = SagaBuilder::new("trip", 1)
            .compensatable("seat", Part::well(), seat.clone())
            .compensatable("hotel", Part::well(), Part::local(|_| Does::Conflict))
            .compensation_retry(three())
            .compensatable("no", Part::local(|_| Does::Reject), Part::well())
            .build()
            .unwrap();
        let orchestrator = world.sagas(definition);
        let saga = orchestrator.start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(MINUTE * 10).await;
        assert_eq!((world.status_of(saga).await, seat.attempts()), (SagaStatus::Stuck, 1));
        let reason = world.reason_of(saga).await;
        assert!(reason.contains("`hotel`") && reason.contains("conflict"), "{reason}");
        assert!(heard.lines().iter().any(|line| line.contains("stuck")), "{:?}", heard.lines());
    });
}

#[test]
fn a_step_that_fails_for_hours_is_said_ever_more_rarely() {
    on_each_store(async |world| {
        let heard = Warnings::listen();
        let definition = SagaBuilder::new("trip", 1).pivot("pay", Part::remote(|_| Does::Fail)).build().unwrap();
        let orchestrator = world.sagas(definition);
        let saga = orchestrator.start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(MINUTE * 180).await;
        let said: Vec<_> = heard.lines().into_iter().filter(|line| line.contains("keeps failing")).collect();
        assert!((4..10).contains(&said.len()), "{said:?}");
        assert!(said[0].contains("it is down") && said[0].contains("pay") && said[0].contains(&saga.to_string()));
    });
}

const DAY: Duration = Duration::from_secs(24 * 3_600);

/// By the policy that a step has when nobody says anything, four hours and 500 attempts later.
#[test]
fn a_local_step_that_conflicts_or_fails_each_time_is_stuck_in_the_end_unless_its_policy_says_never() {
    for (does, reason) in [(Does::Conflict, "conflict"), (Does::Fail, "it is down"), (Does::Outage, "no disk")] {
        on_each_store(async |world| {
            let heard = Warnings::listen();
            let step = Part::local(move |_| does);
            let trip = SagaBuilder::new("trip", 1).compensatable("hotel", step, Part::well()).build().unwrap();
            let orchestrator = world.sagas(trip);
            let saga = orchestrator.start("trip", "t-1", &1_u32).await.unwrap().saga;
            world.pass(MINUTE * 60).await;
            assert_eq!(world.status_of(saga).await, SagaStatus::Running, "an hour is no reason");
            world.pass(DAY).await;
            assert_eq!(world.status_of(saga).await, SagaStatus::Stuck, "{does:?}");
            let why = world.reason_of(saga).await;
            assert!(why.contains("`hotel` has used up its attempts: ") && why.contains(reason), "{why}");
            let attempts = orchestrator.state(saga).await.unwrap().steps()[0].forward.last;
            assert_eq!(attempts, 500, "{does:?}");
            assert!(heard.lines().iter().any(|line| line.contains("stuck") && line.contains("hotel")));
        });
    }
    on_each_store(async |world| {
        let never = RetryPolicy::default().local_attempts_max(None);
        let trip = SagaBuilder::new("trip", 1).retriable("hotel", Part::local(|_| Does::Fail)).step_retry(never);
        let saga = world.sagas(trip.build().unwrap()).start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(DAY).await;
        assert_eq!(world.status_of(saga).await, SagaStatus::Running);
    });
}

#[test]
fn a_local_compensation_that_fails_each_time_is_exhausted_in_the_end_and_the_others_go_on() {
    on_each_store(async |world| {
        let (seat, hotel) = (Part::well(), Part::local(|_| Does::Fail));
        let trip = SagaBuilder::new("trip", 1)
            .compensatable("seat", Part::well(), seat.clone())
            .compensatable("hotel", Part::well(), hotel.clone())
            .compensatable("no", Part::local(|_| Does::Reject), Part::well())
            .build()
            .unwrap();
        let saga = world.sagas(trip).start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(DAY).await;
        assert_eq!((world.status_of(saga).await, seat.attempts(), hotel.attempts()), (SagaStatus::Stuck, 1, 500));
        let why = world.reason_of(saga).await;
        assert!(why.contains("`hotel` has used up its attempts") && why.contains("it is down"), "{why}");
    });
}

/// Of a participant that is down nothing is given up that nobody has limited, though it takes longer than our own part may.
#[test]
fn a_participant_that_is_down_for_hours_is_asked_again_until_it_is_back() {
    on_each_store(async |world| {
        let down = |attempt| if attempt < 600 { Does::Fail } else { Does::Well };
        let trip = SagaBuilder::new("trip", 1)
            .compensatable("hotel", Part::well(), Part::remote(down))
            .compensatable(
                "no",
                Part::remote(move |attempt| if attempt < 600 { Does::Fail } else { Does::Reject }),
                Part::well(),
            )
            .build()
            .unwrap();
        let saga = world.sagas(trip).start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(DAY).await;
        assert_eq!(world.status_of(saga).await, SagaStatus::Compensated);
    });
}

/// A pivot whose participant agrees each time, and whose own part is refused the first two times.
#[derive(Default)]
struct Agreed(AtomicU32);

#[async_trait]
impl Action<u32> for Agreed {
    fn is_remote(&self) -> bool {
        true
    }

    async fn ask(&self, _: &StepCall<'_, u32>, _: &dyn External) -> Result<Value, StepError> {
        Ok(Value::NULL)
    }

    async fn apply(&self, _: &mut dyn Transaction, _: &StepCall<'_, u32>, answer: Value) -> Result<Value, StepError> {
        match self.0.fetch_add(1, Ordering::SeqCst) {
            0 | 1 => Err(StepError::Refused("not yet".into())),
            _ => Ok(answer),
        }
    }
}

/// A step, or a compensation, whose participant fails the first times and agrees from then on, and whose own part conflicts so often
/// with what is there.
#[derive(Clone, Default)]
struct OwnConflict {
    down: u32,
    conflicts: u32,
    asked: Arc<AtomicU32>,
    tried: Arc<AtomicU32>,
}

impl OwnConflict {
    /// Each time.
    fn for_ever() -> Self {
        Self { conflicts: u32::MAX, ..Self::default() }
    }

    fn answer(&self) -> Result<Value, StepError> {
        let is_down = self.asked.fetch_add(1, Ordering::SeqCst) < self.down;
        if is_down { Err(StepError::Unavailable("it is down".into())) } else { Ok(Value::NULL) }
    }

    fn write(&self) -> Result<Value, StepError> {
        let conflicts = self.tried.fetch_add(1, Ordering::SeqCst) < self.conflicts;
        if conflicts { Err(StoreError::Conflict("not unique".into()).into()) } else { Ok(Value::NULL) }
    }
}

#[async_trait]
impl Action<u32> for OwnConflict {
    fn is_remote(&self) -> bool {
        true
    }

    async fn ask(&self, _: &StepCall<'_, u32>, _: &dyn External) -> Result<Value, StepError> {
        self.answer()
    }

    async fn apply(&self, _: &mut dyn Transaction, _: &StepCall<'_, u32>, _: Value) -> Result<Value, StepError> {
        self.write()
    }
}

#[async_trait]
impl Compensation<u32> for OwnConflict {
    fn is_remote(&self) -> bool {
        true
    }

    async fn ask(&self, _: &StepCall<'_, u32>, _: &dyn External) -> Result<Value, StepError> {
        self.answer()
    }

    async fn apply(&self, _: &mut dyn Transaction, _: &StepCall<'_, u32>, _: Value) -> Result<(), StepError> {
        self.write().map(drop)
    }
}

/// The step stays in doubt, which nobody gives up; but that the participant has agreed each time is known, and what conflicts is ours.
#[test]
fn a_step_whose_participant_agrees_and_whose_own_part_conflicts_each_time_is_stuck_in_the_end() {
    on_each_store(async |world| {
        let trip = SagaBuilder::new("trip", 1).pivot("pay", OwnConflict::for_ever()).build().unwrap();
        let orchestrator = world.sagas(trip);
        let saga = orchestrator.start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(MINUTE * 60).await;
        assert_eq!(world.status_of(saga).await, SagaStatus::Running, "an hour is no reason");
        world.pass(DAY).await;
        assert_eq!(world.status_of(saga).await, SagaStatus::Stuck);
        let why = world.reason_of(saga).await;
        assert!(why.contains("`pay` has used up its attempts: ") && why.contains("conflict"), "{why}");
        let state = orchestrator.state(saga).await.unwrap();
        assert_eq!((state.steps()[0].forward.last, state.steps()[0].is_doubtful()), (500, true));
        // Whoever resumes it gives it as many again.
        orchestrator.resume(saga).await.unwrap();
        world.pass(DAY).await;
        assert_eq!(orchestrator.state(saga).await.unwrap().steps()[0].forward.last, 1_000);
    });
}

#[test]
fn a_compensation_whose_participant_agrees_and_whose_own_part_conflicts_each_time_is_exhausted_in_the_end() {
    on_each_store(async |world| {
        let (seat, hotel) = (Part::well(), OwnConflict::for_ever());
        let trip = SagaBuilder::new("trip", 1)
            .compensatable("seat", Part::well(), seat.clone())
            .compensatable("hotel", Part::well(), hotel.clone())
            .compensatable("no", Part::local(|_| Does::Reject), Part::well())
            .build()
            .unwrap();
        let saga = world.sagas(trip).start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(DAY).await;
        assert_eq!((world.status_of(saga).await, seat.attempts()), (SagaStatus::Stuck, 1));
        assert_eq!(hotel.asked.load(Ordering::SeqCst), 500);
        let why = world.reason_of(saga).await;
        assert!(why.contains("`hotel` has used up its attempts") && why.contains("conflict"), "{why}");
    });
}

/// What its participant failed by does not count against our own part, and the other way round.
#[test]
fn a_participant_that_was_down_for_hours_leaves_our_own_part_all_its_attempts() {
    on_each_store(async |world| {
        let late = OwnConflict { down: 600, conflicts: 100, ..OwnConflict::default() };
        let trip = SagaBuilder::new("trip", 1)
            .compensatable("hotel", Part::well(), OwnConflict { down: 600, conflicts: 100, ..OwnConflict::default() })
            .compensatable("seat", late.clone(), Part::well())
            .compensatable("no", Part::local(|_| Does::Reject), Part::well())
            .build()
            .unwrap();
        let saga = world.sagas(trip).start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(DAY).await;
        assert_eq!(world.status_of(saga).await, SagaStatus::Compensated);
    });
}

#[test]
fn what_is_refused_once_there_is_no_way_back_is_tried_again() {
    on_each_store(async |world| {
        let late = Part::local(|attempt| if attempt < 3 { Does::Reject } else { Does::Well });
        let definition = SagaBuilder::new("trip", 1)
            .compensatable("seat", Part::well(), Part::well())
            .pivot("pay", Agreed::default())
            .retriable("ticket", late.clone())
            .build()
            .unwrap();
        let saga = world.sagas(definition).start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(MINUTE * 10).await;
        assert_eq!((world.status_of(saga).await, late.attempts()), (SagaStatus::Completed, 3));
        let failures = world.log_of(saga).await.iter().filter(|entry| entry.starts_with("retry ")).count();
        assert_eq!(failures, 4, "each is counted");
    });
}
