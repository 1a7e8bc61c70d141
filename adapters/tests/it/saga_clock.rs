//! Timers and deadlines of sagas where the clock was wrong before a restart.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use seaworthy_core::{
    ids::SagaId,
    ports::{Clock, DelegateStore, LogEntry, SagaStatus, Store, StoreError, Timestamp},
    saga::{
        Definition, Limited, NothingToUndo, Orchestrator, OrchestratorConfig, Registry, RetryPolicy, SagaBuilder,
        Signal, Value, Wait, WaitsFor, account, saga_id,
    },
};
use seaworthy_sqlite::{SqliteConfig, SqliteStore};

use crate::support::{
    Kind, World,
    clock::VirtualClock,
    in_virtual_time, on_each_store,
    saga::{Does, Part},
    warnings::Warnings,
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
    over_a_restart_of(definition, OrchestratorConfig::default(), end, then);
}

fn over_a_restart_of(
    definition: impl Fn(&Part) -> Definition<u32>,
    config: OrchestratorConfig,
    end: impl Fn(&VirtualClock),
    then: impl AsyncFn(&World, &Part),
) {
    in_virtual_time(async {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("db");
        let clock = Arc::new(VirtualClock::new());
        // Later than the epoch, so that it can be set back.
        clock.set_ahead(YEAR * 20);
        let down = Part::local(|_| Does::Fail);
        let before = process(&path, &clock);
        before.sagas_with(definition(&down), config.clone()).start("trip", "t-1", &1_u32).await.expect("a new key");
        before.pass(HOUR / 4).await;
        assert!(down.attempts() <= 1);
        before.ports.stop.set();
        before.tasks.join().await.expect("no panic");
        drop(before);
        end(&clock);
        let up = Part::well();
        let after = process(&path, &clock);
        after.sagas_with(definition(&up), config);
        then(&after, &up).await;
        after.ports.stop.set();
        after.tasks.join().await.expect("no panic");
    });
}

async fn status(world: &World) -> SagaStatus {
    world.status_of(saga_id("trip", "t-1")).await
}

