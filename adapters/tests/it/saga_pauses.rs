//! How long a saga rests after what, how often it tries again, and when it leaves the rest to others.

use std::time::Duration;

use seaworthy_core::{
    backoff::Backoff,
    ports::{FailureKind, Operation, Ports},
    saga::{Definition, DriveOutcome, Orchestrator, OrchestratorConfig, Registry, RetryPolicy, SagaBuilder, saga_id},
};

use crate::support::{
    World,
    calls::{Calls, Fate, doubled},
    on_each_store,
    saga::{Does, Part},
};

const FIRST: Duration = Duration::from_millis(5);
const LONGEST: Duration = Duration::from_secs(1);

fn after_each() -> impl Iterator<Item = u128> {
    doubled(FIRST, LONGEST)
}

fn pays(part: Part) -> Definition<u32> {
    let once = RetryPolicy::default().attempts_max(Some(1));
    SagaBuilder::new("trip", 1).pivot("pay", part).step_retry(once).build().unwrap()
}

fn config() -> OrchestratorConfig {
    OrchestratorConfig::default().store_failures_max(4)
}

/// Starts the saga `t-1` on a store that is well, and drives it on the one of these ports: nobody recovers it.
async fn drive(world: &World, ports: &Ports, definition: Definition<u32>, config: OrchestratorConfig) -> DriveOutcome {
    let mut registry = Registry::new();
    registry.register(definition).unwrap();
    let orchestrator = Orchestrator::new(ports, registry, config);
    let mut tx = world.ports.store.begin().await.unwrap();
    let started = orchestrator.start_in(&mut *tx, "trip", "t-1", &1_u32).await.unwrap();
    tx.commit().await.unwrap();
    orchestrator.drive_started(started).await
}

/// The first conflict is a race that is lost, and costs no wait; whatever is refused is not asked for again. An outage is
/// no reason to read the log: nothing was written.
#[test]
fn a_store_that_fails_is_asked_again_after_ever_longer_pauses_and_then_left_to_recovery() {
    use FailureKind::{Conflict, Refused, Unavailable, Unknown};
    let (outage, race) = (vec![5, 10, 20, 40], vec![0, 10, 20, 40]);
    for (kind, pauses, reads) in
        [(Unavailable, outage.clone(), 0), (Unknown, outage, 4), (Conflict, race, 4), (Refused, vec![], 0)]
    {
        on_each_store(async |world| {
            let fails = move |operation, _| match operation {
                Operation::Begin => Fate::Fails(kind),
                _ => Fate::Well,
            };
            let (calls, ports) = Calls::before(&world.ports, fails);
            let outcome = drive(world, &ports, pays(Part::well()), config()).await;
            assert_eq!(
                (outcome, calls.pauses(Operation::Begin)),
                (DriveOutcome::Interrupted, pauses.clone()),
                "{kind:?}"
            );
            assert_eq!(calls.times(Operation::Saga).len(), reads, "{kind:?}");
        });
    }
}

/// Once the store has answered, what it did before is forgotten.
#[test]
fn failures_of_a_store_count_in_a_row() {
    on_each_store(async |world| {
        let fails = |operation, number| match operation {
            Operation::Begin if number % 4 != 0 => Fate::Fails(FailureKind::Unavailable),
            _ => Fate::Well,
        };
        let (calls, ports) = Calls::before(&world.ports, fails);
        let outcome = drive(world, &ports, pays(Part::remote(|_| Does::Well)), config()).await;
        assert_eq!(outcome, DriveOutcome::Completed);
        let pauses = calls.pauses(Operation::Begin);
        assert_eq!(pauses, [5, 10, 20, 0, 5, 10, 20], "two entries, the fourth try of each");
    });
}

#[test]
fn an_attempt_whose_own_statements_fail_is_made_nine_times_with_pauses_before_it_has_failed() {
    for (does, pauses) in [(Does::Outage, 0), (Does::Conflict, 1)] {
        on_each_store(async |world| {
            let (calls, ports) = Calls::before(&world.ports, |_, _| Fate::Well);
            let step = Part::local(move |_| does);
            assert_eq!(drive(world, &ports, pays(step.clone()), config()).await, DriveOutcome::Stuck);
            let mut expected: Vec<_> = after_each().take(8).collect();
            expected[..pauses].fill(0);
            assert_eq!(calls.pauses(Operation::Begin)[..8], expected, "{does:?}");
            assert_eq!(step.attempts(), 9);
        });
    }
}

/// A transaction that conflicts at its commit although the log stands where it stood is the step's own fault, and counts
/// for its budget; one of the log alone is the store's.
#[test]
fn a_commit_that_conflicts_each_time_fails_the_step_if_it_was_the_steps_and_is_left_to_recovery_if_not() {
    let conflicts = |times| {
        move |operation, number| match operation {
            Operation::Commit if number <= times => Fate::Fails(FailureKind::Conflict),
            _ => Fate::Well,
        }
    };
    on_each_store(async |world| {
        let (calls, ports) = Calls::before(&world.ports, conflicts(9));
        assert_eq!(drive(world, &ports, pays(Part::well()), config()).await, DriveOutcome::Stuck);
        let expected: Vec<_> = [0].into_iter().chain(after_each().skip(1)).take(8).collect();
        assert_eq!(calls.pauses(Operation::Commit)[..8], expected);
        assert_eq!(world.log_of(saga_id("trip", "t-1")).await, ["started", "retry pay", "stuck"]);
    });
    on_each_store(async |world| {
        let (calls, ports) = Calls::before(&world.ports, conflicts(usize::MAX));
        let asked = Part::remote(|_| Does::Well);
        assert_eq!(drive(world, &ports, pays(asked.clone()), config()).await, DriveOutcome::Interrupted);
        assert_eq!((calls.pauses(Operation::Commit), asked.attempts()), (vec![0, 10, 20, 40], 0));
    });
}

