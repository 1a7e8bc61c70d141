//! The time of a file's store over restarts, while its clock steps.

use std::{path::Path, sync::Arc, time::Duration};

use seaworthy_core::{
    message::{Message, Schedule},
    ports::{Clock as _, OutboxStore, SettleOutcome, SteadyTime, Store, Timestamp},
};
use seaworthy_redb::{RedbConfig, RedbStore};

use crate::support::{HandClock, asking, fact, message, numbers, settled, stage, token};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);
const YEAR: Duration = Duration::from_secs(365 * 24 * 3_600);

fn open(path: &Path, clock: &Arc<HandClock>) -> RedbStore {
    RedbStore::open(path, Arc::clone(clock) as _, RedbConfig::default()).unwrap()
}

/// The latest time that is in a file which nobody has open.
fn kept(path: &Path) -> Timestamp {
    let latest = fact(path, "clock")["latest"].as_i64().unwrap();
    Timestamp::from_micros(latest)
}

#[tokio::test]
async fn a_store_goes_on_from_its_latest_time_where_the_clock_was_set_back_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let clock = HandClock::new();
    let store = open(&path, &clock);
    stage(&store, &[message(1, "a")]).await;
    assert_eq!(store.claim(&asking(1, 9)).await.unwrap().len(), 1);
    let before = store.now().await.unwrap();
    drop(store);
    clock.step_back(HOUR);
    let store = open(&path, &clock);
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
    assert_eq!(open(&path, &clock).now().await.unwrap(), clock.now());
}

#[tokio::test]
async fn a_clock_that_was_years_ahead_holds_nothing_once_it_is_right() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let clock = HandClock::new();
    let right = clock.now();
    let reminder = |number, at| {
        let schedule = Schedule { not_before: Some(at), expires: None };
        Message { schedule, ..message(number, "r") }
    };
    clock.advance(YEAR * 10);
    let store = open(&path, &clock);
    stage(&store, &[message(1, "a"), message(2, "b"), reminder(3, right + HOUR * 24)]).await;
    let rows = store.claim(&asking(1, 9)).await.unwrap();
    assert_eq!(numbers(&rows), [1, 2, 3], "by that clock the reminder is years late");
    let retry = SettleOutcome::Retry { delay: HOUR, error: "timeout".into() };
    store.settle(token(1), &settled(&rows[1..], &retry)).await.unwrap();
    drop(store);
    clock.step_back(YEAR * 10);
    // A tool that only looks believes its clock, too, and leaves the file as it is.
    let tool = RedbStore::open_existing(&path, Arc::clone(&clock) as _, RedbConfig::default()).unwrap();
    assert_eq!(tool.now().await.unwrap(), right);
    drop(tool);
    assert_eq!(kept(&path), right + YEAR * 10);
    let store = open(&path, &clock);
    assert_eq!(store.now().await.unwrap(), right);
    drop(store);
    assert_eq!(kept(&path), right, "it is said once");
    let store = open(&path, &clock);
    let due = store.claim(&asking(2, 9)).await.unwrap();
    assert_eq!(numbers(&due), [1, 2], "neither the lease nor the delay of years ahead holds them");
    clock.advance(HOUR * 25);
    assert!(numbers(&store.claim(&asking(3, 9)).await.unwrap()).contains(&3), "the reminder has its moment again");
}

/// A day is the last that is taken for a step.
#[tokio::test]
async fn a_clock_is_taken_as_set_back_by_up_to_a_day() {
    for (behind, goes_on) in [(SteadyTime::BEHIND_MAX, true), (SteadyTime::BEHIND_MAX + SECOND, false)] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db");
        let clock = HandClock::new();
        let store = open(&path, &clock);
        stage(&store, &[message(1, "a")]).await;
        drop(store);
        let before = clock.now();
        clock.step_back(behind);
        let now = open(&path, &clock).now().await.unwrap();
        assert_eq!(now == before, goes_on, "{behind:?} behind");
        assert_eq!(now == clock.now(), !goes_on, "{behind:?} behind");
    }
}
