//! What an orchestrator does over the simulated store, with and without failures.

use std::time::Duration;

use crate::saga_support::{
    Harbour,
    gate::{Disposition, Gate},
    simulate,
    steps::{self, Trip, effects},
};
use seaworthy_core::{
    ports::{SagaStatus, SagaStore, Store, StoreError},
    saga::{Definition, DriveOutcome, Registry, Status, saga_id},
};

fn registry(definition: Definition<Trip>) -> Registry {
    let mut registry = Registry::new();
    registry.register(definition).expect("one definition");
    registry
}

#[test]
fn seed_06_a_saga_without_failures_costs_one_transaction_a_step_and_reads_nothing() {
    simulate(async {
        let (harbour, gate) = (Harbour::new(), Gate::open());
        let (orchestrator, _) = harbour.boot(&gate, registry(steps::sequential()));
        let mut tx = harbour.store.begin().await.unwrap();
        let started = orchestrator.start_in(&mut *tx, "trip", "t-1", &Trip::default()).await.unwrap();
        tx.commit().await.unwrap();
        let saga = started.saga;
        assert_eq!(orchestrator.drive_started(started).await, DriveOutcome::Completed);
        let local = ["begin", "put", "saga_append", "commit"];
        let remote = ["begin", "saga_append", "commit", "external", "begin", "saga_append", "commit"];
        // `insurance` does not apply: its entry goes with that of `pay`, and the end with that of `ticket`.
        assert_eq!(gate.names(), [&local[..], &remote, &local, &local].concat());
        let log =
            ["started", "done seat", "attempting hotel", "done hotel", "skipped insurance", "done pay", "done ticket"];
        assert_eq!(harbour.log(saga).await, [&log[..], &["completed"]].concat());
    });
}

#[test]
fn a_rejected_step_is_answered_by_undoing_what_was_done_in_reverse() {
    simulate(async {
        let (harbour, gate) = (Harbour::new(), Gate::open());
        let (orchestrator, _) = harbour.boot(&gate, registry(steps::sequential()));
        let trip = Trip { rejected: Some("pay".to_owned()), insured: true };
        let mut tx = harbour.store.begin().await.unwrap();
        let started = orchestrator.start_in(&mut *tx, "trip", "t-1", &trip).await.unwrap();
        tx.commit().await.unwrap();
        let saga = started.saga;
        assert_eq!(orchestrator.drive_started(started).await, DriveOutcome::Compensated);
        let log = harbour.log(saga).await;
        assert_eq!(
            log[5..],
            [
                "rejected pay",
                "compensation_begun",
                "compensated insurance",
                "compensated hotel",
                "compensated seat",
                "rolled_back"
            ]
        );
        assert_eq!(harbour.outside.booked(), Vec::<String>::new());
        assert_eq!(effects(&harbour.store).await, [("insurance".to_owned(), 1, 1), ("seat".to_owned(), 1, 1)]);
    });
}

#[test]
fn a_rejected_sibling_cuts_the_others_short_and_all_of_them_are_undone() {
    simulate(async {
        let (harbour, gate) = (Harbour::new(), Gate::open());
        harbour.outside.refuse("car");
        harbour.outside.delay("hotel", Duration::from_secs(3));
        let (orchestrator, _) = harbour.boot(&gate, registry(steps::parallel()));
        let started = orchestrator.start("trip", "t-1", &Trip::default()).await.unwrap();
        madsim::time::sleep(Duration::from_secs(2)).await;
        let state = orchestrator.state(started.saga).await.unwrap();
        assert_eq!(state.status(), Status::Compensating, "the call of `hotel` takes a second more");
        madsim::time::sleep(Duration::from_secs(10)).await;
        let state = orchestrator.state(started.saga).await.unwrap();
        assert_eq!(state.status(), Status::Compensated);
        // Whether `hotel` was booked was in doubt, so it was cancelled.
        assert_eq!(harbour.outside.booked(), Vec::<String>::new());
        let effects = effects(&harbour.store).await;
        assert!(
            !effects.is_empty() && effects.iter().all(|(_, done, undone)| (*done, *undone) == (1, 1)),
            "{effects:?}"
        );
    });
}

#[test]
fn starting_twice_with_one_key_gives_one_saga() {
    simulate(async {
        let (harbour, gate) = (Harbour::new(), Gate::open());
        let (orchestrator, _) = harbour.boot(&gate, registry(steps::sequential()));
        let first = orchestrator.start("trip", "t-1", &Trip::default()).await.unwrap();
        let second = orchestrator.start("trip", "t-1", &Trip::default()).await.unwrap();
        assert_eq!((first.created, second.created), (true, false));
        assert_eq!(first.saga, second.saga);
        assert_eq!(first.saga, saga_id("trip", "t-1"));
        madsim::time::sleep(Duration::from_secs(1)).await;
        assert!(effects(&harbour.store).await.iter().all(|(_, done, _)| *done == 1));
    });
}

