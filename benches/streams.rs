//! Events as a service has them: routed to commands, appended to streams, and read again by a projection that catches up.
//!
//! Figures are CPU time of the one thread that does it all, as in the benchmark of a drain, so a disk that waits is not in
//! them; time on the wall stands beside it.

mod support;

use std::{path::Path, sync::Arc};

use bytes::Bytes;
use seaworthy_core::{
    aggregate::Cause,
    choreography::{Command, Destinations, Domain, Router},
    events::{Ledger, Subscriber},
    message::{Message, MessageBuilder},
    ports::{Broker, EventAppend, ExpectedVersion, Ports, Store, StoreError},
};
use seaworthy_event_store::{
    account::{Account, AccountEvent, Command as AccountCommand, Entry},
    earlier::stream,
    messages::{BANK, CREDITED},
    parts::{encode, on_both},
    projections::{Balance, Balances},
};
use seaworthy_sim::store::MemoryStore;
use seaworthy_sqlite::{SqliteConfig, SqliteStore, Synchronous};
use seaworthy_tokio::{LocalBroker, LocalExternal, LocalIngress, Parts, Process, TokioClock};
use serde::{Deserialize, Serialize};
use support::{is_measuring, median, thread_cpu};
use tokio::{runtime::Runtime, time::Instant};

// As in the `seaworthy` program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Clone, Copy)]
enum On {
    Memory,
    File,
}

const STORES: [(&str, On); 2] = [("memory", On::Memory), ("SQLite file", On::File)];

/// A new store. Without power losses nothing is lost here, so the disk is not waited for.
fn store(on: On, folder: &Path) -> Arc<dyn Store> {
    match on {
        On::Memory => Arc::new(MemoryStore::new(Arc::new(TokioClock))),
        On::File => {
            let config = SqliteConfig::default().synchronous(Synchronous::Normal);
            let store = SqliteStore::open(folder.join("bench.db"), Arc::new(TokioClock), config);
            Arc::new(store.expect("SQLite opens a file in an empty folder"))
        }
    }
}

fn process(store: Arc<dyn Store>, broker: Arc<LocalBroker>) -> Process {
    let (external, ingress) = (Arc::new(LocalExternal::new()), Arc::new(LocalIngress::new(1)));
    let parts = Parts { store, broker, external, ingress };
    Process::new(parts).expect("the operating system has entropy")
}

/// CPU time and time on the wall of some work.
fn timed(work: impl FnOnce()) -> (f64, f64) {
    let (cpu, wall) = (thread_cpu(), Instant::now());
    work();
    ((thread_cpu() - cpu).as_secs_f64(), wall.elapsed().as_secs_f64())
}

/// Says how many of something there are a second, by the middle of some turns.
fn say(what: &str, count: usize, turns: Vec<(f64, f64)>) {
    let per_second = |time: fn(&(f64, f64)) -> f64| count as f64 / median(turns.iter().map(time).collect());
    println!("{what}: {:.0} a second of CPU ({:.0} on the wall)", per_second(|turn| turn.0), per_second(|turn| turn.1));
}

struct Heroes;

impl Domain for Heroes {
    const NAME: &'static str = "heroes";
    const EVENTS: &'static [&'static str] = &["hero.killed_dragon"];
    const COMMANDS: &'static [&'static str] = &["drop_ancient_item"];
}

#[derive(Serialize, Deserialize)]
struct KilledDragon {
    hero: String,
}

#[derive(Serialize)]
struct DropAncientItem {
    item: u32,
}

fn ancient_items() -> Router {
    let router = Router::builder("ancient-items").source::<Heroes>();
    let router = router.translate("hero.killed_dragon", |event: &KilledDragon| {
        Ok(vec![Command::new::<Heroes>("drop_ancient_item", &*event.hero, &DropAncientItem { item: 17 })?])
    });
    router.build().expect("each event has one translator")
}

fn killed(ports: &Ports, number: usize) -> Message {
    let hero = format!("hero-{}", number % 1_000);
    let killed = MessageBuilder::new(Heroes::NAME, "hero.killed_dragon", hero.clone());
    killed.json(&KilledDragon { hero }).expect("JSON").draw(&*ports.clock, &*ports.random)
}

/// Events to commands: the router by itself, and as the consumer that it is, with its inbox and the outbox.
fn router(runtime: &Runtime) {
    let (events, turns) = if is_measuring() { (100_000, 5) } else { (200, 1) };
    let router = ancient_items();
    let mut pure = Vec::new();
    for _ in 0..turns {
        let process = process(store(On::Memory, Path::new("")), Arc::default());
        let ports = process.ports();
        let killed: Vec<Message> = (0..events).map(|number| killed(&ports, number)).collect();
        pure.push(timed(|| {
            for event in &killed {
                let commands = router.handle(event, &Destinations::none()).expect("it has a translator");
                let sent = router.split(event, commands, ports.clock.now()).expect("it is one of the domain's");
                assert_eq!(std::hint::black_box(sent).len(), 1);
            }
        }));
    }
    say(&format!("router, {events} events to commands, by itself"), events, pure);
    // As many as the broker keeps for a group that has not acknowledged them.
    let events = if is_measuring() { 10_000 } else { 200 };
    for (name, on) in STORES {
        let mut routed = Vec::new();
        for _ in 0..turns {
            let folder = tempfile::tempdir().expect("the machine has a disk");
            let broker = Arc::new(LocalBroker::default());
            let store = store(on, folder.path());
            let process = process(store.clone(), broker.clone());
            let ports = process.ports();
            broker.declare(router.name().clone(), router.topics());
            runtime.block_on(async {
                for from in (0..events).step_by(100) {
                    let batch: Vec<Message> = (from..from + 100).map(|number| killed(&ports, number)).collect();
                    let taken = broker.publish(&batch).await.expect("the broker is in this process");
                    assert!(taken.iter().all(Result::is_ok), "it has room for all of them");
                }
            });
            let consumer = router.consumer(&ports);
            routed.push(timed(|| {
                runtime.block_on(async {
                    process.start("router", |_| async move { consumer.run().await });
                    while store.backlog().await.expect("the store answers").outbox_unsettled < events as u64 {
                        tokio::task::yield_now().await;
                    }
                });
            }));
            runtime.block_on(process.stop()).expect("nothing panicked");
        }
        say(&format!("router, {events} events to commands, with inbox and outbox, {name}"), events, routed);
    }
}

