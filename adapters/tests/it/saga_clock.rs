//! Timers and deadlines of sagas where the clock was wrong before a restart.

use std::{path::Path, sync::Arc, time::Duration};

use seaworthy_core::{
    ports::{Clock, SagaStatus, Store},
    saga::{Definition, NothingToUndo, RetryPolicy, SagaBuilder, saga_id},
};
use seaworthy_sqlite::{SqliteConfig, SqliteStore};

use crate::support::{
    Kind, World,
    clock::VirtualClock,
    in_virtual_time,
    saga::{Does, Part},
};

const HOUR: Duration = Duration::from_secs(3_600);
const YEAR: Duration = Duration::from_secs(365 * 24 * 3_600);

/// A step that fails until somebody says otherwise, half an hour to one and a half between two attempts, and three days for
/// all of it.
fn definition(pay: &Part) -> Definition<u32> {
    let hourly = RetryPolicy::default().base(HOUR).cap(HOUR);
    let definition = SagaBuilder::new("trip", 1).compensatable("pay", pay.clone(), NothingToUndo);
    definition.retry(hourly).deadline(HOUR * 72).build().expect("one step")
}

fn process(path: &Path, clock: &Arc<VirtualClock>) -> World {
    let store: Arc<dyn Store> =
        Arc::new(SqliteStore::open(path, clock.clone(), SqliteConfig::default()).expect("a file of ours"));
    World::on(Kind::Sqlite, store, clock.clone())
}

/// Starts a saga, lets it fail once, and ends the process; then goes on after the clock was set.
fn over_a_restart(end: impl Fn(&VirtualClock), then: impl AsyncFn(&World, &Part)) {
    in_virtual_time(async {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("db");
        let clock = Arc::new(VirtualClock::new());
        // Later than the epoch, so that it can be set back.
        clock.set_ahead(YEAR);
        let down = Part::local(|_| Does::Fail);
        let before = process(&path, &clock);
        before.sagas(definition(&down)).start("trip", "t-1", &1_u32).await.expect("a new key");
        before.pass(HOUR / 4).await;
        assert_eq!(down.attempts(), 1);
        before.ports.stop.set();
        before.tasks.join().await.expect("no panic");
        drop(before);
        end(&clock);
        let up = Part::well();
        let after = process(&path, &clock);
        after.sagas(definition(&up));
        then(&after, &up).await;
        after.ports.stop.set();
        after.tasks.join().await.expect("no panic");
    });
}

async fn status(world: &World) -> SagaStatus {
    world.status_of(saga_id("trip", "t-1")).await
}

#[test]
fn a_saga_waits_for_its_hour_and_not_for_the_day_by_which_the_clock_was_set_back() {
    over_a_restart(
        |clock| clock.set_back(HOUR * 23),
        async |world, up| {
            world.pass(HOUR / 8).await;
            assert_eq!(up.attempts(), 0, "its time is not over");
            world.pass(HOUR * 2).await;
            assert_eq!((up.attempts(), status(world).await), (1, SagaStatus::Completed));
        },
    );
}

/// A jump ahead is time that has passed: nobody can tell it from a process that was down for as long.
#[test]
fn a_clock_that_jumped_ahead_over_a_restart_is_believed() {
    over_a_restart(
        |clock| clock.set_ahead(HOUR * 100),
        async |world, up| {
            world.pass(Duration::from_secs(60)).await;
            assert_eq!((up.attempts(), status(world).await), (0, SagaStatus::Compensated));
        },
    );
}

/// The store goes on from its last commit, and is by the clock again as soon as that is right.
#[test]
fn a_clock_that_is_put_right_after_the_restart_leaves_timers_as_they_were() {
    over_a_restart(
        |clock| clock.set_back(HOUR * 5),
        async |world, up| {
            let before = world.ports.store.now().await.expect("up");
            world.clock.set_ahead(HOUR * 5);
            let after = world.ports.store.now().await.expect("up");
            assert!(after >= before, "{before} and then {after}");
            assert_eq!(after, world.clock.now());
            world.pass(HOUR * 2).await;
            assert_eq!((up.attempts(), status(world).await), (1, SagaStatus::Completed));
        },
    );
}
