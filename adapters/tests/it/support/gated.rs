//! A store that a test closes and opens, before a real one.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use seaworthy_core::ports::{Clock, DelegateStore, Ports, Store, StoreError, Timestamp, Transaction};

type Script = Box<dyn FnMut(Timestamp) -> Result<(), StoreError> + Send>;

/// Lets a transaction begin, or not, as a test says, and keeps the times at which somebody tried.
pub(crate) struct GatedStore {
    behind: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    script: Mutex<Script>,
    begun: Mutex<Vec<Timestamp>>,
}

impl GatedStore {
    /// A gate before the store of these ports, and the ports with it.
    pub(crate) fn before(
        ports: &Ports,
        script: impl FnMut(Timestamp) -> Result<(), StoreError> + Send + 'static,
    ) -> (Arc<Self>, Ports) {
        let script: Script = Box::new(script);
        let (behind, clock) = (ports.store.clone(), ports.clock.clone());
        let gate = Arc::new(Self { behind, clock, script: Mutex::new(script), begun: Mutex::default() });
        let ports = Ports { store: gate.clone(), ..ports.clone() };
        (gate, ports)
    }

    /// Times at which a transaction was to begin.
    pub(crate) fn begun(&self) -> Vec<Timestamp> {
        self.begun.lock().expect("no script panics").clone()
    }
}

#[async_trait]
impl DelegateStore for GatedStore {
    fn inner(&self) -> &dyn Store {
        &*self.behind
    }

    async fn begin(&self) -> Result<Box<dyn Transaction>, StoreError> {
        let now = self.clock.now();
        self.begun.lock().expect("no script panics").push(now);
        (self.script.lock().expect("no script panics"))(now)?;
        self.behind.begin().await
    }
}