/// Since when and until when the saga waits for a signal, as an operator reads it.
async fn waits(world: &World) -> (Timestamp, Option<Timestamp>) {
    let account = account(&*world.ports.store, saga_id("trip", "t-1")).await.expect("it is there");
    let WaitsFor::Signal { since, until, .. } = account.waits_for else { panic!("{:?}", account.waits_for) };
    (since, until)
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

const AHEAD: Duration = YEAR.saturating_mul(10);

/// Lines of both who have to speak: the store whose clock is believed, and the saga.
fn said(warnings: &Warnings) -> [usize; 2] {
    let lines = warnings.lines();
    let count = |text: &str| lines.iter().filter(|line| line.contains(text)).count();
    [count("the clock is behind the store's latest time"), count("log was written by a clock that was ahead")]
}

/// The log has been written ten years ahead of the clock that is right.
#[test]
fn a_saga_of_a_clock_that_was_years_ahead_goes_on_from_now() {
    let warnings = Warnings::listen();
    over_a_restart(
        |clock| clock.set_back(AHEAD),
        async |world, up| {
            world.pass(HOUR / 8).await;
            assert_eq!(up.attempts(), 0, "its hour begins now");
            assert_eq!(world.log_of(saga_id("trip", "t-1")).await, ["started", "retry pay", "clock_set_back"]);
            world.pass(HOUR * 2).await;
            assert_eq!((up.attempts(), status(world).await), (1, SagaStatus::Completed));
        },
    );
    assert_eq!(said(&warnings), [1, 1]);
    let lines = warnings.lines();
    assert!(lines.iter().any(|line| line.contains("put_off=1 ")), "the one saga: {lines:?}");
}

/// Its attempts fail on, each read of its log is by the right clock, and its three days are three days: also where they stand
/// in a summary.
#[test]
fn a_deadline_of_a_clock_that_was_years_ahead_comes_in_its_time() {
    for log_entries_max in [256, 1] {
        let warnings = Warnings::listen();
        over_a_restart_of(
            |_| definition(&Part::local(|_| Does::Fail)),
            OrchestratorConfig::default().log_entries_max(log_entries_max),
            |clock| clock.set_back(AHEAD),
            async |world, _| {
                world.pass(HOUR * 71).await;
                assert_eq!(status(world).await, SagaStatus::Running);
                world.pass(HOUR * 2).await;
                assert_eq!(status(world).await, SagaStatus::Compensated);
            },
        );
        assert_eq!(said(&warnings), [1, 1], "once, and not at each of three days' attempts");
    }
}

/// A limit counts from when the saga came to the step; a date is a date.
#[test]
fn a_wait_of_a_clock_that_was_years_ahead_ends_in_its_time_and_one_for_a_date_on_that_date() {
    let waiting = |wait: fn() -> Wait<u32, Limited>| {
        move |part: &Part| {
            let saga = SagaBuilder::new("trip", 1).wait("visa", wait());
            saga.compensatable("pay", part.clone(), NothingToUndo).build().expect("two steps")
        }
    };
    over_a_restart_of(
        waiting(|| Wait::signal("visa").or_else(HOUR * 24, Value::NULL)),
        OrchestratorConfig::default(),
        |clock| clock.set_back(AHEAD),
        async |world, up| {
            world.pass(HOUR * 23).await;
            assert_eq!(up.attempts(), 0);
            let now = world.clock.now();
            let (since, until) = waits(world).await;
            let until = until.expect("a day");
            assert!(since <= now && now < until && until < now + HOUR * 2, "{since} to {until}, at {now}");
            world.pass(HOUR * 2).await;
            assert_eq!((up.attempts(), status(world).await), (1, SagaStatus::Completed));
        },
    );
    let date = Timestamp::EPOCH + YEAR * 20 + HOUR * 48;
    for log_entries_max in [256, 1] {
        over_a_restart_of(
            waiting(|| Wait::until(|_| Timestamp::EPOCH + YEAR * 20 + HOUR * 48)),
            OrchestratorConfig::default().log_entries_max(log_entries_max),
            |clock| clock.set_back(AHEAD),
            async |world, up| {
                world.pass(HOUR * 72).await;
                assert_eq!((up.attempts(), status(world).await), (0, SagaStatus::Running));
                assert_eq!(waits(world).await.1, Some(date), "log of {log_entries_max} entries");
                world.clock.set_ahead(AHEAD);
                world.pass(HOUR / 4).await;
                assert_eq!((up.attempts(), status(world).await), (1, SagaStatus::Completed));
            },
        );
    }
}

/// A signal that came by the right clock, before anybody read the log, does not hide that what came before is of another time.
#[test]
fn a_step_after_a_signal_that_came_meanwhile_has_its_own_time() {
    let asked = |part: &Part| {
        let hourly = RetryPolicy::default().base(HOUR).cap(HOUR);
        let saga = SagaBuilder::new("trip", 1).wait("visa", Wait::signal("visa"));
        let saga = saga.compensatable("pay", part.clone(), NothingToUndo).step_deadline(HOUR * 12);
        saga.retry(hourly).deadline(HOUR * 24).build().expect("two steps")
    };
    over_a_restart_of(
        |_| asked(&Part::local(|_| Does::Fail)),
        OrchestratorConfig::default(),
        |clock| clock.set_back(AHEAD),
        async |world, _| {
            world.pass(HOUR * 2).await;
            let mut registry = Registry::new();
            registry.register(asked(&Part::well())).expect("one definition");
            let orchestrator = Orchestrator::new(&world.ports, registry, OrchestratorConfig::default());
            orchestrator.signal(saga_id("trip", "t-1"), &Signal::new("visa", "v-1")).await.expect("it waits");
            world.pass(HOUR * 11).await;
            assert_eq!(status(world).await, SagaStatus::Running);
            world.pass(HOUR * 2).await;
            assert_eq!(status(world).await, SagaStatus::Compensated);
        },
    );
}

/// A store whose saga logs were written ten years ahead, up to some moment.
struct WrittenAhead {
    inner: Arc<dyn Store>,
    until: AtomicI64,
}

#[async_trait]
impl DelegateStore for WrittenAhead {
    fn inner(&self) -> &dyn Store {
        &*self.inner
    }

    async fn saga_log(&self, saga: SagaId, after: u64, limit: usize) -> Result<Vec<LogEntry>, StoreError> {
        let until = Timestamp::from_micros(self.until.load(Ordering::SeqCst));
        let mut entries = self.inner.saga_log(saga, after, limit).await?;
        for entry in entries.iter_mut().filter(|entry| entry.at < until) {
            entry.at = entry.at + AHEAD;
        }
        Ok(entries)
    }
}

/// Whatever the store is: the log tells what its clock showed. An operator reads in it what he waits for, not when it would
/// have come.
#[test]
fn a_log_that_was_written_years_ahead_is_read_as_if_it_had_not_been() {
    on_each_store(async |world| {
        let ahead = Arc::new(WrittenAhead { inner: world.ports.store.clone(), until: AtomicI64::new(0) });
        let world = World::on(world.kind, ahead.clone(), world.clock.clone());
        let part = Part::local(|attempt| if attempt < 4 { Does::Fail } else { Does::Well });
        world.sagas(definition(&part)).start("trip", "t-1", &1_u32).await.expect("a new key");
        world.pass(HOUR / 4).await;
        assert_eq!(part.attempts(), 1);
        ahead.until.store(world.clock.now().as_micros(), Ordering::SeqCst);
        // It sleeps for up to an hour and a half, and then as long again since it is read as if that began then.
        while world.log_of(saga_id("trip", "t-1")).await.last().map(String::as_str) != Some("clock_set_back") {
            world.pass(HOUR / 12).await;
        }
        assert_eq!(part.attempts(), 1);
        let account = account(&*world.ports.store, saga_id("trip", "t-1")).await.expect("it is there");
        let WaitsFor::Retry { until, .. } = account.waits_for else { panic!("{:?}", account.waits_for) };
        assert!(until.since(world.clock.now()) < HOUR * 2, "{until}");
        world.pass(HOUR * 6).await;
        assert_eq!((part.attempts(), status(&world).await), (4, SagaStatus::Completed));
        let log = world.log_of(saga_id("trip", "t-1")).await;
        assert_eq!(log.iter().filter(|entry| *entry == "clock_set_back").count(), 1, "{log:?}");
    });
}

/// What a process knows of the store's clock is a guess by its own, which may step: nobody turns back on a guess.
#[test]
fn a_deadline_has_not_come_while_the_clock_of_the_store_does_not_say_so() {
    on_each_store(async |world| {
        let own = Arc::new(VirtualClock::new());
        let often = Duration::from_millis(200);
        let definition = SagaBuilder::new("trip", 1).compensatable("pay", Part::local(|_| Does::Fail), NothingToUndo);
        let often = RetryPolicy::default().base(often).cap(often).local_attempts_max(None);
        let definition = definition.retry(often).deadline(HOUR / 6).build().expect("one step");
        let mut registry = Registry::new();
        registry.register(definition).expect("one definition");
        let ports = seaworthy_core::ports::Ports { clock: own.clone(), ..world.replica(3) };
        let sagas = Orchestrator::new(&ports, registry, OrchestratorConfig::default());
        let saga = sagas.start("trip", "t-1", &1_u32).await.expect("up").saga;
        world.pass(Duration::from_secs(5)).await;
        own.set_ahead(HOUR * 2);
        world.pass(Duration::from_secs(60)).await;
        assert_eq!(world.status_of(saga).await, SagaStatus::Running, "a minute of ten has passed");
        world.pass(HOUR / 6).await;
        assert_eq!(world.status_of(saga).await, SagaStatus::Compensated, "{:?}", world.log_of(saga).await.pop());
    });
}
