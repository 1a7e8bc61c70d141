//! A saga's log, read by a tool that does not know the saga: what it waits for, and each entry in words.

use std::time::Duration;

use seaworthy_core::{
    ids::{Direction, SagaId},
    ports::{Clock as _, PurgeRequest, SagaStatus},
    saga::{
        self, Account, Orchestrator, OrchestratorConfig, Record, Registry, RetryPolicy, SagaBuilder, SagaError,
        SagaRequest, Signal, Verb, Wait, WaitsFor,
    },
};

use crate::support::{
    World, on_each_store,
    saga::{Does, Part},
};

const SECOND: Duration = Duration::from_secs(1);

async fn account(world: &World, saga: SagaId) -> Account {
    saga::account(&*world.ports.store, saga).await.expect("it was started")
}

/// The log in words.
fn told(account: &Account) -> Vec<String> {
    let entries = account.entries.iter();
    entries.map(|entry| entry.record.as_ref().expect("a record of this release").to_string()).collect()
}

#[test]
fn a_stuck_saga_tells_its_step_and_reason_and_since_when() {
    on_each_store(async |world| {
        let once = RetryPolicy::default().attempts_max(Some(1));
        let definition = SagaBuilder::new("trip", 1)
            .compensatable("hotel", Part::well(), Part::well())
            .pivot("pay", Part::remote(|_| Does::Fail))
            .step_retry(once)
            .build()
            .unwrap();
        let orchestrator = world.sagas(definition);
        world.pass(SECOND * 7).await;
        let started = world.ports.store.now().await.unwrap();
        let saga = orchestrator.start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(SECOND * 60).await;
        let account = account(world, saga).await;
        let WaitsFor::Operator { reason, step, since } = &account.waits_for else { panic!("{account:?}") };
        assert_eq!(
            (reason.as_str(), step.as_deref()),
            ("step `pay` has used up its attempts: it is down", Some("pay"))
        );
        assert!(since.since(started) < SECOND * 5, "{since}, started at {started}");
        let words = told(&account);
        for (entry, expected) in words.iter().zip([
            "the saga is started",
            "step `hotel` is done",
            "attempt 1 of step `pay` begins: somebody is asked",
            "attempt 1 of step `pay` failed: it is down; the next one follows after",
            "the saga is stuck: step `pay` has used up its attempts: it is down",
        ]) {
            assert!(entry.starts_with(expected), "{words:?}");
        }
        let asked = SagaRequest::new(Verb::Resume, "ops").because("it is up");
        saga::ask(&*world.ports.store, saga, &asked).await.unwrap();
        let account = self::account(world, saga).await;
        let promised = "an answer to: resume, asked for by ops: it is up";
        assert_eq!((account.waits_for.to_string().as_str(), account.requests), (promised, vec![asked]));
    });
}

#[test]
fn a_saga_that_tries_again_tells_the_error_and_when_also_once_its_log_was_condensed() {
    on_each_store(async |world| {
        let minutely = RetryPolicy::default().base(SECOND * 60).cap(SECOND * 60);
        let definition = SagaBuilder::new("trip", 1)
            .pivot("pay", Part::remote(|_| Does::Fail))
            .step_retry(minutely)
            .build()
            .unwrap();
        let orchestrator = world.sagas_with(definition, OrchestratorConfig::default().log_entries_max(8));
        let saga = orchestrator.start("trip", "t-1", &1_u32).await.unwrap().saga;
        let mut condensed = false;
        for _ in 0..20 {
            world.pass(SECOND * 55).await;
            let account = account(world, saga).await;
            let now = world.ports.store.now().await.unwrap();
            match &account.waits_for {
                WaitsFor::Retry { step, direction: Direction::Action, error, until, .. } => {
                    assert_eq!((step.as_str(), error.as_str()), ("pay", "it is down"));
                    assert!(until.since(now) <= SECOND * 90, "{until}, it is {now}");
                }
                WaitsFor::Attempt { step, .. } => assert_eq!(step, "pay"),
                other => panic!("{other:?}"),
            }
            let first = account.entries.first().and_then(|entry| entry.record.as_ref().ok());
            condensed |= matches!(first, Some(Record::Condensed { .. }));
        }
        assert!(condensed, "a log of some twenty attempts has more than eight entries");
    });
}

#[test]
fn a_saga_that_waits_tells_for_which_signal_at_which_step_and_since_when() {
    on_each_store(async |world| {
        let definition = SagaBuilder::new("loan", 1)
            .compensatable("reserve", Part::well(), Part::well())
            .wait("approval", Wait::signal("approved"))
            .wait("cooling_off", Wait::time(SECOND * 3_600))
            .pivot("pay_out", Part::well())
            .build()
            .unwrap();
        let orchestrator = world.sagas(definition);
        world.pass(SECOND * 7).await;
        let begun = world.ports.store.now().await.unwrap();
        let saga = orchestrator.start("loan", "l-1", &1_u32).await.unwrap().saga;
        world.pass(SECOND * 60).await;
        let waits = |account: &Account| match &account.waits_for {
            WaitsFor::Signal { step, signal, since, .. } => {
                (step.to_string(), signal.clone().map(String::from), *since)
            }
            other => panic!("{other:?}"),
        };
        let (step, signal, since) = waits(&account(world, saga).await);
        assert_eq!((step.as_str(), signal.as_deref()), ("approval", Some("approved")));
        assert!(since.since(begun) < SECOND * 5, "{since}, begun at {begun}");
        assert_eq!(account(world, saga).await.waits_for.to_string(), "`approved`, at step `approval`");
        orchestrator.signal(saga, &Signal::new("approved", "a-1")).await.unwrap();
        world.pass(SECOND * 60).await;
        let (step, signal, later) = waits(&account(world, saga).await);
        assert_eq!((step.as_str(), signal), ("cooling_off", None));
        assert!(later.since(since) >= SECOND * 60, "{later} after {since}");
        assert_eq!(account(world, saga).await.waits_for.to_string(), "its moment, at step `cooling_off`");
    });
}

