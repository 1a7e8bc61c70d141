//! Figures of a service: what the calls of its ports came to, and what waits.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use seaworthy_core::{
    backoff::Backoff,
    ids::{ClaimToken, OperationId},
    inbox::{HandlerError, discard},
    message::{Message, Schedule},
    metrics::{Label, Measure, MeasureKind, Metrics, metered, watch},
    outbox::{Relay, RelayConfig},
    ports::{
        ClaimRequest, Clock, DeadLetterRequest, ExternalCall, ExternalError, FailureKind, Operation, OutboxOrder,
        Ports, PublishError, SettleOutcome, Settlement, WhenDead,
    },
    saga::{Orchestrator, OrchestratorConfig, Registry, RetryPolicy, SagaBuilder, saga_id},
};

use seaworthy_tokio::LocalExternal;

use crate::support::{
    calls::{Calls, Fate},
    inbox::{Scripted, order},
    messages::message,
    on_each_store,
    publishing::before_publishing,
    saga::{Does, Part},
};

/// Remembers all figures by name and labels: sums of counters, the last value of a gauge, the sum of durations.
#[derive(Default)]
pub(crate) struct Book {
    counts: Mutex<BTreeMap<String, u64>>,
    times: Mutex<BTreeMap<String, (u64, Duration)>>,
    values: Mutex<BTreeMap<String, f64>>,
}

impl Book {
    pub(crate) fn count(&self, name: &str) -> u64 {
        self.counts.lock().unwrap().get(name).copied().unwrap_or(0)
    }

    fn time(&self, name: &str) -> (u64, Duration) {
        self.times.lock().unwrap().get(name).copied().unwrap_or_default()
    }

    pub(crate) fn value(&self, name: &str) -> Option<f64> {
        self.values.lock().unwrap().get(name).copied()
    }
}

