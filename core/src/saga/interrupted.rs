//! Sagas that the store makes this process leave again and again, although it works for others.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::ids::SagaId;

/// Number of times in a row for each such saga. It is known to this process only: another replica counts for itself.
#[derive(Debug, Default)]
pub(crate) struct Interrupted {
    /// Mostly there are none, and then nobody takes the lock.
    any: AtomicBool,
    times: Mutex<BTreeMap<SagaId, u32>>,
}

impl Interrupted {
    /// Counts once more, and returns how many times it is now.
    pub(crate) fn count(&self, saga: SagaId) -> u32 {
        self.any.store(true, Ordering::Relaxed);
        let mut times = self.times();
        let times = times.entry(saga).or_default();
        *times = times.saturating_add(1);
        *times
    }

    /// Forgets a saga that went on, or that others have.
    pub(crate) fn forget(&self, saga: SagaId) {
        if self.any.load(Ordering::Relaxed) {
            let mut times = self.times();
            times.remove(&saga);
            self.any.store(!times.is_empty(), Ordering::Relaxed);
        }
    }

    fn times(&self) -> MutexGuard<'_, BTreeMap<SagaId, u32>> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
