use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use seaworthy_core::ports::{Clock, Timestamp};

use super::model::StoreModel;

/// State that a store shares with its open transactions.
pub(super) struct Shared {
    clock: Arc<dyn Clock>,
    model: Mutex<StoreModel>,
}

impl Shared {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, model: Mutex::default() }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn model(&self) -> MutexGuard<'_, StoreModel> {
        self.model.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
