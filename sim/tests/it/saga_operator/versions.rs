//! Definitions that change under sagas that are under way, and recovery that goes on.

use std::time::Duration;

use seaworthy_core::{
    ids::SagaId,
    ports::{SagaStatus, SagaStore},
    saga::{Definition, DriveOutcome, Migration, RetryPolicy, SagaBuilder, SagaError},
};

use super::{boot, registry, start, status, wait};
use crate::saga_support::{
    Harbour,
    gate::{Disposition, Gate},
    simulate,
    steps::{Book, Cancel, Note, Trip, Unnote, sequential},
};

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
fn a_saga_whose_version_is_gone_is_left_alone_and_goes_on_once_it_is_back() {
    simulate(async {
        let harbour = Harbour::new();
        let saga = interrupted(&harbour, version(1, "hotel")).await;
        let (newer, stop) = harbour.boot(&Gate::open(), registry(version(2, "inn")));
        newer.recover_once().await.unwrap();
        wait(1).await;
        assert_eq!(status(&harbour, saga).await, SagaStatus::Running);
        assert_eq!(harbour.log(saga).await.last().unwrap(), "left_to_newer");
        assert!(matches!(newer.cancel(saga).await, Err(SagaError::Incompatible { .. })));
        stop.set();
        boot(&harbour, version(1, "hotel"));
        wait(60).await;
        assert_eq!(status(&harbour, saga).await, SagaStatus::Completed);
    });
}

#[test]
fn a_structure_that_changed_without_a_new_version_is_noticed() {
    simulate(async {
        let harbour = Harbour::new();
        let saga = interrupted(&harbour, version(1, "hotel")).await;
        let changed = boot(&harbour, version(1, "inn"));
        wait(15).await;
        assert_eq!(harbour.log(saga).await.last().unwrap(), "left_to_newer");
        let Err(SagaError::Incompatible { reason, .. }) = changed.state(saga).await else { panic!("it can be read") };
        assert!(reason.contains("give the new structure a new version"), "{reason}");
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
        assert_eq!(orchestrator.drive(saga).await, Ok(DriveOutcome::Completed));
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
        // One note of many rounds, and the newer release answers it.
        assert_eq!(harbour.log(saga).await.last().unwrap(), "left_to_newer");
        boot(&harbour, version(2, "hotel"));
        wait(60).await;
        assert_eq!(status(&harbour, saga).await, SagaStatus::Completed);
        let log = harbour.log(saga).await;
        let notes: Vec<_> =
            log.iter().filter(|entry| ["left_to_newer", "taken_up"].contains(&entry.as_str())).collect();
        assert_eq!(notes, ["left_to_newer", "taken_up"]);
    });
}

/// The deployment was rolled back: replicas of the old release meet the saga again and again, ever more rarely.
#[test]
fn a_saga_of_a_version_that_nobody_knows_waits_and_goes_on_once_it_is_back() {
    simulate(async {
        let harbour = Harbour::new();
        let saga = interrupted(&harbour, version(2, "hotel")).await;
        let old = [boot(&harbour, version(1, "hotel")), boot(&harbour, version(1, "hotel"))];
        wait(100_000).await;
        let instance = harbour.store.saga(saga).await.unwrap().unwrap();
        assert_eq!(instance.status, SagaStatus::Running);
        assert!(instance.epoch < 120, "{} takeovers in a day", instance.epoch);
        assert!(matches!(old[0].resume(saga).await, Err(SagaError::Incompatible { .. })));
        boot(&harbour, version(2, "hotel"));
        // An eighth of the time for which it was left, at most an hour.
        wait(3_700).await;
        assert_eq!(status(&harbour, saga).await, SagaStatus::Completed);
    });
}

/// The time for which a saga is left is counted from when nobody knew it, not from when somebody first did not.
#[test]
fn a_saga_that_sleeps_for_hours_under_a_newer_release_is_not_taken_for_one_that_nobody_knows() {
    simulate(async {
        let harbour = Harbour::new();
        let retry = RetryPolicy::default()
            .base(Duration::from_secs(20_000))
            .cap(Duration::from_secs(20_000))
            .attempts_max(None);
        let slow =
            || SagaBuilder::new("trip", 2).compensatable("hotel", Book, Cancel).step_retry(retry).build().unwrap();
        harbour.outside.fail("hotel", 1, false);
        let (newer, stop) = harbour.boot(&Gate::open(), registry(slow()));
        let saga = start(&newer).await;
        wait(5).await;
        let (old, _) = harbour.boot(&Gate::open(), registry(version(1, "hotel")));
        assert_eq!(old.drive(saga).await, Ok(DriveOutcome::Elsewhere));
        assert_eq!(harbour.log(saga).await.last().unwrap(), "left_to_newer");
        wait(10).await;
        assert_eq!(newer.drive(saga).await, Ok(DriveOutcome::Sleeping));
        stop.set();
        wait(10_000).await;
        assert_eq!(old.drive(saga).await, Ok(DriveOutcome::Elsewhere));
        assert_eq!(status(&harbour, saga).await, SagaStatus::Running);
        boot(&harbour, slow());
        wait(40_000).await;
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
            definition: None,
            forgets: false,
            keys: Vec::new(),
            outcome: None,
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

#[test]
fn a_recovery_that_meets_an_error_tries_again_at_its_next_round() {
    simulate(async {
        let harbour = Harbour::new();
        let gate = Gate::open();
        let (first, _) = harbour.boot(&gate, registry(sequential()));
        let saga = start(&first).await;
        gate.kill();
        // The store's clock, and what there is to take over, three times.
        let failing = Gate::striking((0..4).map(|number| (number, Disposition::Unavailable)));
        let (second, stop) = harbour.boot(&failing, registry(sequential()));
        let recovery = second.clone();
        madsim::task::spawn(async move { recovery.run_recovery(&stop).await });
        wait(60).await;
        assert_eq!(failing.names()[..4], ["now", "acquire_sagas", "acquire_sagas", "acquire_sagas"]);
        assert_eq!(status(&harbour, saga).await, SagaStatus::Completed);
    });
}