#[test]
fn a_saga_that_has_ended_waits_for_nothing_also_without_its_log() {
    on_each_store(async |world| {
        let orchestrator = world.sagas(SagaBuilder::new("trip", 1).pivot("pay", Part::well()).build().unwrap());
        let saga = orchestrator.start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(SECOND).await;
        assert_eq!(told(&account(world, saga).await).last().map(String::as_str), Some("the saga is completed"));
        let all = PurgeRequest { older_than: Duration::ZERO, limit: 10 };
        world.ports.store.purge_saga_logs(&all).await.unwrap();
        let account = account(world, saga).await;
        assert_eq!((account.waits_for, account.saga.status), (WaitsFor::Nothing, SagaStatus::Completed));
        let nobody = SagaId(uuid::Uuid::nil());
        assert_eq!(saga::account(&*world.ports.store, nobody).await, Err(SagaError::NotFound(nobody)));
    });
}

#[test]
fn an_entry_of_a_newer_release_is_told_as_one_that_can_not_be_read() {
    on_each_store(async |world| {
        let orchestrator =
            world.sagas(SagaBuilder::new("trip", 1).pivot("pay", Part::remote(|_| Does::Nothing)).build().unwrap());
        let saga = orchestrator.start("trip", "t-1", &1_u32).await.unwrap().saga;
        world.pass(SECOND).await;
        let account = account(world, saga).await;
        assert!(
            matches!(&account.waits_for, WaitsFor::Attempt { step, attempt: 1, .. } if step == "pay"),
            "{account:?}"
        );
        world.ports.stop.set();
        let instance = world.ports.store.saga(saga).await.unwrap().unwrap();
        let mut tx = world.ports.store.begin().await.unwrap();
        tx.saga_append(&seaworthy_core::ports::SagaAppend {
            saga,
            epoch: instance.epoch,
            expected_length: instance.log_length,
            records: vec![bytes::Bytes::from_static(b"\"paused\"")],
            status: instance.status,
            lease: Duration::ZERO,
            sleep: SECOND * 3_600,
            definition: None,
            forgets: false,
            keys: Vec::new(),
            outcome: None,
        })
        .await
        .unwrap();
        tx.commit().await.unwrap();
        let account = self::account(world, saga).await;
        let unread = account.entries.last().unwrap().record.as_ref().unwrap_err();
        assert!(unread.is_unknown(), "{unread}");
        assert_eq!(account.waits_for.step().map(|step| step.as_str()), Some("pay"), "the rest is told all the same");
    });
}

/// A saga that waits for long keeps a summary in place of its log; an operator reads in it what he read in the log.
#[test]
fn a_saga_whose_log_is_condensed_tells_what_it_waits_for() {
    on_each_store(async |world| {
        let day = SECOND * 24 * 3_600;
        let hourly = RetryPolicy::default().base(SECOND * 3_600).cap(SECOND * 3_600);
        let alone = SagaBuilder::new("trip", 1).wait("visa", Wait::signal("stamped").or_reject(day)).build().unwrap();
        let dated = SagaBuilder::new("rest", 1).wait("nap", Wait::time(day)).build().unwrap();
        let beside = SagaBuilder::new("stay", 1)
            .parallel(|group| {
                let group = group.wait("visa", Wait::signal("stamped").or_reject(day));
                group.compensatable("hotel", Part::local(|_| Does::Fail), Part::well())
            })
            .retry(hourly)
            .build()
            .unwrap();
        let mut registry = Registry::new();
        for definition in [alone, dated, beside] {
            registry.register(definition).unwrap();
        }
        let config = OrchestratorConfig::default().log_entries_max(1);
        let orchestrator = Orchestrator::new(&world.ports, registry, config);
        let (recovery, stop) = (orchestrator.clone(), world.ports.stop.clone());
        world.ports.spawn("recovery", async move { recovery.run_recovery(&stop).await });
        let begun = world.clock.now();
        for (name, step, signal) in [("trip", "visa", Some("stamped")), ("rest", "nap", None)] {
            let saga = orchestrator.start(name, "t-1", &1_u32).await.unwrap().saga;
            world.pass(SECOND).await;
            let account = account(world, saga).await;
            assert_eq!(told(&account), ["what came before is forgotten, but for what it came to"], "{name}");
            let WaitsFor::Signal { step: at, signal: what, since, until, .. } = account.waits_for else {
                panic!("{:?}", account.waits_for)
            };
            assert_eq!((at.as_str(), what.as_deref()), (step, signal));
            assert!(begun <= since && since <= begun + SECOND * 2, "{since}");
            assert_eq!(until, Some(since + day));
        }
        let saga = orchestrator.start("stay", "t-1", &1_u32).await.unwrap().saga;
        world.pass(SECOND * 7_200).await;
        // What fails and comes again says more than what waits beside it.
        let account = account(world, saga).await;
        assert!(matches!(account.waits_for, WaitsFor::Retry { .. }), "{:?}", account.waits_for);
        assert!(matches!(account.entries[0].record, Ok(Record::Condensed { .. })), "{:?}", told(&account));
    });
}
