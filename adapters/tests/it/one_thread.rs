//! A runtime of one thread: what works off a store in the process lets timers and other tasks go on.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use seaworthy_core::{
    choreography::ProcessRetention,
    events::Subscriber,
    ids::ClaimToken,
    inbox::{Consumer, ConsumerConfig, Handler, HandlerError, Handlers, InboxRetention},
    message::{Message, MessageBuilder},
    outbox::{LogRelay, OutboxRetention, Relay},
    ports::{
        Broker, ClaimRequest, Clock, EventAppend, Expected, ExpectedVersion, InboxEntry, InboxPurgeRequest,
        OutboxOrder, Ports, PurgeRequest, Random, SettleOutcome, Settlement, Store, SubscriptionSpec, Transaction,
        WhenDead,
    },
    saga::{Action, Definition, DriveOutcome, NothingToUndo, Orchestrator, OrchestratorConfig, Registry, SagaBuilder},
    stop::Stop,
};
use seaworthy_memory::broker::{BrokerConfig, MemoryBroker};
use seaworthy_sqlite::{SqliteConfig, SqliteStore};
use seaworthy_tokio::{LocalExternal, LocalIngress, Parts, Process, TokioClock};
use tokio::{runtime::Builder, time::Instant};

use crate::support::{Dice, broker::ScriptedBroker, messages::message};

const ROWS: usize = 20_000;

/// Ticks of a timer of a millisecond beside a piece of work, and how long that took.
#[derive(Debug)]
struct Ticks {
    count: u128,
    took: Duration,
}

impl Ticks {
    /// Work that gives no way lets one tick by, or two. Beside other programs not each millisecond has one: a tenth of them do.
    fn go_on(&self) -> bool {
        self.count >= 3 && self.count * 10 >= self.took.as_millis()
    }
}

fn store() -> Arc<dyn Store> {
    Arc::new(SqliteStore::open_in_memory(Arc::new(TokioClock), SqliteConfig::simulation()).expect("a database"))
}

fn on_one_thread(test: impl Future<Output = ()>) {
    Builder::new_current_thread().enable_time().build().expect("a runtime").block_on(test);
}

/// Counts how often a timer of a millisecond ticks beside a piece of work.
async fn ticks_beside(work: impl Future<Output = ()>) -> Ticks {
    let begun = Instant::now();
    let ticks = Arc::new(AtomicUsize::new(0));
    let counted = ticks.clone();
    let ticker = tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(1)).await;
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    // The ticker begins first.
    tokio::task::yield_now().await;
    work.await;
    ticker.abort();
    Ticks { count: ticks.load(Ordering::Relaxed) as u128, took: begun.elapsed() }
}

async fn stage_all(store: &dyn Store) {
    let mut tx = store.begin().await.expect("up");
    for number in 0..ROWS {
        tx.stage(&message("orders", number)).await.expect("up");
    }
    tx.commit().await.expect("up");
}

/// Drains an outbox of many rows, and counts how often a timer of a millisecond has ticked meanwhile.
fn ticks_while_it_drains(by_log: bool) -> Ticks {
    let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(async {
        let clock = Arc::new(TokioClock);
        let store = store();
        stage_all(&*store).await;
        let broker = Arc::new(ScriptedBroker::new(clock.clone()));
        let random: Arc<dyn Random> = Arc::new(Dice::seeded(1));
        let (ticks, stop) = (Arc::new(AtomicUsize::new(0)), Stop::new());
        let (counted, counter, drained) = (ticks.clone(), store.clone(), stop.clone());
        let ticker = tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(1)).await;
                if counter.backlog().await.expect("up").outbox_unsettled == 0 {
                    drained.set();
                    return;
                }
                counted.fetch_add(1, Ordering::Relaxed);
            }
        });
        let begun = Instant::now();
        match by_log {
            true => LogRelay::from_parts(store, broker.clone(), clock, random, "log").stop(stop).run().await,
            false => Relay::from_parts(store, broker.clone(), clock, random).stop(stop).run().await,
        }
        ticker.await.expect("no panic");
        assert_eq!(broker.accepted_of("orders"), ROWS);
        Ticks { count: ticks.load(Ordering::Relaxed) as u128, took: begun.elapsed() }
    })
}

/// Two hundred batches, of which each takes longer than a tick.
#[test]
fn a_relay_that_drains_a_store_in_the_process_lets_timers_go_on() {
    for by_log in [false, true] {
        let ticks = ticks_while_it_drains(by_log);
        assert!(ticks.go_on(), "{ticks:?}, by log: {by_log}");
    }
}

/// Handles nothing, and asks for a stop at the last message.
struct Count(AtomicUsize, Stop);

