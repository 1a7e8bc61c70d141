//! A process in virtual time on each of the stores, with a broker that says what a test wants it to say.
#![allow(dead_code, reason = "each topic uses its own part")]

pub(crate) mod broker;
pub(crate) mod calls;
pub(crate) mod card_room;
pub(crate) mod clock;
pub(crate) mod events;
pub(crate) mod gated;
pub(crate) mod inbox;
pub(crate) mod messages;
pub(crate) mod publishing;
pub(crate) mod rows;
pub(crate) mod saga;
pub(crate) mod warnings;

use std::{sync::Arc, time::Duration};

use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};
use seaworthy_core::{
    message::Message,
    ports::{Clock, Ports, Random, Store, UntilStop},
    stop::Stop,
};
use seaworthy_memory::store::MemoryStore;
use seaworthy_redb::{RedbConfig, RedbStore};
use seaworthy_sqlite::{SqliteConfig, SqliteStore};
use seaworthy_tokio::{LocalExternal, LocalIngress, TokioSpawner};
use tokio::runtime::{Builder, Handle};

use self::{broker::ScriptedBroker, clock::VirtualClock, rows::HandClock};

/// Stores that a test runs on, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Memory,
    /// A database in memory with the settings of the simulator: its transactions queue for ever.
    Sqlite,
    /// Documents in memory, with the settings of the simulator.
    Redb,
}

impl Kind {
    /// A new store of this kind.
    pub(crate) fn in_memory(self, clock: Arc<dyn Clock>) -> Arc<dyn Store> {
        match self {
            Self::Memory => Arc::new(MemoryStore::new(clock)),
            Self::Sqlite => {
                Arc::new(SqliteStore::open_in_memory(clock, SqliteConfig::simulation()).expect("a database in memory"))
            }
            Self::Redb => {
                Arc::new(RedbStore::open_in_memory(clock, RedbConfig::simulation()).expect("a database in memory"))
            }
        }
    }
}

/// A process and all that is around it.
pub(crate) struct World {
    pub(crate) kind: Kind,
    pub(crate) ports: Ports,
    pub(crate) clock: Arc<VirtualClock>,
    pub(crate) broker: Arc<ScriptedBroker>,
    pub(crate) external: Arc<LocalExternal>,
    pub(crate) ingress: Arc<LocalIngress>,
    pub(crate) tasks: TokioSpawner,
}

impl World {
    fn new(kind: Kind) -> Self {
        let clock = Arc::new(VirtualClock::new());
        Self::on(kind, kind.in_memory(clock.clone()), clock)
    }

    /// A process on a store of the test's own.
    pub(crate) fn on(kind: Kind, store: Arc<dyn Store>, clock: Arc<VirtualClock>) -> Self {
        let broker = Arc::new(ScriptedBroker::new(clock.clone()));
        let external = Arc::new(LocalExternal::new());
        let ingress = Arc::new(LocalIngress::new(64));
        let tasks = TokioSpawner::on(Handle::current());
        let stop = Stop::new();
        let ports = Ports {
            store,
            broker: broker.clone(),
            clock: clock.clone(),
            external: external.clone(),
            random: Arc::new(Dice::seeded(1)),
            spawner: Arc::new(tasks.clone()),
            ingress: Arc::new(UntilStop::new(ingress.clone(), stop.clone())),
            stop,
        };
        Self { kind, ports, clock, broker, external, ingress, tasks }
    }

    /// Another process on the same store, broker and services: a replica.
    pub(crate) fn replica(&self, seed: u64) -> Ports {
        let stop = Stop::new();
        Ports {
            random: Arc::new(Dice::seeded(seed)),
            ingress: Arc::new(UntilStop::new(self.ingress.clone(), stop.clone())),
            stop,
            ..self.ports.clone()
        }
    }

    /// Lets everything go on for so long.
    pub(crate) async fn pass(&self, time: Duration) {
        self.clock.sleep(time).await;
    }

    /// Stages messages in one transaction.
    pub(crate) async fn stage(&self, messages: impl IntoIterator<Item = Message>) {
        let mut tx = self.ports.store.begin().await.expect("a store that is up");
        for message in messages {
            tx.stage(&message).await.expect("a store that is up");
        }
        tx.commit().await.expect("a store that is up");
    }
}

/// Runs a test on each store, each on a thread of its own whose time goes on when nothing else does.
pub(crate) fn on_each_store(test: impl AsyncFn(&World)) {
    for kind in [Kind::Memory, Kind::Sqlite, Kind::Redb] {
        on(kind, &test);
    }
}

/// Runs a test on each store, on a clock that stands still until the test moves it.
pub(crate) fn on_each_store_by_hand(test: impl AsyncFn(&dyn Store, &HandClock)) {
    for kind in [Kind::Memory, Kind::Sqlite, Kind::Redb] {
        println!("on {kind:?}"); // Shown with a failure.
        let clock = HandClock::new();
        let store = kind.in_memory(clock.clone());
        in_virtual_time(test(&*store, &clock));
    }
}

/// Runs a test on one store.
pub(crate) fn on(kind: Kind, test: impl AsyncFn(&World)) {
    println!("on {kind:?}"); // Shown with a failure.
    in_virtual_time(async {
        let world = World::new(kind);
        test(&world).await;
    });
}

/// Runs a future where time goes on when nothing else does.
pub(crate) fn in_virtual_time<T>(test: impl Future<Output = T>) -> T {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    runtime.block_on(test)
}

/// A stream of draws, the same for each run.
pub(crate) struct Dice(std::sync::Mutex<ChaCha8Rng>);

impl Dice {
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(std::sync::Mutex::new(ChaCha8Rng::seed_from_u64(seed)))
    }
}

impl Random for Dice {
    fn next_u64(&self) -> u64 {
        self.0.lock().expect("no draw panics").next_u64()
    }
}
