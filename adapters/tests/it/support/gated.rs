//! A gate before a store, which a test closes and opens.

use std::sync::{Arc, Mutex};

use seaworthy_core::ports::{Clock, Intercept, Intercepted, Ports, StoreError, Timestamp, Transaction};

type Script = dyn FnMut(Timestamp) -> Result<(), StoreError> + Send;

/// Lets a transaction begin, or not, as a test says, and keeps the times at which somebody tried.
#[derive(Clone)]
pub(crate) struct GatedStore {
    clock: Arc<dyn Clock>,
    script: Arc<Mutex<Script>>,
    begun: Arc<Mutex<Vec<Timestamp>>>,
}

impl GatedStore {
    /// A gate before the store of these ports, and the ports with it.
    pub(crate) fn before(
        ports: &Ports,
        script: impl FnMut(Timestamp) -> Result<(), StoreError> + Send + 'static,
    ) -> (Self, Ports) {
        let gate = Self { clock: ports.clock.clone(), script: Arc::new(Mutex::new(script)), begun: Arc::default() };
        let store = Arc::new(Intercepted::new(ports.store.clone(), gate.clone()));
        (gate, Ports { store, ..ports.clone() })
    }

    /// Times at which a transaction was to begin.
    pub(crate) fn begun(&self) -> Vec<Timestamp> {
        self.begun.lock().expect("no script panics").clone()
    }
}

impl Intercept for GatedStore {
    type Transaction = ();

    fn transaction(&self) {}

    async fn begin(
        &self,
        inner: impl Future<Output = Result<Box<dyn Transaction>, StoreError>> + Send,
    ) -> Result<(Box<dyn Transaction>, ()), StoreError> {
        let now = self.clock.now();
        self.begun.lock().expect("no script panics").push(now);
        (self.script.lock().expect("no script panics"))(now)?;
        Ok((inner.await?, ()))
    }
}
