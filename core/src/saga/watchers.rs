//! Those who wait in this process for a saga to come to rest, so that they hear of it at once.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::sync::{Notify, futures::OwnedNotified};

use crate::ids::SagaId;

/// Waiters of this process, by the saga that they wait for. Where nobody waits, telling costs one look at a number.
#[derive(Debug, Default)]
pub(crate) struct Watchers {
    count: AtomicUsize,
    waiting: Mutex<BTreeMap<SagaId, Watched>>,
}

#[derive(Debug)]
struct Watched {
    rest: Arc<Notify>,
    watchers: usize,
}

impl Watchers {
    /// Begins to watch a saga, until what this returns is dropped.
    pub(crate) fn watch(self: &Arc<Self>, saga: SagaId) -> Watcher {
        let mut waiting = self.waiting();
        let watched = waiting.entry(saga).or_insert_with(|| Watched { rest: Arc::default(), watchers: 0 });
        watched.watchers += 1;
        self.count.fetch_add(1, Ordering::Release);
        Watcher { saga, rest: watched.rest.clone(), all: self.clone() }
    }

    /// A saga has come to rest, as is committed.
    pub(crate) fn tell(&self, saga: SagaId) {
        if self.count.load(Ordering::Acquire) == 0 {
            return;
        }
        if let Some(watched) = self.waiting().get(&saga) {
            watched.rest.notify_waiters();
        }
    }

    fn waiting(&self) -> MutexGuard<'_, BTreeMap<SagaId, Watched>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One who waits for a saga.
#[derive(Debug)]
pub(crate) struct Watcher {
    saga: SagaId,
    rest: Arc<Notify>,
    all: Arc<Watchers>,
}

impl Watcher {
    /// Waits until the saga comes to rest, from now on: made before the saga is looked at, it misses nothing.
    pub(crate) fn rest(&self) -> OwnedNotified {
        self.rest.clone().notified_owned()
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let mut waiting = self.all.waiting();
        self.all.count.fetch_sub(1, Ordering::Release);
        if let Some(watched) = waiting.get_mut(&self.saga) {
            watched.watchers -= 1;
            if watched.watchers == 0 {
                waiting.remove(&self.saga);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    /// Handles come and go for as long as a process lives.
    #[test]
    fn nothing_is_kept_of_those_who_wait_no_more() {
        let all = Arc::new(Watchers::default());
        let (one, other) = (SagaId(Uuid::from_u128(1)), SagaId(Uuid::from_u128(2)));
        let watchers = [all.watch(one), all.watch(one), all.watch(other)];
        assert_eq!((all.count.load(Ordering::Acquire), all.waiting().len()), (3, 2));
        let [first, second, third] = watchers;
        drop(first);
        assert_eq!((all.count.load(Ordering::Acquire), all.waiting().len()), (2, 2), "the other one still waits");
        drop((second, third));
        assert_eq!((all.count.load(Ordering::Acquire), all.waiting().len()), (0, 0));
    }
}
