//! Each index holds what follows from the documents and nothing else, whatever a store was asked for.

use std::{
    collections::BTreeMap,
    ops::ControlFlow,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use redb::TableHandle as _;
use seaworthy_core::{
    conformance::{StoreSubject, block_on, store_report},
    ports::{Clock, Store, Timestamp},
};

use super::RedbStore;
use crate::{
    config::RedbConfig,
    document,
    inbox::{Letter, Receipt, Watermark},
    indexed::{Index, Indexed},
    key::{Key, Range},
    latest,
    outbox::Row,
    participants::Operation,
    saga::Saga,
    tables::{self, COUNTERS, Table},
    view::{Result, View, as_number},
};

/// Tables that are no index of documents: their entries are written by the statement that they belong to.
const OTHERS: [Table; 13] = [
    tables::META,
    tables::COUNTERS,
    tables::DOCUMENTS,
    tables::CHECKPOINTS,
    tables::OUTBOX_MESSAGES,
    tables::SAGA_LOG,
    tables::SAGA_KEYS,
    tables::SAGA_KEYS_OF,
    tables::EVENTS,
    tables::EVENT_IDS,
    tables::EVENT_STREAMS,
    tables::EVENT_SNAPSHOTS,
    // Counted below with what it counts.
    tables::OUTBOX,
];

/// Counters of what was handed out: they count nothing that is there.
const HANDED_OUT: [&str; 4] = ["outbox", "dead_letters", "sagas_created", "events"];

type Entries = BTreeMap<(String, Vec<u8>), Vec<u8>>;

fn expected_of<T: Indexed>(view: View<'_>, entries: &mut Entries, counts: &mut BTreeMap<Vec<u8>, u64>) -> usize {
    let mut documents = 0;
    let each = view.each(T::TABLE, &Range::ALL, |key, value| {
        let found: T = document::decode(value).expect("its own document");
        let mut index = Index::default();
        found.index(key, &mut index);
        for (table, entry, value) in index.entries {
            entries.insert((table.name().to_owned(), entry), value);
        }
        for name in index.counted {
            *counts.entry(name).or_default() += 1;
        }
        documents += 1;
        Ok(ControlFlow::Continue(()))
    });
    each.expect("a table of the store");
    documents
}

/// Compares what the indexes and counters hold with what they are to hold. Returns the number of documents.
fn compare(view: View<'_>) -> Result<usize> {
    let (mut wanted, mut counts) = (Entries::new(), BTreeMap::new());
    let documents = expected_of::<Row>(view, &mut wanted, &mut counts)
        + expected_of::<Receipt>(view, &mut wanted, &mut counts)
        + expected_of::<Letter>(view, &mut wanted, &mut counts)
        + expected_of::<Watermark>(view, &mut wanted, &mut counts)
        + expected_of::<Saga>(view, &mut wanted, &mut counts)
        + expected_of::<Operation>(view, &mut wanted, &mut counts);
    let documents_of = [Row::TABLE, Receipt::TABLE, Letter::TABLE, Watermark::TABLE, Saga::TABLE, Operation::TABLE];
    let is_index = |table: &&Table| OTHERS.iter().chain(&documents_of).all(|other| other.name() != table.name());
    let mut found = Entries::new();
    for table in tables::ALL.iter().filter(is_index) {
        view.each(*table, &Range::ALL, |key, value| {
            found.insert((table.name().to_owned(), key.to_vec()), value.to_vec());
            Ok(ControlFlow::Continue(()))
        })?;
    }
    assert_eq!(found, wanted, "indexes");
    let mut counted = BTreeMap::new();
    view.each(COUNTERS, &Range::ALL, |key, value| {
        if !HANDED_OUT.iter().any(|name| Key::of_text(name).bytes() == key) {
            counted.insert(key.to_vec(), as_number(value).expect("a number"));
        }
        Ok(ControlFlow::Continue(()))
    })?;
    assert_eq!(counted, counts, "counters");
    Ok(documents)
}

#[derive(Default)]
struct HandClock(AtomicI64);

#[async_trait]
impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }

    async fn sleep(&self, _: Duration) {}
}

/// Keeps the stores of all checks.
struct Kept {
    clock: Arc<HandClock>,
    stores: Mutex<Vec<RedbStore>>,
}

#[async_trait]
impl StoreSubject for Kept {
    async fn fresh(&self) -> Arc<dyn Store> {
        let store = RedbStore::open_in_memory(self.clock.clone(), RedbConfig::simulation()).expect("memory");
        self.stores.lock().expect("no check panics with it").push(store.clone());
        Arc::new(store)
    }

    async fn advance(&self, by: Duration) {
        self.clock.0.fetch_add(i64::try_from(by.as_micros()).expect("a span"), Ordering::SeqCst);
    }

    fn concurrent_writers(&self) -> bool {
        false
    }
}

/// The suite does to stores all that the port offers, so what it leaves behind is of every kind.
#[test]
fn indexes_and_counters_follow_from_the_documents_after_every_check_of_the_suite_and_when_a_clock_was_believed() {
    let clock = Arc::new(HandClock(AtomicI64::new(400_000_000_000)));
    let kept = Kept { clock, stores: Mutex::default() };
    let report = block_on(store_report(&kept));
    assert!(report.is_conformant(), "{report}");
    let stores = kept.stores.into_inner().expect("no check has panicked");
    let mut documents = 0;
    for store in &stores {
        documents += block_on(store.read(compare)).expect("a store that can be read");
        // All that is later than this was put off by a clock that was wrong.
        block_on(store.write(|tables, _| latest::believe(tables, Timestamp::from_micros(1)))).expect("a store");
        block_on(store.read(compare)).expect("a store that can be read");
    }
    assert!(stores.len() > 100 && documents > 500, "{} stores, {documents} documents", stores.len());
}
