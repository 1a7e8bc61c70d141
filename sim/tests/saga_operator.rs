//! Deadlines, operator verbs, and definitions that change.

mod saga_support;

use std::time::Duration;

use saga_support::{
    Harbour,
    gate::Gate,
    simulate,
    steps::{self, Book, Cancel, Note, Trip, Unnote, effects},
};
use seaworthy_core::{
    ids::SagaId,
    ports::{SagaStatus, SagaStore},
    saga::{
        Cause, Definition, Life, Migration, Orchestrator, Registry, Rest, RetryPolicy, SagaBuilder, SagaError, Started,
    },
};

fn registry(definition: Definition<Trip>) -> Registry {
    let mut registry = Registry::new();
    registry.register(definition).expect("one definition");
    registry
}

fn boot(harbour: &Harbour, definition: Definition<Trip>) -> Orchestrator {
    let (orchestrator, stop) = harbour.boot(&Gate::open(), registry(definition));
    let recovery = orchestrator.clone();
    madsim::task::spawn(async move { recovery.run_recovery(&stop).await });
    orchestrator
}

async fn start(orchestrator: &Orchestrator) -> SagaId {
    let Started { saga, .. } = orchestrator.start("trip", "t-1", &Trip::default()).await.expect("nothing fails");
    saga
}

async fn wait(seconds: u64) {
    madsim::time::sleep(Duration::from_secs(seconds)).await;
}

async fn status(harbour: &Harbour, saga: SagaId) -> SagaStatus {
    harbour.store.saga(saga).await.expect("nothing fails").expect("it was started").status
}

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
        assert_eq!((state.life(), state.cause()), (Life::Compensated, Some(Cause::Deadline)));
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
                .step_retry(RetryPolicy { base: Duration::from_secs(3_600), ..RetryPolicy::default() })
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
        assert_eq!((state.life(), state.cause()), (Life::Compensated, Some(Cause::Deadline)));
        // The participant had said that nothing happened: only what was done is undone.
        assert!(!harbour.log(saga).await.contains(&"compensated hotel".to_owned()));
    });
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
        assert_eq!((state.life(), state.cause()), (Life::Compensated, Some(Cause::Cancelled)));
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
    let policy = RetryPolicy { attempts_max: Some(2), ..RetryPolicy::default() };
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
        assert_eq!(state.life(), Life::Stuck(seaworthy_core::ids::Direction::Compensation));
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
        assert!(matches!(orchestrator.abandon(saga, "again").await, Err(SagaError::NotAllowed { .. })));
    });
}

/// A saga that stopped after `seat`, before its hotel was booked.
async fn interrupted(harbour: &Harbour, definition: Definition<Trip>) -> SagaId {
    harbour.outside.fail("hotel", 1, false);
    let (orchestrator, stop) = harbour.boot(&Gate::open(), registry(definition));
    let saga = start(&orchestrator).await;
    stop.set();
    wait(5).await;
    assert_eq!(status(harbour, saga).await, SagaStatus::Running);
    saga
}

fn version(version: u32, hotel: &str) -> Definition<Trip> {
    SagaBuilder::new("trip", version)
        .compensatable("seat", Note, Unnote)
        .compensatable(hotel, Book, Cancel)
        .pivot("pay", Note)
        .build()
        .expect("the steps are in order")
}

#[test]
fn a_saga_whose_version_is_gone_is_stuck_with_the_reason_and_goes_on_once_it_is_back() {
    simulate(async {
        let harbour = Harbour::new();
        let saga = interrupted(&harbour, version(1, "hotel")).await;
        let (newer, stop) = harbour.boot(&Gate::open(), registry(version(2, "inn")));
        newer.recover_once().await.unwrap();
        wait(1).await;
        assert_eq!(status(&harbour, saga).await, SagaStatus::Stuck);
        assert!(matches!(newer.resume(saga).await, Err(SagaError::Incompatible { .. })));
        stop.set();
        let orchestrator = boot(&harbour, version(1, "hotel"));
        orchestrator.resume(saga).await.unwrap();
        wait(60).await;
        assert_eq!(status(&harbour, saga).await, SagaStatus::Completed);
    });
}

