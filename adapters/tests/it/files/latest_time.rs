//! The time of a file's store over restarts, while its clock steps.

use std::time::Duration;

use seaworthy_core::{
    message::{Message, Schedule},
    ports::{Clock as _, SettleOutcome, SteadyTime},
};

use super::on_each_file;
use crate::support::rows::{HandClock, asking, message, numbers, settled, stage, token};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);
const YEAR: Duration = Duration::from_secs(365 * 24 * 3_600);

#[test]
fn a_store_goes_on_from_its_latest_time_where_the_clock_was_set_back_meanwhile() {
    on_each_file(async |of| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db");
        let clock = HandClock::new();
        let store = of.open(&path, &clock);
        stage(&*store, &[message(1, "a")]).await;
        assert_eq!(store.claim(&asking(1, 9)).await.unwrap().len(), 1);
        let before = store.now().await.unwrap();
        drop(store);
        clock.step_back(HOUR);
        let store = of.open(&path, &clock);
        let after = store.now().await.unwrap();
        assert!(after + SECOND > before, "{after} after {before}");
        // The lease of ten seconds ends ten seconds later, and not an hour later.
        clock.advance(SECOND * 9);
        assert!(store.claim(&asking(2, 9)).await.unwrap().is_empty());
        clock.advance(SECOND * 3);
        assert_eq!(numbers(&store.claim(&asking(2, 9)).await.unwrap()), [1]);
        // Once the clock is put right, the store's time is the clock's.
        clock.advance(HOUR * 2);
        assert_eq!(store.now().await.unwrap(), clock.now());
        drop(store);
        assert_eq!(of.open(&path, &clock).now().await.unwrap(), clock.now());
    });
}

/// Else each commit would be a statement dearer.
#[test]
fn the_latest_time_is_written_once_a_second_and_not_by_reads() {
    on_each_file(async |of| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db");
        let clock = HandClock::new();
        // A file may be read by one process at a time, so each look closes the store first.
        let staged = async |number: u128| {
            let store = of.open(&path, &clock);
            stage(&*store, &[message(number, "a")]).await;
            drop(store);
            of.kept(&path)
        };
        let first = staged(1).await;
        assert_eq!(first, clock.now());
        clock.advance(SECOND / 2);
        assert_eq!(staged(2).await, first, "half a second later");
        clock.advance(SECOND);
        let store = of.open(&path, &clock);
        let mut tx = store.begin().await.unwrap();
        tx.now().await.unwrap();
        tx.commit().await.unwrap();
        drop(store);
        assert_eq!(of.kept(&path), first, "nothing was written");
        assert_eq!(staged(3).await, clock.now());
    });
}

#[test]
fn a_clock_that_was_years_ahead_holds_nothing_once_it_is_right() {
    on_each_file(async |of| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db");
        let clock = HandClock::new();
        let right = clock.now();
        let reminder = |number, at| {
            let schedule = Schedule { not_before: Some(at), expires: None };
            Message { schedule, ..message(number, "r") }
        };
        clock.advance(YEAR * 10);
        let store = of.open(&path, &clock);
        stage(&*store, &[message(1, "a"), message(2, "b"), reminder(3, right + HOUR * 24)]).await;
        let rows = store.claim(&asking(1, 9)).await.unwrap();
        assert_eq!(numbers(&rows), [1, 2, 3], "by that clock the reminder is years late");
        let retry = SettleOutcome::Retry { delay: HOUR, error: "timeout".into() };
        store.settle(token(1), &settled(&rows[1..], &retry)).await.unwrap();
        drop(store);
        clock.step_back(YEAR * 10);
        // A tool that only looks believes its clock, too, and leaves the file as it is.
        let tool = of.open_existing(&path, &clock);
        assert_eq!(tool.now().await.unwrap(), right);
        drop(tool);
        assert_eq!(of.kept(&path), right + YEAR * 10);
        let store = of.open(&path, &clock);
        assert_eq!(store.now().await.unwrap(), right);
        drop(store);
        assert_eq!(of.kept(&path), right, "it is said once");
        let store = of.open(&path, &clock);
        let due = store.claim(&asking(2, 9)).await.unwrap();
        assert_eq!(numbers(&due), [1, 2], "neither the lease nor the delay of years ahead holds them");
        clock.advance(HOUR * 25);
        assert!(numbers(&store.claim(&asking(3, 9)).await.unwrap()).contains(&3), "the reminder has its moment again");
    });
}

/// A day is the last that is taken for a step.
#[test]
fn a_clock_is_taken_as_set_back_by_up_to_a_day() {
    on_each_file(async |of| {
        for (behind, goes_on) in [(SteadyTime::BEHIND_MAX, true), (SteadyTime::BEHIND_MAX + SECOND, false)] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("db");
            let clock = HandClock::new();
            let store = of.open(&path, &clock);
            stage(&*store, &[message(1, "a")]).await;
            drop(store);
            let before = clock.now();
            clock.step_back(behind);
            let now = of.open(&path, &clock).now().await.unwrap();
            assert_eq!(now == before, goes_on, "{behind:?} behind");
            assert_eq!(now == clock.now(), !goes_on, "{behind:?} behind");
        }
    });
}