#[test]
fn a_start_whose_answer_was_lost_is_not_started_twice() {
    simulate(async {
        let harbour = Harbour::new();
        // begin, create, append, commit
        let gate = Gate::striking([(3, Disposition::ReplyLost)]);
        let (orchestrator, _) = harbour.boot(&gate, registry(steps::sequential()));
        let lost = orchestrator.start("trip", "t-1", &Trip::default()).await.unwrap_err();
        assert!(matches!(lost, seaworthy_core::saga::SagaError::Store(StoreError::Unknown(_))));
        let again = orchestrator.start("trip", "t-1", &Trip::default()).await.unwrap();
        assert!(!again.created);
    });
}

#[test]
fn a_fenced_owner_stops_and_writes_nothing_more() {
    simulate(async {
        let (harbour, gate) = (Harbour::new(), Gate::open());
        let (orchestrator, _) = harbour.boot(&gate, registry(steps::sequential()));
        // The owner hangs in a call for far longer than its lease, which it can't renew.
        harbour.outside.delay("hotel", Duration::from_secs(60));
        let started = orchestrator.start("trip", "t-1", &Trip::default()).await.unwrap();
        madsim::time::sleep(Duration::from_secs(1)).await;
        let epoch = harbour.store.saga(started.saga).await.unwrap().unwrap().epoch;
        harbour.store.renew_saga(started.saga, epoch, Duration::ZERO).await.unwrap();
        harbour.outside.delay("hotel", Duration::ZERO);
        let other_gate = Gate::open();
        let (other, _) = harbour.boot(&other_gate, registry(steps::sequential()));
        assert_eq!(other.drive(started.saga).await, Ok(DriveOutcome::Completed));
        madsim::time::sleep(Duration::from_secs(120)).await;
        assert!(effects(&harbour.store).await.iter().all(|(_, done, _)| *done == 1));
        assert_eq!(harbour.outside.booked(), ["hotel"]);
        let instance = harbour.store.saga(started.saga).await.unwrap().unwrap();
        assert_eq!((instance.status, instance.epoch), (SagaStatus::Completed, epoch + 1));
    });
}

#[test]
fn the_lease_is_renewed_while_a_participant_is_slow() {
    simulate(async {
        let (harbour, gate) = (Harbour::new(), Gate::open());
        let (orchestrator, stop) = harbour.boot(&gate, registry(steps::sequential()));
        harbour.outside.delay("hotel", Duration::from_secs(60));
        let started = orchestrator.start("trip", "t-1", &Trip::default()).await.unwrap();
        let other = harbour.boot(&Gate::open(), registry(steps::sequential())).0;
        madsim::task::spawn(async move { other.run_recovery(&stop).await });
        madsim::time::sleep(Duration::from_secs(90)).await;
        let instance = harbour.store.saga(started.saga).await.unwrap().unwrap();
        assert_eq!((instance.status, instance.epoch), (SagaStatus::Completed, 1));
        assert!(gate.names().iter().filter(|name| **name == "renew_saga").count() >= 6);
    });
}

#[test]
fn a_graceful_stop_gives_the_saga_to_the_next_process_without_waiting_for_the_lease() {
    simulate(async {
        let (harbour, gate) = (Harbour::new(), Gate::open());
        let (orchestrator, stop) = harbour.boot(&gate, registry(steps::sequential()));
        harbour.outside.delay("hotel", Duration::from_secs(2));
        let started = orchestrator.start("trip", "t-1", &Trip::default()).await.unwrap();
        madsim::time::sleep(Duration::from_secs(1)).await;
        stop.set();
        orchestrator.run_recovery(&stop).await;
        let next = harbour.boot(&Gate::open(), registry(steps::sequential())).0;
        assert_eq!(next.drive(started.saga).await, Ok(DriveOutcome::Completed));
        // The step under way was finished before the stop: nobody asked twice.
        assert_eq!(harbour.outside.calls(), ["book hotel"]);
    });
}

#[test]
fn long_delays_give_the_saga_up_until_it_is_due() {
    simulate(async {
        let (harbour, gate) = (Harbour::new(), Gate::open());
        let (orchestrator, stop) = harbour.boot(&gate, registry(steps::sequential()));
        // With 100 ms doubled each time, the later delays are longer than what is waited in memory.
        harbour.outside.fail("hotel", 8, false);
        let started = orchestrator.start("trip", "t-1", &Trip::default()).await.unwrap();
        madsim::task::spawn(async move { orchestrator.run_recovery(&stop).await });
        madsim::time::sleep(Duration::from_secs(120)).await;
        let instance = harbour.store.saga(started.saga).await.unwrap().unwrap();
        assert_eq!(instance.status, SagaStatus::Completed);
        assert!(instance.epoch > 1, "the saga was never given up");
        assert_eq!(harbour.outside.calls().len(), 9);
    });
}
