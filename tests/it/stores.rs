//! One suite for whatever calls itself a store or a broker.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use seaworthy_core::{
    conformance::{BrokerSubject, Report, StoreSubject, block_on, broker, broker_report, store, store_report},
    ports::{Broker, DelegateStore, Store},
};
use seaworthy_memory::{
    ManualClock,
    broker::{BrokerConfig, MemoryBroker, Unroutable},
    store::MemoryStore,
};
use seaworthy_sqlite::{SqliteConfig, SqliteStore};
use tempfile::TempDir;

/// Stores of one kind, on a clock that the suite moves.
struct Stores {
    clock: Arc<ManualClock>,
    make: fn(&Self) -> Arc<dyn Store>,
    is_one_writer: bool,
    folders: Mutex<Vec<TempDir>>,
}

impl Stores {
    fn new(make: fn(&Self) -> Arc<dyn Store>) -> Self {
        Self { clock: ManualClock::new(), make, is_one_writer: false, folders: Mutex::default() }
    }

    fn of_one_writer(self) -> Self {
        Self { is_one_writer: true, ..self }
    }
}

#[async_trait]
impl StoreSubject for Stores {
    async fn fresh(&self) -> Arc<dyn Store> {
        (self.make)(self)
    }

    async fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    fn concurrent_writers(&self) -> bool {
        !self.is_one_writer
    }
}

/// Brokers in memory, on a clock that the suite moves.
struct Brokers(Arc<ManualClock>);

#[async_trait]
impl BrokerSubject for Brokers {
    async fn fresh(&self) -> Arc<dyn Broker> {
        Arc::new(MemoryBroker::new(self.0.clone(), BrokerConfig::default().unroutable(Unroutable::Reject)))
    }

    async fn advance(&self, by: Duration) {
        self.0.advance(by);
    }

    fn unroutable_topic(&self) -> Option<&str> {
        Some("nobody-listens")
    }

    fn payload_bytes_refused(&self) -> Option<usize> {
        Some(BrokerConfig::default().payload_bytes_max + 1)
    }
}

/// A store that somebody has put before another one.
struct Before(Arc<dyn Store>);

impl DelegateStore for Before {
    fn inner(&self) -> &dyn Store {
        &*self.0
    }
}

fn in_memory(stores: &Stores) -> Arc<dyn Store> {
    Arc::new(MemoryStore::new(stores.clock.clone()))
}

fn sqlite_in_memory(stores: &Stores) -> Arc<dyn Store> {
    let store = SqliteStore::open_in_memory(stores.clock.clone(), SqliteConfig::simulation());
    Arc::new(store.expect("memory for a database"))
}

fn sqlite_on_disk(stores: &Stores) -> Arc<dyn Store> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let config = SqliteConfig::default().writer_wait(None).writer_warning(None);
    let store = SqliteStore::open(folder.path().join("db"), stores.clock.clone(), config).expect("a new database");
    stores.folders.lock().expect("no check panics while it makes a store").push(folder);
    Arc::new(store)
}

fn names(report: &Report) -> Vec<&'static str> {
    report.checks.iter().map(|check| check.name).collect()
}

/// The very same checks, by name and in number, for stores that have nothing in common but the port.
#[test]
fn seed_33_four_stores_and_a_broker_behind_their_ports_pass_the_same_suite() {
    let all: Vec<_> = store::CHECKS.iter().map(|check| check.name).collect();
    assert!(all.len() > 100, "{} checks", all.len());
    let kinds = [
        ("in memory", Stores::new(in_memory)),
        ("SQLite in memory", Stores::new(sqlite_in_memory).of_one_writer()),
        ("SQLite on disk", Stores::new(sqlite_on_disk).of_one_writer()),
        ("behind another", Stores::new(|stores| Arc::new(Before(in_memory(stores))))),
    ];
    for (kind, stores) in kinds {
        let report = block_on(store_report(&stores));
        assert!(report.is_conformant(), "{kind}:\n{report}");
        assert_eq!(names(&report), all, "{kind}");
        assert_eq!(report.left_out().count(), 0, "{kind} has all parts");
    }
    let report = block_on(broker_report(&Brokers(ManualClock::new())));
    assert!(report.is_conformant(), "{report}");
    assert_eq!(names(&report), broker::CHECKS.iter().map(|check| check.name).collect::<Vec<_>>());
}
