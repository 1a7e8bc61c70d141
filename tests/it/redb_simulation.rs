//! Sagas, outboxes and inboxes on a store of documents: in the simulation, under every profile, with the verdicts and traces of
//! the other stores.
//!
//! redb has one writer, and readers beside it. Behind a queue for whoever writes, the simulated store therefore leaves redb's trace,
//! event by event.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use seaworthy_core::{
    conformance::{StoreSubject, block_on, store, store_report},
    ports::{
        Answers, Call, Clock, Intercept, InterceptTransaction, Intercepted, PortError, Store, StoreError, Transaction,
    },
};
use seaworthy_memory::ManualClock;
use seaworthy_redb::{RedbConfig, RedbStore};
use seaworthy_scenarios::{
    card_table::CardTable, catalog, event_store::EventStore, order_fulfillment::OrderFulfillment,
    order_inventory::OrderInventory,
};
use seaworthy_sim::{
    explore::{Seeds, SweepOptions, Until, determinism, sweep},
    generate::generate,
    plan::{Plan, Profile, derive_seed},
    scenario::{Scenario, StoreFactory},
    store::MemoryStore,
    world::RunOptions,
};
use tempfile::TempDir;
use tokio::sync::{Mutex as Turns, OwnedMutexGuard};

use crate::sqlite_simulation::traces::divergence;

/// The seeds are fixed, so that figures can be compared from one change to the next.
const BASE_SEED: u64 = 0x5ea;

fn redb() -> RunOptions {
    let factory: StoreFactory = Arc::new(|_, clock| {
        Arc::new(RedbStore::open_in_memory(clock, RedbConfig::simulation()).expect("memory for a database"))
    });
    RunOptions::default().store(Some(factory))
}

/// Runs on simulated stores of one writer each, and of many readers.
fn one_writer() -> RunOptions {
    let factory: StoreFactory = Arc::new(|_, clock: Arc<dyn Clock>| {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new(clock));
        Arc::new(Intercepted::new(store, Writers::default()))
    });
    RunOptions::default().store(Some(factory))
}

#[derive(Default)]
struct Writers(Arc<Turns<()>>);

impl Writers {
    async fn turn(&self) -> OwnedMutexGuard<()> {
        match Arc::clone(&self.0).try_lock_owned() {
            Ok(turn) => turn,
            Err(_) => Arc::clone(&self.0).lock_owned().await,
        }
    }
}

impl Intercept for Writers {
    type Transaction = Turn;

    fn transaction(&self) -> Turn {
        Turn(None)
    }

    async fn call<T: Answers, E: PortError>(
        &self,
        call: Call<'_>,
        inner: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        let _turn = if call.operation().changes_something() { Some(self.turn().await) } else { None };
        inner.await
    }

    async fn begin(
        &self,
        inner: impl Future<Output = Result<Box<dyn Transaction>, StoreError>> + Send,
    ) -> Result<(Box<dyn Transaction>, Turn), StoreError> {
        let turn = self.turn().await;
        Ok((inner.await?, Turn(Some(turn))))
    }
}

/// The turn of a transaction, which lasts until it is over.
struct Turn(Option<OwnedMutexGuard<()>>);

impl InterceptTransaction for Turn {
    fn call<T: Answers, E: PortError>(
        &mut self,
        _: Call<'_>,
        inner: impl Future<Output = Result<T, E>> + Send,
    ) -> impl Future<Output = Result<T, E>> + Send {
        inner
    }

    async fn commit(self, inner: Result<Box<dyn Transaction>, StoreError>) -> Result<(), StoreError> {
        let _turn = self.0;
        inner?.commit().await
    }
}

fn plan<S: Scenario>(scenario: &S, number: u64, profile: Profile) -> Plan<S::Workload> {
    generate(scenario, derive_seed(BASE_SEED, number), profile)
}

/// Stores on disk or in memory, on a clock that the suite moves.
struct Stores {
    clock: Arc<ManualClock>,
    on_disk: bool,
    folders: Mutex<Vec<TempDir>>,
}