/// Accounts that events are of.
const ACCOUNTS: usize = 100;
/// Events that one transaction appends where it is not about appending.
const APPENDED_AT_ONCE: usize = 1_000;

fn credited(ports: &Ports, account: &str) -> Message {
    let entry = Entry { booking: None, cents: 1, purpose: "a purpose of the usual length".into() };
    let event = MessageBuilder::new(BANK, CREDITED, account);
    event.data("application/json", encode(&AccountEvent::Credited(entry))).draw(&*ports.clock, &*ports.random)
}

async fn append(ports: &Ports, events: usize, at_once: usize) -> Result<(), StoreError> {
    for from in (0..events).step_by(at_once) {
        let mut tx = ports.store.begin().await?;
        for number in from..events.min(from + at_once) {
            let account = format!("{}", number % ACCOUNTS);
            let before = ExpectedVersion::Exact((number / ACCOUNTS) as u64);
            let event = credited(ports, &account);
            tx.append_events(&EventAppend::new(stream(&account), before, vec![event])).await?;
        }
        tx.commit().await?;
    }
    Ok(())
}

/// Decides and appends one command after the other, with a snapshot after each hundred events of a stream.
async fn decide(ports: &Ports, events: usize) {
    let ledger = Ledger::<Account>::new(BANK, ports.clock.clone(), ports.random.clone()).snapshot_every(100);
    for number in 0..events {
        let entry = Entry { booking: None, cents: 1, purpose: "a purpose of the usual length".into() };
        let (account, credit) = (format!("{}", number % ACCOUNTS), AccountCommand::Credit(entry));
        let loaded = ledger.execute(&*ports.store, &account, &credit, Cause::New).await;
        assert_eq!(loaded.expect("nobody else has the store").version, (number / ACCOUNTS + 1) as u64);
    }
}

/// A ready process on a new store, and the folder that it is in.
fn fresh(on: On) -> (tempfile::TempDir, Process) {
    let folder = tempfile::tempdir().expect("the machine has a disk");
    let process = process(store(on, folder.path()), Arc::default());
    (folder, process)
}

fn appends(runtime: &Runtime) {
    let (events, turns) = if is_measuring() { (20_000, 5) } else { (200, 1) };
    for (name, on) in STORES {
        for at_once in [1, 100] {
            let turn = |_| {
                let (_folder, process) = fresh(on);
                let ports = process.ports();
                timed(|| runtime.block_on(append(&ports, events, at_once)).expect("nobody else has the store"))
            };
            let what = format!("append of {events} events to {ACCOUNTS} streams, {at_once} a transaction, {name}");
            say(&what, events, (0..turns).map(turn).collect());
        }
        let turn = |_| {
            let (_folder, process) = fresh(on);
            let ports = process.ports();
            timed(|| runtime.block_on(decide(&ports, events)))
        };
        let what = format!("{events} commands loaded, decided and appended to {ACCOUNTS} streams, {name}");
        say(&what, events, (0..turns).map(turn).collect());
    }
}

/// A projection that reads the log from zero: a document for each account, written for each event.
fn catch_up(runtime: &Runtime) {
    let (events, turns) = if is_measuring() { (100_000, 5) } else { (200, 1) };
    for (name, on) in STORES {
        let mut caught_up = Vec::new();
        for _ in 0..turns {
            let (_folder, process) = fresh(on);
            let ports = process.ports();
            runtime.block_on(append(&ports, events, APPENDED_AT_ONCE)).expect("nobody else has the store");
            let balances = Subscriber::new(&ports, "balances", on_both(Balances("balances".into())));
            caught_up.push(timed(|| {
                runtime.block_on(balances.catch_up()).expect("nobody else has the store");
            }));
            let body: Bytes = runtime.block_on(async {
                let mut tx = ports.store.begin().await.expect("nobody else has the store");
                tx.get("balances", "0").await.expect("readable").expect("it has events").body
            });
            let balance: Balance = serde_json::from_slice(&body).expect("a balance");
            let each = (events / ACCOUNTS) as u64;
            assert_eq!(balance, Balance { cents: each.cast_signed(), entries: each });
        }
        say(&format!("projection of {events} events caught up, {name}"), events, caught_up);
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("the machine has a thread");
    let _guard = runtime.enter();
    router(&runtime);
    appends(&runtime);
    catch_up(&runtime);
}