#[test]
fn a_structure_that_changed_without_a_new_version_is_noticed() {
    simulate(async {
        let harbour = Harbour::new();
        let saga = interrupted(&harbour, version(1, "hotel")).await;
        boot(&harbour, version(1, "inn"));
        wait(15).await;
        assert_eq!(status(&harbour, saga).await, SagaStatus::Stuck);
        assert_eq!(harbour.log(saga).await.last().unwrap(), "stuck");
    });
}

#[test]
fn a_migrated_saga_goes_on_under_new_names_and_old_operation_ids() {
    simulate(async {
        let harbour = Harbour::new();
        // The first version asked its hotel, and never heard the answer.
        let saga = {
            harbour.outside.fail("hotel", 1, true);
            let (orchestrator, stop) = harbour.boot(&Gate::open(), registry(version(1, "hotel")));
            let saga = start(&orchestrator).await;
            // Shorter than the pause before the second attempt.
            madsim::time::sleep(Duration::from_millis(40)).await;
            stop.set();
            wait(5).await;
            saga
        };
        let mut registry = registry(version(2, "inn"));
        registry.migration(Migration::new("trip", 1, 2).rename("hotel", "inn")).unwrap();
        let (orchestrator, _) = harbour.boot(&Gate::open(), registry);
        wait(15).await;
        assert_eq!(orchestrator.drive(saga).await, Ok(Rest::Completed));
        let log = harbour.log(saga).await;
        assert!(log.contains(&"attempting hotel".to_owned()) && log.contains(&"done inn".to_owned()), "{log:?}");
        // One booking under one operation id, although the step has another name now.
        assert_eq!(harbour.outside.booked().len(), 1);
    });
}

#[test]
fn a_saga_of_a_newer_version_is_left_to_those_who_know_it() {
    simulate(async {
        let harbour = Harbour::new();
        let saga = interrupted(&harbour, version(2, "hotel")).await;
        boot(&harbour, version(1, "hotel"));
        wait(60).await;
        assert_eq!(status(&harbour, saga).await, SagaStatus::Running);
        boot(&harbour, version(2, "hotel"));
        wait(60).await;
        assert_eq!(status(&harbour, saga).await, SagaStatus::Completed);
    });
}

#[test]
fn one_bad_saga_does_not_hold_up_the_recovery_of_others() {
    simulate(async {
        let harbour = Harbour::new();
        let (orchestrator, stop) = harbour.boot(&Gate::open(), registry(version(1, "hotel")));
        harbour.outside.fail("hotel", 20, false);
        let mut sagas = Vec::new();
        for number in 0..20 {
            let key = format!("t-{number}");
            sagas.push(orchestrator.start("trip", &key, &Trip::default()).await.unwrap().saga);
        }
        stop.set();
        wait(5).await;
        // The first log entry after the start of one of them can't be read.
        let bad = harbour.store.saga(sagas[3]).await.unwrap().unwrap();
        let mut tx = seaworthy_core::ports::Store::begin(&harbour.store).await.unwrap();
        tx.saga_append(&seaworthy_core::ports::SagaAppend {
            saga: bad.id,
            epoch: bad.epoch,
            expected_length: bad.log_length,
            records: vec!["not a record".into()],
            status: SagaStatus::Running,
            lease: Duration::ZERO,
            sleep: Duration::ZERO,
        })
        .await
        .unwrap();
        tx.commit().await.unwrap();
        boot(&harbour, version(1, "hotel"));
        wait(60).await;
        for saga in sagas {
            let expected = if saga == bad.id { SagaStatus::Stuck } else { SagaStatus::Completed };
            assert_eq!(status(&harbour, saga).await, expected);
        }
    });
}
