//! The simulated store keeps every promise of the store port.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use seaworthy_core::{
    conformance::{StoreSubject, block_on},
    ports::Store,
};
use seaworthy_memory::{ManualClock, store::MemoryStore};

struct Memory(Arc<ManualClock>);

#[async_trait]
impl StoreSubject for Memory {
    async fn fresh(&self) -> Arc<dyn Store> {
        Arc::new(MemoryStore::new(self.0.clone()))
    }

    async fn advance(&self, by: Duration) {
        self.0.advance(by);
    }
}

seaworthy_core::store_conformance!(Memory(ManualClock::new()), block_on);
