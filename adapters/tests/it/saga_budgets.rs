//! Budgets, timers and doubts: what is given up, what never is, and when it is tried again.

use std::time::Duration;

use seaworthy_core::{
    ports::SagaStatus,
    saga::{CompensationCause, RetryPolicy, SagaBuilder, Status},
};

use crate::support::{
    on_each_store,
    saga::{Does, Part},
};

const MINUTE: Duration = Duration::from_secs(60);

fn until(times: u32, does: Does) -> impl Fn(u32) -> Does + Send + Sync + 'static {
    move |attempt| if attempt <= times { does } else { Does::Well }
}

#[test]
fn a_step_in_doubt_has_no_budget() {
    on_each_store(async |world| {
        let pay = Part::remote(until(6, Does::Doubt));
        let retry = RetryPolicy::default().attempts_max(Some(2));
        let definition = SagaBuilder::new("trip", 1).pivot("pay", pay.clone()).step_retry(retry).build().unwrap();
        let saga = world.sagas(definition).start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(MINUTE * 10).await;
        assert_eq!((world.status_of(saga).await, pay.attempts()), (SagaStatus::Completed, 7));
    });
}

#[test]
fn a_step_that_failed_and_then_came_into_doubt_is_not_given_up() {
    on_each_store(async |world| {
        // The budget is used up but for one, and a doubt after it stays one.
        let pay = Part::remote(|attempt| match attempt {
            1 | 3 => Does::Fail,
            2 | 4 | 5 => Does::Doubt,
            _ => Does::Well,
        });
        let retry = RetryPolicy::default().attempts_max(Some(2));
        let definition = SagaBuilder::new("trip", 1).pivot("pay", pay.clone()).step_retry(retry).build().unwrap();
        let saga = world.sagas(definition).start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(MINUTE * 10).await;
        assert_eq!((world.status_of(saga).await, pay.attempts()), (SagaStatus::Completed, 6));
    });
}

#[test]
fn a_compensation_whose_outcome_is_unknown_is_never_given_up() {
    on_each_store(async |world| {
        // The budget is used up but for one, and a doubt after it stays one.
        let cancel = Part::remote(|attempt| match attempt {
            1 => Does::Fail,
            2..=6 => Does::Doubt,
            _ => Does::Well,
        });
        let definition = SagaBuilder::new("trip", 1)
            .compensatable("hotel", Part::well(), cancel.clone())
            .compensation_retry(RetryPolicy::default().attempts_max(Some(2)))
            .compensatable("no", Part::local(|_| Does::Reject), Part::well())
            .build()
            .unwrap();
        let saga = world.sagas(definition).start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(MINUTE * 10).await;
        assert_eq!((world.status_of(saga).await, cancel.attempts()), (SagaStatus::Compensated, 7));
    });
}

#[test]
fn a_compensation_waits_for_its_timer_alone_and_in_a_group() {
    on_each_store(async |world| {
        let cancel = [Part::remote(until(1, Does::Fail)), Part::local(until(1, Does::Fail))];
        let definition = SagaBuilder::new("trip", 1)
            .compensatable("hotel", Part::well(), cancel[0].clone())
            .compensation_retry(RetryPolicy::default().base(MINUTE).cap(MINUTE))
            .parallel(|group| {
                group.compensatable("car", Part::well(), cancel[1].clone()).compensatable(
                    "bus",
                    Part::well(),
                    Part::well(),
                )
            })
            .compensation_retry(RetryPolicy::default().base(MINUTE).cap(MINUTE))
            .compensatable("no", Part::local(|_| Does::Reject), Part::well())
            .build()
            .unwrap();
        let saga = world.sagas(definition).start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(MINUTE / 3).await;
        assert_eq!(cancel.each_ref().map(Part::attempts), [0, 1], "the group is undone first, and waits");
        while cancel[0].attempts() == 0 {
            world.pass(Duration::from_secs(1)).await;
        }
        world.pass(MINUTE / 3).await;
        assert_eq!(cancel.each_ref().map(Part::attempts), [1, 2], "half a minute to one and a half");
        world.pass(MINUTE * 2).await;
        assert_eq!((world.status_of(saga).await, cancel[0].attempts()), (SagaStatus::Compensated, 2));
    });
}

#[test]
fn a_deadline_of_a_step_counts_from_its_first_attempt() {
    on_each_store(async |world| {
        let retry = RetryPolicy::default().base(Duration::from_secs(3)).cap(Duration::from_secs(3));
        let definition = SagaBuilder::new("trip", 1)
            .compensatable("hotel", Part::remote(|_| Does::Fail), Part::well())
            .step_retry(retry)
            .step_deadline(Duration::from_secs(20))
            .build()
            .unwrap();
        let orchestrator = world.sagas(definition);
        let saga = orchestrator.start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(Duration::from_secs(25)).await;
        let state = orchestrator.state(saga).await.unwrap();
        assert_eq!((state.status(), state.cause()), (Status::Compensated, Some(CompensationCause::Deadline)));
    });
}

#[test]
fn the_log_of_a_saga_that_waits_for_days_is_condensed_and_forgets_nothing_that_counts() {
    on_each_store(async |world| {
        let day = MINUTE * 60 * 24;
        let pay = Part::remote(|_| Does::Fail);
        let undone = Part::well();
        let definition = SagaBuilder::new("trip", 1)
            .compensatable("seat", Part::well(), undone.clone())
            .compensatable("pay", pay.clone(), Part::well())
            .step_deadline(day * 2)
            .build()
            .unwrap();
        let orchestrator = world.sagas(definition);
        let saga = orchestrator.start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(day * 2 - MINUTE).await;
        let entries = world.log_of(saga).await;
        assert!(entries.len() <= 260 && entries[0] == "condensed", "{} entries", entries.len());
        assert!(pay.attempts() > 4_000);
        let state = orchestrator.state(saga).await.unwrap();
        assert_eq!(state.steps()[1].forward.last, pay.attempts(), "attempts are counted on");
        assert_eq!(world.status_of(saga).await, SagaStatus::Running);
        world.pass(MINUTE * 2).await;
        assert_eq!((world.status_of(saga).await, undone.attempts()), (SagaStatus::Compensated, 1));
    });
}
