//! Every check of the conformance suite finds a bug that was planted for it.

mod broker;
mod events;
mod planted;
mod store;
mod transaction;

use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use seaworthy_core::{
    conformance::{self, BrokerSubject, StoreSubject, block_on},
    ports::{Broker, Clock as _, Store},
};
use seaworthy_memory::{
    ManualClock,
    broker::{BrokerConfig, MemoryBroker, Unroutable},
    store::MemoryStore,
};

use planted::{BROKER, STORE};

struct BrokenStore(Arc<ManualClock>, store::Bug);

#[async_trait]
impl StoreSubject for BrokenStore {
    async fn fresh(&self) -> Arc<dyn Store> {
        Arc::new(store::Broken::new(Arc::new(MemoryStore::new(self.0.clone())), self.1))
    }

    async fn advance(&self, by: Duration) {
        self.0.advance(by);
    }

    /// What is in memory goes with its process; these two are as a file's store would be.
    async fn reopened(&self, store: Arc<dyn Store>, set_back_by: Duration) -> Option<Arc<dyn Store>> {
        match self.1 {
            store::Bug::GoesBackWithItsClock => {
                let behind = ManualClock::at(self.0.now().before(set_back_by));
                Some(Arc::new(MemoryStore::new(behind)))
            }
            store::Bug::StaysAheadOfItsClock => Some(store),
            _ => None,
        }
    }
}

struct BrokenBroker(Arc<ManualClock>, broker::Bug);

#[async_trait]
impl BrokerSubject for BrokenBroker {
    async fn fresh(&self) -> Arc<dyn Broker> {
        let config = BrokerConfig::default().unroutable(Unroutable::Reject);
        Arc::new(broker::Broken::new(Arc::new(MemoryBroker::new(self.0.clone(), config)), self.1))
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

#[test]
fn each_planted_bug_of_a_store_is_found_by_the_checks_that_are_about_it() {
    for (bug, checks) in STORE {
        for name in *checks {
            let found = conformance::store::CHECKS.iter().find(|check| check.name == *name);
            let check = found.unwrap_or_else(|| panic!("{name} is a check"));
            let outcome = block_on(check.run(&BrokenStore(ManualClock::new(), *bug)));
            assert!(outcome.is_err(), "{name} does not find {bug:?}");
        }
    }
}

#[test]
fn each_planted_bug_of_a_broker_is_found_by_the_checks_that_are_about_it() {
    for (bug, checks) in BROKER {
        for name in *checks {
            let found = conformance::broker::CHECKS.iter().find(|check| check.name == *name);
            let check = found.unwrap_or_else(|| panic!("{name} is a check"));
            let outcome = block_on(check.run(&BrokenBroker(ManualClock::new(), *bug)));
            assert!(outcome.is_err(), "{name} does not find {bug:?}");
        }
    }
}

#[test]
fn every_check_has_a_planted_bug() {
    let planted: BTreeSet<&str> = STORE.iter().flat_map(|(_, checks)| *checks).copied().collect();
    let all: BTreeSet<&str> = conformance::store::CHECKS.iter().map(|check| check.name).collect();
    assert_eq!(planted, all);
    let planted: BTreeSet<&str> = BROKER.iter().flat_map(|(_, checks)| *checks).copied().collect();
    let all: BTreeSet<&str> = conformance::broker::CHECKS.iter().map(|check| check.name).collect();
    assert_eq!(planted, all);
}

#[test]
fn a_report_names_what_failed_and_what_was_seen() {
    let subject = BrokenStore(ManualClock::new(), store::Bug::ClockStands);
    let report = block_on(conformance::store_report(&subject));
    assert!(!report.is_conformant());
    let failed: Vec<&str> = report.failures().map(|check| check.name).collect();
    assert!(failed.contains(&"the_clock_of_the_store_advances"), "{failed:?}");
    let told = report.to_string();
    let line = "the port promises: the store's clock advances as the subject says; seen: by 0ns";
    assert!(told.contains(line), "{told}");
}

/// What an adapter's test calls: it is red for a store that breaks its word, and green for one that keeps it.
#[test]
fn a_check_by_its_name_panics_where_its_promise_does_not_hold_or_there_is_none() {
    let ends = |check: &mut dyn FnMut()| catch_unwind(AssertUnwindSafe(check)).is_ok();
    let broken = BrokenStore(ManualClock::new(), store::Bug::ClockStands);
    let store = |name| ends(&mut || block_on(conformance::assert_store(&broken, name)));
    assert!(!store("the_clock_of_the_store_advances"));
    assert!(store("a_dropped_transaction_leaves_nothing"));
    assert!(!store("no such check"));
    let (bug, checks) = BROKER[0];
    let kept = BROKER.iter().map(|(_, checks)| checks[0]).find(|kept| {
        let subject = BrokenBroker(ManualClock::new(), bug);
        let check = conformance::broker::CHECKS.iter().find(|check| check.name == *kept).expect("a check");
        block_on(check.run(&subject)).is_ok()
    });
    let broker = |name| {
        let subject = BrokenBroker(ManualClock::new(), bug);
        ends(&mut || block_on(conformance::assert_broker(&subject, name)))
    };
    assert!(!broker(checks[0]));
    assert!(broker(kept.expect("a promise that it keeps")));
}
