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
        let epoch = u64::try_from(clock.now().as_micros()).unwrap_or(0).max(1);
        Self { clock, model: Mutex::new(StoreModel::new(epoch)) }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn model(&self) -> MutexGuard<'_, StoreModel> {
        self.model.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
