use std::{sync::atomic::Ordering, time::Duration};

use seaworthy_core::{
    ports::SagaStatus,
    saga::{CompensationCause, RetryPolicy, SagaBuilder, SagaError, Status},
};

use super::{boot, registry, start, status, wait};
use crate::saga_support::{
    Harbour,
    gate::Gate,
    simulate,
    steps::{Book, Cancel, Note, Unnote},
};

#[test]
fn a_deadline_before_the_pivot_turns_back_and_undoes_the_step_in_doubt() {
    simulate(async {
        let harbour = Harbour::new();
        harbour.outside.delay("hotel", Duration::from_secs(3_600));
        let definition = SagaBuilder::new("trip", 1)
            .deadline(Duration::from_secs(5))
            .compensatable("seat", Note, Unnote)
            .compensatable("hotel", Book, Unnote)
            .pivot("pay", Note)
            .build()
            .unwrap();
        let orchestrator = boot(&harbour, definition);
        let saga = start(&orchestrator).await;
        wait(4).await;
        assert_eq!(status(&harbour, saga).await, SagaStatus::Running);
        wait(2).await;
        let state = orchestrator.state(saga).await.unwrap();
        assert_eq!((state.status(), state.cause()), (Status::Compensated, Some(CompensationCause::Deadline)));
        assert_eq!(
            harbour.log(saga).await[2..],
            ["attempting hotel", "compensation_begun", "compensated hotel", "compensated seat", "rolled_back"]
        );
    });
}

#[test]
fn a_deadline_survives_a_restart_and_a_long_sleep() {
    simulate(async {
        let harbour = Harbour::new();
        harbour.outside.fail("hotel", u32::MAX, false);
        let definition = || {
            SagaBuilder::new("trip", 1)
                .compensatable("seat", Note, Unnote)
                .compensatable("hotel", Book, Cancel)
                .step_retry(RetryPolicy::default().base(Duration::from_secs(3_600)).cap(Duration::from_secs(3_600)))
                .step_deadline(Duration::from_secs(20))
                .pivot("pay", Note)
                .build()
                .unwrap()
        };
        let (first, stop) = harbour.boot(&Gate::open(), registry(definition()));
        let saga = start(&first).await;
        wait(1).await;
        stop.set();
        let orchestrator = boot(&harbour, definition());
        wait(15).await;
        assert_eq!(status(&harbour, saga).await, SagaStatus::Running);
        wait(10).await;
        let state = orchestrator.state(saga).await.unwrap();
        assert_eq!((state.status(), state.cause()), (Status::Compensated, Some(CompensationCause::Deadline)));
        // The participant had said that nothing happened: only what was done is undone.
        assert!(!harbour.log(saga).await.contains(&"compensated hotel".to_owned()));
    });
}

#[test]
fn a_clock_that_steps_turns_no_saga_back_before_its_time_and_none_is_late_by_it() {
    for (step_s, takes_s, expected) in [(3_600, 10, Status::Completed), (-3_600, 100, Status::Compensated)] {
        simulate(async {
            let harbour = Harbour::new();
            harbour.outside.delay("hotel", Duration::from_secs(takes_s));
            let definition = SagaBuilder::new("trip", 1)
                .deadline(Duration::from_secs(60))
                .compensatable("hotel", Book, Unnote)
                .pivot("pay", Note)
                .build()
                .unwrap();
            let orchestrator = boot(&harbour, definition);
            let saga = start(&orchestrator).await;
            wait(1).await;
            // The process goes by its own clock between two looks at the store's.
            harbour.skew.store(step_s, Ordering::Relaxed);
            wait(70).await;
            assert_eq!(orchestrator.state(saga).await.unwrap().status(), expected, "the clock stepped by {step_s} s");
        });
    }
}

#[test]
fn an_unknown_pivot_is_asked_again_past_the_deadline_and_never_undone() {
    simulate(async {
        let harbour = Harbour::new();
        harbour.outside.fail("pay", 12, true);
        let definition = SagaBuilder::new("trip", 1)
            .deadline(Duration::from_secs(2))
            .compensatable("seat", Note, Unnote)
            .pivot("pay", Book)
            .build()
            .unwrap();
        let orchestrator = boot(&harbour, definition);
        let saga = start(&orchestrator).await;
        wait(3).await;
        assert_eq!(orchestrator.cancel(saga).await, Err(SagaError::AfterPivot(saga)));
        wait(600).await;
        assert_eq!(status(&harbour, saga).await, SagaStatus::Completed);
        assert_eq!(harbour.outside.booked(), ["pay"]);
        assert_eq!(harbour.outside.calls().len(), 13);
    });
}