fn key(measure: Measure, kind: MeasureKind, labels: &[Label<'_>]) -> String {
    assert_eq!(measure.kind(), kind, "{measure:?}");
    assert_eq!(labels.iter().map(|(name, _)| *name).collect::<Vec<_>>(), measure.labels(), "{measure:?}");
    let values: Vec<_> = labels.iter().map(|(_, value)| *value).collect();
    format!("{measure:?} {}", values.join(" ")).trim_end().to_owned()
}

impl Metrics for Book {
    fn add(&self, measure: Measure, labels: &[Label<'_>], count: u64) {
        *self.counts.lock().unwrap().entry(key(measure, MeasureKind::Counter, labels)).or_default() += count;
    }

    fn took(&self, measure: Measure, labels: &[Label<'_>], time: Duration) {
        let mut times = self.times.lock().unwrap();
        let (count, sum) = times.entry(key(measure, MeasureKind::Timer, labels)).or_default();
        (*count, *sum) = (*count + 1, *sum + time);
    }

    fn set(&self, measure: Measure, labels: &[Label<'_>], value: f64) {
        self.values.lock().unwrap().insert(key(measure, MeasureKind::Gauge, labels), value);
    }
}

#[test]
fn an_outbox_tells_what_was_staged_published_and_settled() {
    on_each_store(async |world| {
        let book = Arc::new(Book::default());
        let ports = metered(world.ports.clone(), book.clone());
        let mut given_up = ports.store.begin().await.unwrap();
        given_up.stage(&message("a", 99)).await.unwrap();
        drop(given_up);
        let mut tx = ports.store.begin().await.unwrap();
        for (topic, number) in [("a", 1), ("a", 2), ("b", 1)] {
            tx.stage(&message(topic, number)).await.unwrap();
        }
        tx.commit().await.unwrap();
        world.broker.says(
            |message, _| {
                if message.topic == "b" { Err(PublishError::Refused("too large".into())) } else { Ok(()) }
            },
        );
        ports.spawn("relay", Relay::new(&ports).run());
        world.pass(Duration::from_secs(5)).await;

        assert_eq!((book.count("Staged a"), book.count("Staged b")), (2, 1));
        assert_eq!((book.count("Published a accepted"), book.count("Published b refused")), (2, 1));
        assert_eq!((book.count("Settled dispatched"), book.count("Settled dead")), (2, 1));
        assert_eq!((book.time("PublishTime a").0, book.time("PublishTime b").0), (1, 1));
        assert_eq!(book.time("CommitTime committed").0, 1);
        assert_eq!(book.count("ClaimsLost"), 0);
    });
}

#[test]
fn a_pass_that_takes_longer_than_its_lease_is_told_as_lost_claims() {
    on_each_store(async |world| {
        let book = Arc::new(Book::default());
        let clock = world.clock.clone();
        let slow = before_publishing(world.broker.clone(), move |_| {
            let clock = clock.clone();
            Box::pin(async move {
                clock.sleep(Duration::from_secs(1)).await;
                Ok(())
            })
        });
        // It is told that its store is busy, and asks again when the lease is over.
        let busy = |operation, number| match operation {
            Operation::Settle if number == 1 => Fate::Fails(FailureKind::Unavailable),
            _ => Fate::Well,
        };
        let (_, ports) = Calls::before(&Ports { broker: slow, ..world.ports.clone() }, busy);
        let ports = metered(ports, book.clone());
        world.stage([message("a", 1)]).await;
        let pause = Duration::from_millis(2_500);
        let config = RelayConfig::default().lease(Duration::from_secs(2)).store_backoff(Backoff::new(pause, pause));
        let slow = Relay::new(&ports).config(config).run();
        ports.spawn("slow", slow);
        world.pass(Duration::from_millis(2_500)).await;
        // Another relay takes the row up, whose lease is over, and settles it before the first one comes back.
        world.ports.spawn("quick", Relay::new(&world.ports).run());
        world.pass(Duration::from_secs(5)).await;
        assert_eq!((book.count("ClaimsLost"), book.count("Settled dispatched")), (1, 0));
        assert_eq!(book.time("PublishTime a"), (1, Duration::from_secs(1)));
    });
}

#[test]
fn a_consumer_tells_what_it_handled_dropped_failed_at_and_buried() {
    on_each_store(async |world| {
        let book = Arc::new(Book::default());
        let ports = metered(world.ports.clone(), book.clone());
        let clock = world.clock.clone();
        let handler = Scripted::new(move |_, message| {
            let clock = clock.clone();
            Box::pin(async move {
                clock.sleep(Duration::from_secs(1)).await;
                match &*message.subject {
                    "order-2" => Err(HandlerError::Unavailable("it is down".into())),
                    _ => Ok(()),
                }
            })
        });
        world.publish([order(1), order(2), order(1)]).await;
        ports.spawn("consumer", handler.consumer(&ports, |config| config).run());
        world.pass(Duration::from_secs(120)).await;

        assert_eq!((book.count("Handled shop"), book.count("Duplicates shop")), (1, 1));
        assert_eq!(book.time("HandlingTime shop committed"), (1, Duration::from_secs(1)));
        // Each failed attempt rolled back; the last of them buried the message.
        let runs = handler.runs("order-2") as u64;
        assert_eq!(book.time("HandlingTime shop rolled_back"), (runs, Duration::from_secs(runs)));
        assert_eq!((book.count("HandlingFailed shop"), book.count("Buried shop")), (runs, 1));
    });
}

#[test]
fn sagas_tell_what_started_what_each_attempt_came_to_and_how_they_ended() {
    on_each_store(async |world| {
        let book = Arc::new(Book::default());
        let ports = metered(world.ports.clone(), book.clone());
        let flaky = Part::local(|attempt| if attempt < 3 { Does::Fail } else { Does::Well });
        let doubtful = Part::remote(|attempt| if attempt == 1 { Does::Doubt } else { Does::Well });
        let no = Part::remote(|_| Does::Reject);
        let mut registry = Registry::new();
        let trip = SagaBuilder::new("trip", 1)
            .compensatable("book", flaky, Part::well())
            .pivot("pay", doubtful)
            .build()
            .unwrap();
        registry.register(trip).unwrap();
        let refused = SagaBuilder::new("refused", 1).compensatable("hold", Part::well(), Part::well()).pivot("ask", no);
        registry.register(refused.build().unwrap()).unwrap();
        let never = Part::local(|_| Does::Fail);
        let stuck = SagaBuilder::new("stuck", 1).pivot("go", Part::well()).retriable("tell", never);
        let stuck = stuck.retry(RetryPolicy::default().attempts_max(Some(2)));
        registry.register(stuck.build().unwrap()).unwrap();
        let orchestrator = Orchestrator::new(&ports, registry, OrchestratorConfig::default());
        let (recovery, stop) = (orchestrator.clone(), ports.stop.clone());
        ports.spawn("recovery", async move { recovery.run_recovery(&stop).await });
        for (definition, key) in [("trip", "t-1"), ("refused", "r-1"), ("stuck", "s-1"), ("trip", "t-1")] {
            let _ = orchestrator.start(definition, key, &1_u32).await.unwrap();
        }
        world.pass(Duration::from_secs(600)).await;

        assert_eq!((book.count("SagasStarted trip"), book.count("SagasStarted refused")), (1, 1));
        assert_eq!((book.count("Attempts book transient"), book.count("Attempts book done")), (2, 1));
        assert_eq!((book.count("Attempts pay unknown"), book.count("Attempts pay done")), (1, 1));
        assert_eq!((book.count("Attempts ask rejected"), book.count("Attempts hold compensated")), (1, 1));
        assert_eq!(book.count("Attempts tell transient"), 2);
        let settled = |status: &str| book.count(&format!("SagasSettled {status}"));
        assert_eq!((settled("completed"), settled("compensated"), settled("stuck")), (1, 1, 1));
    });
}

#[test]
fn sagas_that_are_taken_over_are_counted() {
    on_each_store(async |world| {
        let book = Arc::new(Book::default());
        let ports = metered(world.ports.clone(), book.clone());
        let registry = || {
            let mut registry = Registry::new();
            registry.register(SagaBuilder::new("trip", 1).pivot("pay", Part::well()).build().unwrap()).unwrap();
            registry
        };
        // A process that drives none itself.
        let starter = OrchestratorConfig::default().concurrency(0);
        let starter = Orchestrator::new(&world.ports, registry(), starter);
        let orchestrator = Orchestrator::new(&ports, registry(), OrchestratorConfig::default());
        assert_eq!((orchestrator.recover_once().await, book.count("SagasAcquired")), (Ok(0), 0));
        for key in ["t-1", "t-2", "t-3"] {
            let _ = starter.start("trip", key, &1_u32).await.unwrap();
        }
        assert_eq!((orchestrator.recover_once().await, book.count("SagasAcquired")), (Ok(3), 3));
    });
}

#[test]
fn calls_outside_are_timed_by_how_they_ended_and_failures_are_told_by_operation() {
    on_each_store(async |world| {
        let book = Arc::new(Book::default());
        let clock = world.clock.clone();
        let external = LocalExternal::new().service("payments", move |call| {
            let clock = clock.clone();
            async move {
                clock.sleep(Duration::from_millis(40)).await;
                match &*call.operation {
                    "charge" => Ok(Bytes::new()),
                    _ => Err(ExternalError::Refused("no".into())),
                }
            }
        });
        let ports = Ports { external: Arc::new(external), ..world.ports.clone() };
        let ports = metered(ports, book.clone());
        for (number, operation) in ["charge", "steal"].into_iter().enumerate() {
            let call = ExternalCall {
                service: "payments".into(),
                operation: operation.into(),
                operation_id: OperationId(uuid::Uuid::from_u128(number as u128)),
                body: Bytes::new(),
            };
            let _ = ports.external.call(&call).await;
        }
        let forty = Duration::from_millis(40);
        assert_eq!(book.time("ExternalTime payments charge answered"), (1, forty));
        assert_eq!(book.time("ExternalTime payments steal refused"), (1, forty));
        assert_eq!(book.count("PortFailures external refused"), 1);
    });
}

#[test]
fn what_waits_in_the_store_is_read_now_and_then_until_a_stop() {
    on_each_store(async |world| {
        let book = Arc::new(Book::default());
        let every = Duration::from_secs(15);
        world.ports.spawn("watch", watch(world.ports.clone(), book.clone(), every));
        world.pass(Duration::from_secs(1)).await;
        assert_eq!((book.value("Pending"), book.value("OldestPending")), (Some(0.0), Some(0.0)));
        let staged = world.clock.now();
        let waiting = (1..=3).map(|number| Message { time: staged, ..message("a", number) });
        world.stage(waiting).await;
        assert_eq!(book.value("Pending"), Some(0.0), "before its turn");
        world.pass(every).await;
        assert_eq!((book.value("Pending"), book.value("Dead")), (Some(3.0), Some(0.0)));
        let age = book.value("OldestPending").unwrap();
        assert!((10.0..=15.0).contains(&age), "{age}");
        world.ports.stop.set();
        world.tasks.join().await.unwrap();
    });
}

/// A reminder for next month is no reason to wake anybody; one whose moment came a minute ago is a minute late.
#[test]
fn a_message_is_late_from_its_moment_on_and_not_before() {
    on_each_store(async |world| {
        let book = Arc::new(Book::default());
        let minute = Duration::from_secs(60);
        let staged = world.clock.now();
        let reminder = |number, after| {
            let schedule = Schedule { not_before: Some(staged + after), expires: None };
            Message { time: staged, schedule, ..message("a", number) }
        };
        world.stage([reminder(1, minute * 60), reminder(2, minute * 60 * 24)]).await;
        world.ports.spawn("watch", watch(world.ports.clone(), book.clone(), minute));
        world.pass(minute * 30).await;
        assert_eq!((book.value("Pending"), book.value("OldestPending")), (Some(2.0), Some(0.0)));
        world.pass(minute * 40).await;
        let late = book.value("OldestPending").unwrap();
        assert!((9.0 * 60.0..=10.0 * 60.0).contains(&late), "{late} s since the moment of the first");
        // Beside it one that waits for no moment, and is tried again for half an hour.
        let plain = Message { time: world.clock.now(), ..message("a", 3) };
        world.stage([plain]).await;
        let token = ClaimToken(uuid::Uuid::from_u128(1));
        let (ordering, when_dead) = (OutboxOrder::PerKey, WhenDead::BlockKey);
        let claim = ClaimRequest { token, limit: 9, lease: minute, ordering, when_dead, except_topics: Vec::new() };
        let rows = world.ports.store.claim(&claim).await.unwrap();
        assert_eq!(rows.len(), 2, "the reminder for tomorrow is not among them");
        let outcomes = rows.iter().map(|row| match row.message.schedule.not_before {
            Some(_) => Settlement { row: row.row, outcome: SettleOutcome::Dispatched },
            None => {
                let outcome = SettleOutcome::Retry { delay: minute * 30, error: "down".into() };
                Settlement { row: row.row, outcome }
            }
        });
        world.ports.store.settle(token, &outcomes.collect::<Vec<_>>()).await.unwrap();
        world.pass(minute * 20).await;
        let late = book.value("OldestPending").unwrap();
        assert!((19.0 * 60.0..=20.0 * 60.0).contains(&late), "{late} s since the one that is tried again");
        world.ports.stop.set();
        world.tasks.join().await.unwrap();
    });
}

#[test]
fn dead_letters_and_stuck_sagas_are_gauges_that_come_down_again() {
    on_each_store(async |world| {
        let book = Arc::new(Book::default());
        let minute = Duration::from_secs(60);
        world.ports.spawn("watch", watch(world.ports.clone(), book.clone(), minute));
        let refusing = Scripted::new(|_, _| Box::pin(async { Err(HandlerError::Refused("no".into())) }));
        world.publish([order(1), order(2)]).await;
        world.ports.spawn("consumer", refusing.consumer(&world.ports, |config| config).run());
        let never = Part::local(|_| Does::Fail);
        let stuck = SagaBuilder::new("stuck", 1).pivot("go", Part::well()).retriable("tell", never);
        let stuck = stuck.retry(RetryPolicy::default().attempts_max(Some(1)));
        let sagas = world.sagas(stuck.build().unwrap());
        let started = sagas.start("stuck", "s-1", &1_u32).await.unwrap();
        sagas.drive_started(started).await;
        world.pass(minute * 3).await;
        assert_eq!((book.value("DeadLetters shop"), book.value("Sagas stuck")), (Some(2.0), Some(1.0)));
        let age = book.value("OldestStuck").unwrap();
        assert!(age >= 100.0, "{age}");

        sagas.abandon(saga_id("stuck", "s-1"), "it is done by hand").await.unwrap();
        let discarded = discard(&*world.ports.store, &DeadLetterRequest::new("shop", 10)).await.unwrap();
        assert_eq!(discarded.len(), 2);
        world.pass(minute).await;
        assert_eq!((book.value("DeadLetters shop"), book.value("Sagas stuck")), (Some(0.0), Some(0.0)));
        assert_eq!((book.value("Sagas abandoned"), book.value("OldestStuck")), (Some(1.0), Some(0.0)));
    });
}

/// What was given up before it returned; who waits for a message, and stops, has given up nothing.
#[test]
fn a_call_that_is_dropped_before_it_has_returned_is_counted() {
    on_each_store(async |world| {
        let hangs = |operation, number| match operation {
            Operation::Claim | Operation::InboxInsert | Operation::Commit if number == 1 => Fate::Hangs,
            _ => Fate::Well,
        };
        let (_, ports) = Calls::before(&world.ports, hangs);
        let book = Arc::new(Book::default());
        let ports = metered(ports, book.clone());
        let limit = Duration::from_secs(1);
        world.publish([order(1)]).await;
        ports.spawn("relay", Relay::new(&ports).config(RelayConfig::default().store_limit(limit)).run());
        let handler = Scripted::new(|_, _| Box::pin(async { Ok(()) }));
        let consumer = handler.consumer(&ports, |config| config.store_limit(limit).handler_limit(limit));
        ports.spawn("consumer", consumer.run());
        world.pass(Duration::from_secs(30)).await;
        assert_eq!(world.unacknowledged(), 0);
        ports.stop.set();
        world.tasks.join().await.expect("they stop");
        let dropped = |operation| book.count(&format!("PortFailures {operation} dropped"));
        let counts = ["claim", "inbox_insert", "commit", "receive", "subscribe"].map(dropped);
        assert_eq!(counts, [1, 1, 1, 0, 0], "{:?}", book.counts);
    });
}
