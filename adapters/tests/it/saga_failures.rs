//! Whatever a step fails by is counted, bounded by its budget, and said.

use std::time::Duration;

use seaworthy_core::{
    ports::SagaStatus,
    saga::{CompensationCause, RetryPolicy, SagaBuilder, Status},
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
