//! What an operator may do: cancel, resume, skip, abandon.

use std::time::Duration;

use seaworthy_core::{
    ports::SagaStatus,
    saga::{CompensationCause, Definition, RetryPolicy, SagaBuilder, SagaError, Status},
};

use super::{boot, registry, start, status, wait};
use crate::saga_support::{
    Harbour,
    gate::{Disposition, Gate},
    simulate,
    steps::{self, Book, Cancel, Note, Trip, Unnote, effects, sequential},
};

#[test]
fn cancel_turns_a_saga_back_while_its_owner_waits_for_a_participant() {
    simulate(async {
        let harbour = Harbour::new();
        harbour.outside.delay("hotel", Duration::from_secs(30));
        let definition = SagaBuilder::new("trip", 1)
            .compensatable("seat", Note, Unnote)
            .compensatable("hotel", Book, Cancel)
            .pivot("pay", Note)
            .build()
            .unwrap();
        let orchestrator = boot(&harbour, definition);
        let saga = start(&orchestrator).await;
        wait(1).await;
        orchestrator.cancel(saga).await.unwrap();
        wait(120).await;
        let state = orchestrator.state(saga).await.unwrap();
        assert_eq!((state.status(), state.cause()), (Status::Compensated, Some(CompensationCause::Cancelled)));
        assert_eq!(harbour.outside.booked(), Vec::<String>::new());
        assert_eq!(effects(&harbour.store).await, [("seat".to_owned(), 1, 1)]);
        assert_eq!(orchestrator.cancel(saga).await, Ok(()));
    });
}

#[test]
fn cancel_after_the_pivot_is_an_error_and_changes_nothing() {
    simulate(async {
        let harbour = Harbour::new();
        let orchestrator = boot(&harbour, steps::sequential());
        let saga = start(&orchestrator).await;
        wait(1).await;
        let log = harbour.log(saga).await;
        assert_eq!(orchestrator.cancel(saga).await, Err(SagaError::AfterPivot(saga)));
        assert_eq!(harbour.log(saga).await, log);
    });
}

#[test]
fn cancel_racing_the_pivot_ends_one_way_or_the_other_and_never_both() {
    let mut ends = Vec::new();
    for delay_ms in 0..40 {
        simulate(async {
            let harbour = Harbour::new();
            harbour.outside.delay("hotel", Duration::from_millis(20));
            let orchestrator = boot(&harbour, steps::sequential());
            let saga = start(&orchestrator).await;
            madsim::time::sleep(Duration::from_millis(delay_ms)).await;
            let cancelled = orchestrator.cancel(saga).await;
            wait(60).await;
            let expected = if cancelled.is_ok() { SagaStatus::Compensated } else { SagaStatus::Completed };
            assert_eq!(status(&harbour, saga).await, expected, "cancelled after {delay_ms} ms: {cancelled:?}");
            let undone = u8::from(cancelled.is_ok());
            let effects = effects(&harbour.store).await;
            assert!(effects.iter().all(|(_, done, back)| *done == 1 && *back == undone), "{effects:?}");
            ends.push(expected);
        });
    }
    assert!(ends.contains(&SagaStatus::Compensated) && ends.contains(&SagaStatus::Completed), "{ends:?}");
}

/// A trip whose hotel is given up after two failures, forward and back.
fn impatient() -> Definition<Trip> {
    let policy = RetryPolicy::default().attempts_max(Some(2));
    SagaBuilder::new("trip", 1)
        .compensatable("seat", Note, Unnote)
        .compensatable("hotel", Book, Cancel)
        .step_retry(policy)
        .compensation_retry(policy)
        .compensatable("guide", Note, Unnote)
        .pivot("pay", Note)
        .build()
        .expect("the steps are in order")
}

