//! A store whose statement that settles a row asks for its number and forgets to ask whose it is. A relay that has slept
//! through its lease settles what another one has claimed since.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use seaworthy_core::{
    ids::ClaimToken,
    outbox::{Relay, RelayConfig},
    ports::{ClaimRequest, Clock, DelegateStore, OutboxRow, OutboxStore, RowId, Settlement, Store, StoreError},
};
use seaworthy_sim::{scenario::Topology, store::MemoryStore};

use crate::small_service::{
    Service,
    messaging::{front_beside, fronts, listener, placing},
};

pub(super) const WRONG: Service =
    Service { store: Some(Forgetful::make), ..Service::wrong("settles-whose-ever-row-it-is", topology) };

fn topology(_: bool) -> Topology {
    listener(fronts(|boot| {
        // So short that a pause outlasts it.
        let config = RelayConfig::default().lease(Duration::from_millis(100));
        let running = Relay::new(&boot.ports).config(config).run();
        front_beside(boot, running, placing)
    }))
}

struct Forgetful {
    inner: MemoryStore,
    /// Under which claim each row is out.
    claims: Mutex<BTreeMap<RowId, ClaimToken>>,
}

impl Forgetful {
    fn make(clock: Arc<dyn Clock>) -> Arc<dyn Store> {
        Arc::new(Self { inner: MemoryStore::new(clock), claims: Mutex::default() })
    }

    fn claim_of(&self, row: RowId) -> Option<ClaimToken> {
        self.claims.lock().unwrap_or_else(PoisonError::into_inner).get(&row).copied()
    }
}

#[async_trait]
impl DelegateStore for Forgetful {
    fn inner(&self) -> &dyn Store {
        &self.inner
    }

    async fn claim(&self, request: &ClaimRequest) -> Result<Vec<OutboxRow>, StoreError> {
        let rows = self.inner.claim(request).await?;
        let mut claims = self.claims.lock().unwrap_or_else(PoisonError::into_inner);
        claims.extend(rows.iter().map(|row| (row.row, request.token)));
        Ok(rows)
    }

    async fn settle(&self, token: ClaimToken, settlements: &[Settlement]) -> Result<Vec<bool>, StoreError> {
        let mut held = Vec::new();
        for settlement in settlements {
            let latest = self.claim_of(settlement.row).unwrap_or(token);
            held.extend(self.inner.settle(latest, std::slice::from_ref(settlement)).await?);
        }
        Ok(held)
    }
}
