use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use seaworthy_core::ports::{Clock, SteadyTime, Timestamp};

use super::model::StoreModel;

/// State that a store shares with its open transactions.
pub(super) struct SharedModel {
    clock: Arc<dyn Clock>,
    time: SteadyTime,
    model: Mutex<StoreModel>,
}

impl SharedModel {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        let epoch = epoch_at(clock.now());
        Self { time: SteadyTime::new(Arc::clone(&clock)), clock, model: Mutex::new(StoreModel::new(epoch)) }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.time.now()
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// The number of the life that begins now.
    pub(super) fn next_epoch(&self) -> u64 {
        epoch_at(self.now())
    }

    pub(super) fn model(&self) -> MutexGuard<'_, StoreModel> {
        self.model.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The epoch of a store that begins its life at this moment: time runs on, so another life has another.
fn epoch_at(now: Timestamp) -> u64 {
    u64::try_from(now.as_micros()).unwrap_or(0).max(1)
}