#[async_trait]
impl Handler for Count {
    async fn handle(&self, _: &mut dyn Transaction, _: &Message) -> Result<(), HandlerError> {
        if self.0.fetch_add(1, Ordering::Relaxed) + 1 == ROWS {
            self.1.set();
        }
        Ok(())
    }
}

#[test]
fn a_consumer_that_works_off_a_full_queue_in_the_process_lets_timers_go_on() {
    for workers in [1, 4] {
        on_one_thread(async {
            let clock = Arc::new(TokioClock);
            let broker = MemoryBroker::new(clock.clone(), BrokerConfig::default());
            broker.declare(&SubscriptionSpec { group: "shop".into(), topics: vec!["shop".into()] });
            let sent: Vec<Message> = (0..ROWS)
                .map(|number| {
                    let key = format!("order-{number}");
                    let built = MessageBuilder::new("orders", "order.placed", key.as_str()).topic("shop");
                    built.data("text/plain", Bytes::new()).draw(&TokioClock, &Dice::seeded(number as u64))
                })
                .collect();
            for answer in broker.publish(&sent).await.expect("up") {
                answer.expect("a topic with a group");
            }
            let stop = Stop::new();
            let handler = Count(AtomicUsize::new(0), stop.clone());
            let handlers = Handlers::builder().on("order.placed", handler).build().expect("one handler");
            let random: Arc<dyn Random> = Arc::new(Dice::seeded(1));
            let config = ConsumerConfig::new(["shop"]).workers(workers);
            let consumer = Consumer::from_parts("shop", store(), Arc::new(broker), clock, random, handlers, config);
            let ticks = ticks_beside(consumer.stop(stop).run()).await;
            assert!(ticks.go_on(), "{ticks:?}, {workers} workers");
        });
    }
}

/// Outbox and inbox, two rows at a time: what purges shares one loop.
#[test]
fn a_retention_that_sweeps_a_store_in_the_process_lets_timers_go_on() {
    on_one_thread(async {
        let store = store();
        stage_all(&*store).await;
        let token = ClaimToken(uuid::Uuid::from_u128(1));
        let (lease, ordering, when_dead) = (Duration::from_secs(60), OutboxOrder::PerKey, WhenDead::BlockKey);
        let claim = ClaimRequest { token, limit: ROWS, lease, ordering, when_dead, except_topics: Vec::new() };
        let rows = store.claim(&claim).await.expect("up");
        let sent = |row| Settlement { row, outcome: SettleOutcome::Dispatched };
        let settlements: Vec<_> = rows.iter().map(|row| sent(row.row)).collect();
        store.settle(token, &settlements).await.expect("up");
        let mut tx = store.begin().await.expect("up");
        for row in &rows {
            tx.inbox_insert(&InboxEntry::for_message("shop", &row.message)).await.expect("up");
        }
        tx.commit().await.expect("up");
        assert_eq!(rows.len(), ROWS);
        tokio::time::sleep(Duration::from_millis(5)).await;

        let clock: Arc<dyn Clock> = Arc::new(TokioClock);
        let (every, keep) = (Duration::from_secs(3_600), Duration::from_millis(1));
        let stop_after = |sweeping: Stop| {
            let clock = clock.clone();
            async move {
                // Long enough for the rows to be gone.
                clock.sleep(Duration::from_millis(1)).await;
                sweeping.set();
            }
        };
        // A stop ends a sweep between two batches, and comes by a timer: a sweep that lets none by deletes all there is.
        for outbox in [true, false] {
            let stop = Stop::new();
            tokio::spawn(stop_after(stop.clone()));
            tokio::task::yield_now().await;
            if outbox {
                let retention = OutboxRetention::default().keep(keep).batch(2).every(every);
                retention.run_from_parts(store.clone(), clock.clone(), stop).await;
                let old = PurgeRequest { older_than: keep, limit: ROWS };
                let left = store.purge_dispatched(&old).await.expect("up");
                assert!(!left.is_empty(), "the stop was heard after the last row");
            } else {
                let retention = InboxRetention::new(keep, Duration::ZERO).expect("longer").batch(2).every(every);
                retention.run_from_parts(vec!["shop".into()], store.clone(), clock.clone(), stop).await;
                let request = InboxPurgeRequest::new(keep, ROWS);
                let left = store.purge_inbox("shop", &request).await.expect("up");
                assert!(left > 0, "the stop was heard after the last row");
            }
        }
    });
}

