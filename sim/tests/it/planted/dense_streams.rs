//! A store that takes the versions of its streams from a sequence. A sequence does not go back where a transaction is rolled back,
//! so the stream has a gap, and whoever waits for the version in between waits for ever.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use seaworthy_core::ports::{
    Appended, Clock, DelegateStore, DelegateTransaction, EventAppend, EventWrites, Store, StoreError, Transaction,
};
use seaworthy_sim::{scenario::Topology, store::MemoryStore};
use smol_str::SmolStr;

use crate::small_service::{
    Service,
    streams::{FIGURES, keeping, subscribe},
};

pub(super) const WRONG: Service =
    Service { store: Some(Numbered::make), ..Service::wrong("versions-from-a-sequence", topology) };

fn topology(_: bool) -> Topology {
    let figures = keeping().process("figures-1", "figures", "front", |boot| subscribe(boot.ports));
    figures.subscriber("front", FIGURES)
}

type Sequences = Arc<Mutex<BTreeMap<SmolStr, u64>>>;

struct Numbered(MemoryStore, Sequences);

impl Numbered {
    fn make(clock: Arc<dyn Clock>) -> Arc<dyn Store> {
        Arc::new(Self(MemoryStore::new(clock), Sequences::default()))
    }
}

#[async_trait]
impl DelegateStore for Numbered {
    fn inner(&self) -> &dyn Store {
        &self.0
    }

    async fn begin(&self) -> Result<Box<dyn Transaction>, StoreError> {
        Ok(Box::new(NumberedTransaction(Store::begin(&self.0).await?, self.1.clone())))
    }
}

struct NumberedTransaction(Box<dyn Transaction>, Sequences);

#[async_trait]
impl DelegateTransaction for NumberedTransaction {
    fn inner(&mut self) -> &mut dyn Transaction {
        &mut *self.0
    }

    fn into_inner(self: Box<Self>) -> Box<dyn Transaction> {
        self.0
    }

    async fn append_events(&mut self, append: &EventAppend) -> Result<Appended, StoreError> {
        let appended = EventWrites::append_events(&mut *self.0, append).await?;
        let mut sequences = self.1.lock().unwrap_or_else(PoisonError::into_inner);
        let next = sequences.entry(append.stream.clone()).or_default();
        *next += appended.positions.len() as u64;
        Ok(Appended { version: *next, ..appended })
    }
}