/// One of its commits comes to pass, and nobody hears of it.
#[test]
fn what_was_written_and_not_answered_is_found_in_the_log_and_done_once() {
    for number in 1..=3 {
        on_each_store(async |world| {
            let is_lost = move |operation, commit| operation == Operation::Commit && commit == number;
            let lost = move |operation, commit| if is_lost(operation, commit) { Fate::Lost } else { Fate::Well };
            let (_, ports) = Calls::before(&world.ports, lost);
            let (seat, pay) = (Part::well(), Part::remote(|_| Does::Well));
            let definition = SagaBuilder::new("trip", 1)
                .compensatable("seat", seat.clone(), Part::well())
                .pivot("pay", pay.clone())
                .build()
                .unwrap();
            let outcome = drive(world, &ports, definition, config()).await;
            assert_eq!((outcome, seat.attempts(), pay.attempts()), (DriveOutcome::Completed, 1, 1), "commit {number}");
        });
    }
}

/// A wait that is as long as the longest in memory is one in memory.
#[test]
fn a_saga_waits_in_memory_up_to_the_setting_and_is_given_up_for_longer() {
    let fails_once = || Part::local(|attempt| if attempt == 1 { Does::Fail } else { Does::Well });
    for (beyond, forward, outcome) in [
        (0, true, DriveOutcome::Completed),
        (1, true, DriveOutcome::Sleeping),
        (0, false, DriveOutcome::Compensated),
        (1, false, DriveOutcome::Sleeping),
    ] {
        on_each_store(async |world| {
            let (calls, ports) = Calls::before(&world.ports, |_, _| Fate::Well);
            let retry = RetryPolicy::default().base(Duration::from_secs(1) + Duration::from_millis(beyond));
            let definition = match forward {
                true => SagaBuilder::new("trip", 1).retriable("pay", fails_once()).step_retry(retry).build(),
                false => SagaBuilder::new("trip", 1)
                    .compensatable("seat", Part::well(), fails_once())
                    .compensation_retry(retry)
                    .pivot("pay", Part::local(|_| Does::Reject))
                    .build(),
            };
            let config = OrchestratorConfig::default().wait_in_memory(Duration::from_secs(1));
            assert_eq!(drive(world, &ports, definition.unwrap(), config).await, outcome, "{beyond} {forward}");
            if (beyond, forward) == (1, true) {
                assert_eq!(calls.times(Operation::Commit).len(), 1, "the failure and the sleep are one entry");
            }
        });
    }
}

/// A process that looks for the end of a saga which another drives reads its row, ever more rarely, and gives up where the
/// store refuses.
#[test]
fn whoever_waits_for_the_end_of_a_saga_asks_a_store_that_fails_again_unless_it_refuses() {
    for (kind, goes_on) in [(FailureKind::Unavailable, true), (FailureKind::Refused, false)] {
        on_each_store(async |world| {
            let fails = move |operation, number| match operation {
                Operation::Saga if number <= 3 => Fate::Fails(kind),
                _ => Fate::Well,
            };
            let (calls, ports) = Calls::before(&world.ports, fails);
            let mut registry = Registry::new();
            registry.register(pays(Part::well())).unwrap();
            let poll = Backoff::new(Duration::from_millis(50), Duration::from_secs(5));
            let config = OrchestratorConfig::default().concurrency(0).outcome_poll(poll);
            let watcher = Orchestrator::new(&ports, registry, config);
            let started = watcher.start("trip", "t-1", &1_u32).await.unwrap();
            let handle = watcher.handle(started.saga);
            let ended = handle.outcome_within(Duration::from_millis(2_000)).await;
            match goes_on {
                true => assert!(matches!(ended, Ok(None)), "{ended:?}"),
                false => assert!(ended.is_err(), "{ended:?}"),
            }
            let pauses = calls.pauses(Operation::Saga);
            let expected = if goes_on { vec![50, 100, 200, 400, 800] } else { vec![] };
            assert_eq!(pauses, expected, "{kind:?}");
        });
    }
}

/// A crash between two of them would only cost a takeover; a commit of its own would cost each saga one.
#[test]
fn what_follows_from_an_entry_is_written_with_it() {
    for (pays, commits, log) in [
        (Does::Well, 2, vec!["started", "done seat", "done pay", "completed"]),
        (
            Does::Reject,
            3,
            vec!["started", "done seat", "rejected pay", "compensation_begun", "compensated seat", "rolled_back"],
        ),
    ] {
        on_each_store(async |world| {
            let (calls, ports) = Calls::before(&world.ports, |_, _| Fate::Well);
            let seat = SagaBuilder::new("trip", 1).compensatable("seat", Part::well(), Part::well());
            let definition = seat.pivot("pay", Part::local(move |_| pays)).build().unwrap();
            let _ = drive(world, &ports, definition, config()).await;
            assert_eq!(world.log_of(saga_id("trip", "t-1")).await, log);
            assert_eq!(calls.times(Operation::Commit).len(), commits, "{pays:?}");
        });
    }
}