#[async_trait]
impl StoreSubject for Stores {
    async fn fresh(&self) -> Arc<dyn Store> {
        let (clock, config) = (self.clock.clone(), RedbConfig::default().writer_wait(None).writer_warning(None));
        if !self.on_disk {
            return Arc::new(RedbStore::open_in_memory(clock, RedbConfig::simulation()).expect("memory"));
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = RedbStore::open(folder.path().join("db"), clock, config).expect("a new file");
        self.folders.lock().expect("no check panics while it makes a store").push(folder);
        Arc::new(store)
    }

    async fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    fn concurrent_writers(&self) -> bool {
        false
    }
}

#[test]
fn seed_57_a_store_of_documents_passes_the_suite_of_the_others() {
    for on_disk in [false, true] {
        let stores = Stores { clock: ManualClock::new(), on_disk, folders: Mutex::default() };
        let report = block_on(store_report(&stores));
        assert!(report.is_conformant(), "on disk: {on_disk}\n{report}");
        assert_eq!(report.checks.len(), store::CHECKS.len());
        assert_eq!(report.left_out().count(), 0, "it has all parts");
    }
}

/// Sweeps a scenario over seeds of every profile.
fn holds<S: Scenario>(scenario: &S, seeds: u64) {
    let count = seeds * Profile::ALL.len() as u64;
    let mut options = SweepOptions::new(Seeds::Base(BASE_SEED), Until::runs(count));
    options.profiles = Profile::ALL.to_vec();
    options.search.run = redb();
    let campaign = sweep(scenario, &options, &|_| {}).expect("there are seeds");
    assert_eq!((campaign.runs, campaign.failed), (count, 0), "{}: {:#?}", scenario.name(), campaign.failures);
}

#[test]
fn seed_57_sagas_outboxes_and_inboxes_hold_on_documents_under_every_profile() {
    holds(&OrderFulfillment::new(), 60);
    // One workflow as choreography and as a saga.
    holds(&OrderInventory::choreographed(), 20);
    holds(&OrderInventory::orchestrated(), 20);
    // Domains that answer each other, and what is kept as events.
    holds(&CardTable::new(), 20);
    holds(&EventStore::new(), 20);
}

#[test]
fn seed_57_a_plan_leaves_one_trace_on_documents_and_that_of_the_simulated_store_behind_a_queue() {
    let scenario = OrderFulfillment::new();
    for number in 0..5 {
        for profile in Profile::ALL {
            let plan = plan(&scenario, number, profile);
            if let Some(divergence) = divergence(&scenario, &plan, &one_writer(), &redb()) {
                panic!("{profile}: {divergence}");
            }
        }
    }
    for scenario in catalog::all() {
        for profile in Profile::ALL {
            let plan = plan(&scenario, 1, profile);
            if let Some(divergence) = determinism(&scenario, &plan, &redb()).expect("a valid plan") {
                panic!("{} of {profile}: {divergence:?}", plan.scenario);
            }
        }
    }
}

/// Most plans for a scenario that are looked at: those with which the other stores are compared.
const PLANS: u64 = 200;

/// What is broken on the simulated store is found on this one, too, by an invariant that finds it there.
#[test]
fn seed_14_it_gets_them_on_a_store_of_documents() {
    for scenario in catalog::all() {
        let mut violated = [BTreeSet::new(), BTreeSet::new()];
        let options = [RunOptions::default(), redb()];
        let broken = scenario.name() != OrderFulfillment::new().name();
        let plans = if broken { PLANS } else { 8 };
        'found: for number in 0..plans {
            for profile in Profile::ALL {
                let plan = plan(&scenario, number, profile);
                for (found, options) in violated.iter_mut().zip(&options) {
                    let report = crate::sqlite_simulation::execute(&scenario, &plan, options);
                    found.extend(report.violations.into_iter().map(|violation| violation.invariant));
                }
                if violated[0].intersection(&violated[1]).next().is_some() {
                    break 'found;
                }
            }
        }
        let [simulated, documents] = &violated;
        if broken {
            let both = simulated.intersection(documents).count();
            assert!(both > 0, "{}: {simulated:?} and {documents:?}", scenario.name());
        } else {
            assert!(simulated.is_empty() && documents.is_empty(), "{simulated:?} and {documents:?}");
        }
    }
}
