//! A store that hands out rows in one order for all keys, and none beyond one that is dead: a message that the broker
//! refuses holds up everybody's.

use std::sync::Arc;

use async_trait::async_trait;
use seaworthy_core::ports::{
    ClaimRequest, Clock, DeadRowRequest, DelegateStore, OutboxRow, OutboxStore, Store, StoreError,
};
use seaworthy_sim::{scenario::Topology, store::MemoryStore};

use crate::small_service::{
    Service,
    messaging::{front_beside_relay, fronts, listener, placing},
};

pub(super) const WRONG: Service =
    Service { store: Some(OneQueue::make), ..Service::wrong("one-queue-for-all-keys", topology) };

fn topology(_: bool) -> Topology {
    listener(fronts(|boot| front_beside_relay(boot, placing)))
}

struct OneQueue(MemoryStore);

impl OneQueue {
    fn make(clock: Arc<dyn Clock>) -> Arc<dyn Store> {
        Arc::new(Self(MemoryStore::new(clock)))
    }
}

#[async_trait]
impl DelegateStore for OneQueue {
    fn inner(&self) -> &dyn Store {
        &self.0
    }

    async fn claim(&self, request: &ClaimRequest) -> Result<Vec<OutboxRow>, StoreError> {
        match self.0.dead_rows(&DeadRowRequest::new(1)).await?.is_empty() {
            true => self.0.claim(request).await,
            false => Ok(Vec::new()),
        }
    }
}