/// Notes of processes that have ended are deleted one by one among those that go on.
#[test]
fn a_retention_of_processes_lets_timers_go_on() {
    on_one_thread(async {
        let store = store();
        let mut tx = store.begin().await.expect("up");
        for number in 0..ROWS {
            let ended = Bytes::from_static(br#"{"ended_at":1}"#);
            tx.put("process.games", &format!("{number:05}"), Expected::Absent, ended).await.expect("up");
        }
        tx.commit().await.expect("up");
        let stop = Stop::new();
        let stops = stop.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(1)).await;
            stops.set();
        });
        tokio::task::yield_now().await;
        let retention = ProcessRetention::new("process.games", Duration::from_secs(1)).batch(2);
        retention.run_from_parts(store.clone(), Arc::new(TokioClock), stop).await;
        let left = store.begin().await.expect("up").scan("process.games", None, 1).await.expect("up");
        assert!(!left.is_empty(), "the stop was heard after the last note");
    });
}

#[test]
fn a_subscriber_that_catches_up_lets_timers_go_on() {
    on_one_thread(async {
        let store = store();
        let mut tx = store.begin().await.expect("up");
        let events = (0..ROWS).map(|number| {
            let event = MessageBuilder::new("orders", "order.placed", "order-1");
            event.data("text/plain", Bytes::new()).draw(&TokioClock, &Dice::seeded(number as u64))
        });
        let appended = EventAppend::new("order-1", ExpectedVersion::NoStream, events.collect());
        tx.append_events(&appended).await.expect("up");
        tx.commit().await.expect("up");
        let stop = Stop::new();
        let handler = Count(AtomicUsize::new(0), stop.clone());
        let handlers = Handlers::builder().on("order.placed", handler).build().expect("one handler");
        let random: Arc<dyn Random> = Arc::new(Dice::seeded(1));
        let subscriber = Subscriber::from_parts("shop", store, Arc::new(TokioClock), random, handlers);
        let ticks = ticks_beside(subscriber.stop(stop).run()).await;
        assert!(ticks.go_on(), "{ticks:?}");
    });
}

/// A step that does nothing.
struct Local;
impl Action<u64> for Local {}

fn chain(steps: usize) -> Definition<u64> {
    let first = SagaBuilder::new("chain", 1);
    let chained =
        (0..steps).fold(first, |chain, step| chain.compensatable(&format!("step-{step}"), Local, NothingToUndo));
    chained.build().expect("the steps are in order")
}

fn process() -> Process {
    let parts = Parts {
        store: store(),
        broker: Arc::new(ScriptedBroker::new(Arc::new(TokioClock))),
        external: Arc::new(LocalExternal::new()),
        ingress: Arc::new(LocalIngress::new(1)),
    };
    Process::new(parts).expect("the operating system has entropy")
}

fn orchestrator(ports: &Ports, definition: Definition<u64>, config: OrchestratorConfig) -> Orchestrator {
    let mut registry = Registry::new();
    registry.register(definition).expect("there is one definition");
    Orchestrator::new(ports, registry, config)
}

#[test]
fn a_saga_of_many_local_steps_lets_timers_go_on() {
    on_one_thread(async {
        let process = process();
        let ports = process.ports();
        let orchestrator = orchestrator(&ports, chain(6_000), OrchestratorConfig::default());
        let mut tx = ports.store.begin().await.expect("up");
        let started = orchestrator.start_in(&mut *tx, "chain", "one", &1_u64).await.expect("a new key");
        tx.commit().await.expect("up");
        let ticks = ticks_beside(async {
            assert_eq!(orchestrator.drive_started(started).await, DriveOutcome::Completed);
        });
        let ticks = ticks.await;
        assert!(ticks.go_on(), "{ticks:?}");
    });
}

/// There is room for all of them, so recovery takes them over batch by batch without a pause.
#[test]
fn recovery_that_finds_many_sagas_at_once_lets_timers_go_on() {
    const SAGAS: usize = 10_000;
    on_one_thread(async {
        let process = process();
        let ports = process.ports();
        let config = OrchestratorConfig::default().concurrency(SAGAS);
        // Whoever begins them has no room for any, and leaves them to recovery.
        let begins = orchestrator(&ports, chain(1), OrchestratorConfig::default().concurrency(0));
        let mut tx = ports.store.begin().await.expect("up");
        for number in 0..SAGAS {
            begins.start_in(&mut *tx, "chain", &number.to_string(), &1_u64).await.expect("a new key");
        }
        tx.commit().await.expect("up");
        let (recovers, stop) = (orchestrator(&ports, chain(1), config), Stop::new());
        let stops = stop.clone();
        // A stop comes by a timer: recovery that lets none by has taken over all there is before it hears of it.
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(1)).await;
            stops.set();
        });
        tokio::task::yield_now().await;
        recovers.run_recovery(&stop).await;
        let all = OrchestratorConfig::default().concurrency(SAGAS).batch(SAGAS);
        let left = orchestrator(&ports, chain(1), all).recover_once().await.expect("up");
        assert!(left > 0, "all {SAGAS} sagas were taken over before a timer of a millisecond was heard");
    });
}
