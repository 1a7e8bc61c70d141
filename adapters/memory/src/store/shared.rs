use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use seaworthy_core::ports::{Clock, SteadyTime, Timestamp};

use super::model::StoreModel;

/// State that a store shares with its open transactions.
pub(super) struct Shared {
    time: SteadyTime,
    model: Mutex<StoreModel>,
}

impl Shared {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        let epoch = u64::try_from(clock.now().as_micros()).unwrap_or(0).max(1);
        Self { time: SteadyTime::new(clock), model: Mutex::new(StoreModel::new(epoch)) }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.time.now()
    }

    pub(super) fn model(&self) -> MutexGuard<'_, StoreModel> {
        self.model.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
