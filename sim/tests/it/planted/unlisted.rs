//! A store whose list of dead letters shows none: nobody finds what was given up.

use std::sync::Arc;

use async_trait::async_trait;
use seaworthy_core::ports::{Clock, DeadLetter, DeadLetterRequest, DelegateStore, Store, StoreError};
use seaworthy_sim::{scenario::Topology, store::MemoryStore};

use crate::small_service::{
    Service,
    messaging::{front_beside_relay, fronts, listener, placing},
};

pub(super) const WRONG: Service =
    Service { store: Some(Forgetful::make), ..Service::wrong("lists-nothing", topology).fails_for_good() };

fn topology(_: bool) -> Topology {
    listener(fronts(|boot| front_beside_relay(boot, placing)))
}

struct Forgetful(MemoryStore);

impl Forgetful {
    fn make(clock: Arc<dyn Clock>) -> Arc<dyn Store> {
        Arc::new(Self(MemoryStore::new(clock)))
    }
}

#[async_trait]
impl DelegateStore for Forgetful {
    fn inner(&self) -> &dyn Store {
        &self.0
    }

    async fn dead_letters(&self, _: &DeadLetterRequest) -> Result<Vec<DeadLetter>, StoreError> {
        Ok(Vec::new())
    }
}
