//! The conformance suite of the store port, in memory and on disk.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::support::HandClock;
use async_trait::async_trait;
use seaworthy_core::{conformance::StoreSubject, ports::Store};
use seaworthy_redb::{RedbConfig, RedbStore};
use tempfile::TempDir;

/// Stores in memory, with the settings of a simulation.
struct InMemory(Arc<HandClock>);

#[async_trait]
impl StoreSubject for InMemory {
    async fn fresh(&self) -> Arc<dyn Store> {
        let clock = Arc::clone(&self.0);
        Arc::new(RedbStore::open_in_memory(clock, RedbConfig::simulation()).expect("memory for a database"))
    }

    async fn advance(&self, by: Duration) {
        self.0.advance(by);
    }

    fn concurrent_writers(&self) -> bool {
        false
    }
}

/// Stores on disk, with the settings of production but for the end of waiting: the clock by hand ends it at once.
struct OnDisk {
    clock: Arc<HandClock>,
    folders: Mutex<Vec<TempDir>>,
}

#[async_trait]
impl StoreSubject for OnDisk {
    async fn fresh(&self) -> Arc<dyn Store> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let clock = Arc::clone(&self.clock);
        let config = RedbConfig::default().writer_wait(None).writer_warning(None);
        let store = RedbStore::open(folder.path().join("db"), clock, config).expect("a new database");
        self.folders.lock().expect("no check panics while it makes a store").push(folder);
        Arc::new(store)
    }

    async fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    async fn reopened(&self, store: Arc<dyn Store>, set_back_by: Duration) -> Option<Arc<dyn Store>> {
        drop(store);
        self.clock.step_back(set_back_by);
        let folders = self.folders.lock().expect("no check panics while it makes a store");
        let path = folders.last().expect("the check has made a store").path().join("db");
        let config = RedbConfig::default().writer_wait(None).writer_warning(None);
        Some(Arc::new(RedbStore::open(path, Arc::clone(&self.clock) as _, config).expect("its database")))
    }

    fn concurrent_writers(&self) -> bool {
        false
    }
}

fn block_on<F: Future>(check: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(check)
}

mod in_memory {
    use super::{HandClock, InMemory, block_on};

    seaworthy_core::store_conformance!(InMemory(HandClock::new()), block_on);
}

mod on_disk {
    use super::{HandClock, Mutex, OnDisk, block_on};

    seaworthy_core::store_conformance!(OnDisk { clock: HandClock::new(), folders: Mutex::new(Vec::new()) }, block_on);
}