#[test]
fn a_step_that_used_up_its_budget_is_stuck_until_an_operator_resumes_it() {
    simulate(async {
        let harbour = Harbour::new();
        harbour.outside.fail("hotel", 3, false);
        let orchestrator = boot(&harbour, impatient());
        let saga = start(&orchestrator).await;
        wait(60).await;
        assert_eq!(status(&harbour, saga).await, SagaStatus::Stuck);
        assert_eq!(harbour.outside.calls().len(), 2);
        orchestrator.resume(saga).await.unwrap();
        wait(60).await;
        assert_eq!(status(&harbour, saga).await, SagaStatus::Completed);
        assert!(matches!(orchestrator.resume(saga).await, Err(SagaError::NotAllowed { .. })));
    });
}

#[test]
fn an_exhausted_compensation_does_not_stop_the_others_and_can_be_resumed() {
    simulate(async {
        let harbour = Harbour::new();
        harbour.outside.fail("cancel hotel", 2, false);
        let orchestrator = boot(&harbour, impatient());
        let trip = Trip { rejected: Some("pay".to_owned()), insured: false };
        let started = orchestrator.start("trip", "t-1", &trip).await.unwrap();
        wait(60).await;
        let state = orchestrator.state(started.saga).await.unwrap();
        assert_eq!(state.status(), Status::Stuck(seaworthy_core::ids::Direction::Compensation));
        let log = harbour.log(started.saga).await;
        assert_eq!(log[log.len() - 3..], ["compensation_exhausted hotel", "compensated seat", "stuck"]);
        orchestrator.resume(started.saga).await.unwrap();
        wait(60).await;
        assert_eq!(status(&harbour, started.saga).await, SagaStatus::Compensated);
        assert_eq!(harbour.outside.booked(), Vec::<String>::new());
    });
}

#[test]
fn a_skipped_step_lets_a_stuck_saga_go_on() {
    simulate(async {
        let harbour = Harbour::new();
        harbour.outside.fail("hotel", u32::MAX, false);
        let orchestrator = boot(&harbour, impatient());
        let saga = start(&orchestrator).await;
        wait(60).await;
        let refused = orchestrator.skip(saga, "pay", "booked by phone").await;
        assert!(matches!(refused, Err(SagaError::NotAllowed { .. })), "{refused:?}");
        orchestrator.skip(saga, "hotel", "booked by phone").await.unwrap();
        wait(60).await;
        assert_eq!(status(&harbour, saga).await, SagaStatus::Completed);
    });
}

#[test]
fn an_abandoned_saga_never_moves_again() {
    simulate(async {
        let harbour = Harbour::new();
        harbour.outside.delay("hotel", Duration::from_secs(30));
        let orchestrator = boot(&harbour, impatient());
        let saga = start(&orchestrator).await;
        wait(1).await;
        orchestrator.abandon(saga, "customer has died").await.unwrap();
        wait(120).await;
        assert_eq!(status(&harbour, saga).await, SagaStatus::Abandoned);
        assert_eq!(harbour.log(saga).await.last().unwrap(), "abandoned");
        assert_eq!(orchestrator.abandon(saga, "again").await, Ok(()), "a verb may be repeated");
        assert!(matches!(orchestrator.resume(saga).await, Err(SagaError::NotAllowed { .. })));
    });
}

#[test]
fn a_verb_whose_answer_is_lost_is_carried_out_once_and_one_that_is_lost_itself_says_so() {
    for (strike, is_heard) in
        [(None, true), (Some(Disposition::ReplyLost), true), (Some(Disposition::RequestLost), false)]
    {
        simulate(async {
            let harbour = Harbour::new();
            harbour.outside.delay("hotel", Duration::from_secs(3_600));
            let owner = boot(&harbour, sequential());
            let saga = start(&owner).await;
            wait(1).await;
            // The saga, its log, a transaction with an entry.
            let commit = 4;
            let gate = Gate::striking(strike.map(|strike| (commit, strike)));
            let (operator, _) = harbour.boot(&gate, registry(sequential()));
            let told = operator.abandon(saga, "by hand").await;
            assert_eq!(gate.names()[commit], "commit");
            assert_eq!(told.is_ok(), is_heard, "{strike:?}: {told:?}");
            let entries = harbour.log(saga).await;
            let abandoned = entries.iter().filter(|entry| *entry == "abandoned").count();
            assert_eq!(abandoned, usize::from(is_heard), "{strike:?}: {entries:?}");
        });
    }
}
