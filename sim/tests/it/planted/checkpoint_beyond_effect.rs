//! A subscriber that moves its checkpoint, and then has the effect in a transaction of its own. Who dies in between has lost it.

use std::sync::Arc;

use async_trait::async_trait;
use seaworthy_core::ports::{
    Clock, DelegateStore, DelegateTransaction, Documents, Expected, Ports, RecordedEvent, Store, StoreError,
    Transaction,
};
use seaworthy_sim::{
    scenario::{Boot, Topology},
    store::MemoryStore,
};

use super::is_found_and_the_right_service_holds;
use crate::small_service::{
    Service,
    messaging::REST,
    streams::{FIGURES, apply, begin_at, deal, keeping, subscribe_by_hand},
};

pub(super) const WRONG: Service = Service::wrong("checkpoint-before-effect", topology);

fn topology(is_right: bool) -> Topology {
    let figures = keeping().process("figures-1", "figures", "front", move |boot| async move {
        match is_right {
            true => subscribe_by_hand(boot.ports, deal, REST).await,
            false => subscribe_by_hand(boot.ports, checkpoint_first, REST).await,
        }
    });
    figures.subscriber("front", FIGURES)
}

async fn checkpoint_first(ports: Ports, from: u64, event: RecordedEvent) -> Result<(), StoreError> {
    let mut tx = begin_at(&ports, from).await?;
    tx.set_checkpoint(FIGURES, event.position()).await?;
    tx.commit().await?;
    let mut tx = ports.store.begin().await?;
    apply(&mut *tx, event.position()).await?;
    tx.commit().await
}

/// A store whose checkpoints are rows that whoever comes last overwrites. Of two replicas the one that is behind skips what the other
/// has done, and takes the checkpoint back to that; a store that refuses it has the replica look again.
#[test]
fn a_checkpoint_that_goes_back_is_found() {
    let wrong = Service { store: Some(Overwritten::make), ..Service::wrong("overwrites-its-checkpoint", twice) };
    is_found_and_the_right_service_holds("checkpoint-beyond-effect", wrong);
}

fn twice(_: bool) -> Topology {
    let figures = |boot: Boot| subscribe_by_hand(boot.ports, deal_or_skip, REST);
    let topology = keeping().process("figures-1", "figures", "front", figures);
    topology.process("figures-2", "figures", "front", figures).subscriber("front", FIGURES)
}

/// Asks of an event if it is dealt with, and not of the checkpoint where it is by now.
async fn deal_or_skip(ports: Ports, _: u64, event: RecordedEvent) -> Result<(), StoreError> {
    let (position, id) = (event.position(), event.message.id.to_string());
    let mut tx = ports.store.begin().await?;
    if tx.get("done", &id).await?.is_none() {
        apply(&mut *tx, position).await?;
        tx.put("done", &id, Expected::Absent, "1".into()).await?;
    }
    tx.set_checkpoint(FIGURES, position).await?;
    tx.commit().await
}

/// Keeps checkpoints as documents, and looks at none before it writes it.
struct Overwritten(MemoryStore);

impl Overwritten {
    fn make(clock: Arc<dyn Clock>) -> Arc<dyn Store> {
        Arc::new(Self(MemoryStore::new(clock)))
    }
}

#[async_trait]
impl DelegateStore for Overwritten {
    fn inner(&self) -> &dyn Store {
        &self.0
    }

    async fn begin(&self) -> Result<Box<dyn Transaction>, StoreError> {
        Ok(Box::new(Overwriting(Store::begin(&self.0).await?)))
    }
}

struct Overwriting(Box<dyn Transaction>);

#[async_trait]
impl DelegateTransaction for Overwriting {
    fn inner(&mut self) -> &mut dyn Transaction {
        &mut *self.0
    }

    fn into_inner(self: Box<Self>) -> Box<dyn Transaction> {
        self.0
    }

    async fn checkpoint(&mut self, consumer: &str) -> Result<Option<u64>, StoreError> {
        let row = Documents::get(&mut *self.0, "checkpoints", consumer).await?;
        Ok(row.and_then(|row| serde_json::from_slice(&row.body).ok()))
    }

    async fn set_checkpoint(&mut self, consumer: &str, position: u64) -> Result<(), StoreError> {
        let row = Documents::get(&mut *self.0, "checkpoints", consumer).await?;
        let expected = row.map_or(Expected::Absent, |row| Expected::Version(row.version));
        Documents::put(&mut *self.0, "checkpoints", consumer, expected, position.to_string().into()).await.map(drop)
    }
}
