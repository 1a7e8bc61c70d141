//! Versions and records that a release does not know: it leaves them to those who do.

use std::{sync::atomic::Ordering, time::Duration};

use seaworthy_core::{
    ports::{SagaAppend, SagaStatus},
    saga::{DriveOutcome, Record, RetryPolicy, SagaBuilder},
};

use crate::support::{
    on_each_store,
    saga::{Does, Part},
    warnings::Warnings,
};

use super::{MINUTE, Payment, only, release, statuses};

#[test]
fn a_release_that_forgot_a_version_leaves_its_sagas_to_those_who_have_it() {
    on_each_store(async |world| {
        let payment = Payment::default();
        let (old, _) = release(world, 1, vec![payment.definition(1, "charge")], vec![]);
        for number in 0..20 {
            let _ = old.start("trip", &format!("t-{number}"), &1_u32).await.unwrap();
        }
        let _ = release(world, 2, vec![payment.definition(2, "authorize")], vec![]);
        // The structure of version 1 is another here.
        let _ = release(world, 3, vec![payment.definition(1, "pay")], vec![]);
        world.pass(MINUTE * 30).await;
        assert_eq!(statuses(world).await, only(SagaStatus::Running));
        payment.up.store(true, Ordering::SeqCst);
        world.pass(MINUTE * 30).await;
        assert_eq!(statuses(world).await, only(SagaStatus::Completed));
    });
}

/// When it is left first, and from an hour on each time that it is looked at.
#[test]
fn a_saga_that_nobody_knows_is_said_at_first_and_again_once_nobody_has_taken_it_up_for_long() {
    on_each_store(async |world| {
        let (_, stop) = {
            let (old, stop) = release(world, 1, vec![Payment::default().definition(2, "charge")], vec![]);
            let _ = old.start("trip", "t-1", &1_u32).await.unwrap();
            (old, stop)
        };
        world.pass(MINUTE).await;
        stop.set();
        world.pass(MINUTE).await;
        let heard = Warnings::listen();
        let _ = release(world, 2, vec![Payment::default().definition(1, "charge")], vec![]);
        let said = |text: &str| heard.lines().iter().filter(|line| line.contains(text)).count();
        world.pass(MINUTE * 50).await;
        assert_eq!((said("is left to those who know"), said("nobody takes the saga up")), (1, 0));
        world.pass(MINUTE * 60).await;
        assert_eq!(said("is left to those who know"), 1);
        assert!((1..20).contains(&said("nobody takes the saga up")), "{:#?}", heard.lines());
    });
}

/// What an operator reads of why nobody takes a saga up here.
#[test]
fn a_version_that_is_not_registered_is_told_as_newer_or_as_missing() {
    for (started, registered, reason) in [
        (2, 1, "`trip` version 2 is newer than 1, the newest that is registered here"),
        (1, 2, "`trip` version 1 is not registered: register it, or declare its migration"),
    ] {
        on_each_store(async |world| {
            let (old, stop) = release(world, 1, vec![Payment::default().definition(started, "charge")], vec![]);
            let saga = old.start("trip", "t-1", &1_u32).await.unwrap().saga;
            world.pass(MINUTE).await;
            stop.set();
            world.pass(MINUTE).await;
            let heard = Warnings::listen();
            let (other, _) = release(world, 2, vec![Payment::default().definition(registered, "charge")], vec![]);
            let told = other.state(saga).await.unwrap_err().to_string();
            assert!(told.contains(reason), "{told}");
            world.pass(MINUTE).await;
            assert!(heard.lines().iter().any(|line| line.contains(reason)), "{:?}", heard.lines());
        });
    }
}

/// It waits for an operator, of whom nobody is relieved by a note that it was left.
#[test]
fn a_stuck_saga_that_nobody_here_knows_stays_as_it_is() {
    on_each_store(async |world| {
        let once = RetryPolicy::default().attempts_max(Some(1));
        let stuck = SagaBuilder::new("trip", 1).pivot("charge", Part::local(|_| Does::Fail)).step_retry(once);
        let (old, stop) = release(world, 1, vec![stuck.build().unwrap()], vec![]);
        let saga = old.start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(MINUTE).await;
        stop.set();
        world.pass(MINUTE).await;
        let log = world.log_of(saga).await;
        let (other, _) = release(world, 2, vec![Payment::default().definition(7, "charge")], vec![]);
        assert_eq!(other.drive(saga).await, Ok(DriveOutcome::Stuck));
        world.pass(MINUTE).await;
        assert_eq!((world.status_of(saga).await, world.log_of(saga).await), (SagaStatus::Stuck, log));
    });
}

#[test]
fn a_record_that_only_a_newer_release_knows_is_left_to_it() {
    on_each_store(async |world| {
        let payment = Payment::default();
        let (orchestrator, stop) = release(world, 1, vec![payment.definition(1, "charge")], vec![]);
        let saga = orchestrator.start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(MINUTE).await;
        stop.set();
        world.pass(MINUTE).await;
        let instance = world.ports.store.saga(saga).await.unwrap().unwrap();
        let mut tx = world.ports.store.begin().await.unwrap();
        tx.saga_append(&SagaAppend {
            saga,
            epoch: instance.epoch,
            expected_length: instance.log_length,
            records: vec![r#"{"applauded":{"step":"charge"}}"#.into()],
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
        let _ = release(world, 2, vec![payment.definition(1, "charge")], vec![]);
        world.pass(MINUTE * 60 * 24).await;
        let instance = world.ports.store.saga(saga).await.unwrap().unwrap();
        assert_eq!(instance.status, SagaStatus::Running);
        let entries = world.ports.store.saga_log(saga, 0, 1_000).await.unwrap();
        assert!(matches!(Record::decode(&entries.last().unwrap().record), Ok(Record::LeftToNewer { .. })));
        assert!(instance.epoch < 100, "{} takeovers in a day", instance.epoch);
    });
}
