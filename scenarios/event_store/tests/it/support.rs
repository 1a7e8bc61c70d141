//! A store with a bank in it, whose subscribers are asked one by one to catch up.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use seaworthy_core::{
    events::{Ledger, Subscriber},
    inbox::Handlers,
    ports::{Clock, EventAppend, ExpectedVersion, Random, Store, Timestamp},
};
use seaworthy_event_store::{
    account::Account,
    bookings::{cause, sides},
    earlier,
    messages::{BANK, Booking, CREDITED},
};
use seaworthy_memory::{ManualClock, store::MemoryStore};
use serde::de::DeserializeOwned;
use smol_str::SmolStr;

/// Time that passes as soon as somebody waits for it.
struct Quick(Arc<ManualClock>);

#[async_trait]
impl Clock for Quick {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    async fn sleep(&self, duration: Duration) {
        self.0.advance(duration);
    }
}

/// Dice that count: no two ids are the same.
#[derive(Default)]
struct Counter(AtomicU64);

impl Random for Counter {
    fn next_u64(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

pub(crate) struct Bank {
    pub(crate) store: Arc<dyn Store>,
    clock: Arc<ManualClock>,
    random: Arc<Counter>,
}

impl Bank {
    /// A bank as the earlier release left it, with so many units on each account.
    pub(crate) async fn opened(units: &[(&str, u32)]) -> Self {
        let clock = ManualClock::at(Timestamp::from_millis(1_704_139_200_000));
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new(clock.clone()));
        let units: BTreeMap<SmolStr, u32> = units.iter().map(|(account, units)| ((*account).into(), *units)).collect();
        earlier::open(&*store, &units, clock.now()).await.expect("an empty store");
        Self { store, clock, random: Arc::default() }
    }

    pub(crate) fn ledger(&self) -> Ledger<Account> {
        Ledger::new(BANK, self.clock.clone(), self.random.clone()).snapshot_every(2)
    }

    /// Books some cents, or returns why not.
    pub(crate) async fn book(&self, id: &str, from: &str, to: &str, cents: u64) -> Result<(), String> {
        let (from, to) = (from.into(), to.into());
        let booking = Booking { id: id.into(), from, to, cents, purpose: "rent".into() };
        let mut tx = self.store.begin().await.expect("a store");
        for (account, command) in sides(&booking) {
            let done = self.ledger().execute_in(&mut *tx, account, &command, cause(&booking)).await;
            done.map_err(|error| error.to_string())?;
        }
        tx.commit().await.map_err(|error| error.to_string())
    }

    /// Appends an event that no release can read.
    pub(crate) async fn append_unreadable(&self, account: &str) {
        let data = bytes::Bytes::from_static(br#"{"Credited":{"pounds":1}}"#);
        let event = seaworthy_core::message::MessageBuilder::new(BANK, CREDITED, account);
        let event = event.data("application/json", data).draw(&*self.clock, &*self.random);
        let append = EventAppend::new(earlier::stream(account), ExpectedVersion::Any, vec![event]);
        let mut tx = self.store.begin().await.expect("a store");
        tx.append_events(&append).await.expect("whatever the stream holds");
        tx.commit().await.expect("committed");
    }

    pub(crate) fn subscriber(&self, name: &str, handlers: Handlers) -> Subscriber {
        let clock = Arc::new(Quick(self.clock.clone()));
        Subscriber::from_parts(name, self.store.clone(), clock, self.random.clone(), handlers)
    }

    pub(crate) async fn document<T: DeserializeOwned>(&self, collection: &str, id: &str) -> Option<T> {
        let mut tx = self.store.begin().await.expect("a store");
        let found = tx.get(collection, id).await.expect("readable")?;
        Some(serde_json::from_slice(&found.body).expect("a document of this service"))
    }
}
