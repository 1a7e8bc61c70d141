use std::{borrow::Borrow, collections::VecDeque, hash::Hash};

use crate::lookup::Lookup;

/// Values with the commit that wrote them, and what they were before for as long as a snapshot may ask.
///
/// Opening a snapshot copies nothing: the newest value lies in the map, and a short undo list, one entry for each write
/// since the oldest open snapshot, gives older readers theirs.
#[derive(Clone, Debug)]
pub(super) struct Versioned<K, V> {
    slots: Lookup<K, Slot<V>>,
    undo: VecDeque<Undo<K, V>>,
}

/// `value` is `None` after a delete that an open snapshot still has to notice.
#[derive(Clone, Debug)]
struct Slot<V> {
    commit: u64,
    value: Option<V>,
}

#[derive(Clone, Debug)]
struct Undo<K, V> {
    commit: u64,
    key: K,
    before: Option<V>,
}

/// Effect of a write on the set of keys.
pub(super) enum Keys {
    Same,
    Added,
    Removed,
}

impl<K, V> Default for Versioned<K, V> {
    fn default() -> Self {
        Self { slots: Lookup::default(), undo: VecDeque::new() }
    }
}

impl<K: Hash + Eq + Clone, V> Versioned<K, V> {
    /// The value as of commit `at`.
    pub(super) fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q, at: u64) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let slot = self.slots.get(key)?;
        if slot.commit <= at {
            return slot.value.as_ref();
        }
        let later = self.undo.partition_point(|undo| undo.commit <= at);
        let overwritten = self.undo.range(later..).find(|undo| undo.key.borrow() == key);
        overwritten.and_then(|undo| undo.before.as_ref())
    }

    /// Returns `true` if a commit after `at` wrote the key.
    pub(super) fn written_since<Q: Hash + Eq + ?Sized>(&self, key: &Q, at: u64) -> bool
    where
        K: Borrow<Q>,
    {
        self.slots.get(key).is_some_and(|slot| slot.commit > at)
    }

    /// Writes (`Some`) or deletes (`None`). `oldest` is the oldest open snapshot.
    pub(super) fn apply(&mut self, commit: u64, key: K, value: Option<V>, oldest: Option<u64>) -> Keys {
        if oldest.is_none() && value.is_none() {
            return if self.slots.remove(&key).is_some() { Keys::Removed } else { Keys::Same };
        }
        let before = if oldest.is_some() {
            let before = self.slots.insert(key.clone(), Slot { commit, value });
            let keys = if before.is_some() { Keys::Same } else { Keys::Added };
            self.undo.push_back(Undo { commit, key, before: before.and_then(|slot| slot.value) });
            return keys;
        } else {
            self.slots.insert(key, Slot { commit, value })
        };
        if before.is_some() { Keys::Same } else { Keys::Added }
    }

    /// Forgets what no snapshot can see any more; `removed` hears of the keys that are gone for good.
    pub(super) fn forget(&mut self, oldest: Option<u64>, mut removed: impl FnMut(&K)) {
        let oldest = oldest.unwrap_or(u64::MAX);
        while self.undo.front().is_some_and(|undo| undo.commit <= oldest) {
            let Some(undo) = self.undo.pop_front() else { return };
            let deleted = |slot: &Slot<V>| slot.value.is_none() && slot.commit == undo.commit;
            if self.slots.get(&undo.key).is_some_and(deleted) {
                self.slots.remove(&undo.key);
                removed(&undo.key);
            }
        }
    }

    /// Returns the number of older values that are kept for open snapshots.
    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        self.undo.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_keeps_seeing_what_it_saw_and_costs_nothing_once_it_is_closed() {
        let mut values = Versioned::default();
        values.apply(1, "a", Some(1), None);
        values.apply(2, "a", Some(2), Some(1));
        values.apply(3, "a", None, Some(1));
        values.apply(4, "a", Some(4), Some(1));
        assert_eq!([1, 2, 3, 4].map(|at| values.get("a", at).copied()), [Some(1), Some(2), None, Some(4)]);
        values.forget(Some(2), |_| {});
        assert_eq!(values.kept(), 2);
        values.forget(None, |_| {});
        assert_eq!((values.kept(), values.get("a", 9).copied()), (0, Some(4)));
    }

    #[test]
    fn a_deleted_key_is_remembered_until_the_last_snapshot_that_saw_it_is_closed() {
        let mut values = Versioned::default();
        values.apply(1, "a", Some(1), None);
        values.apply(2, "a", None, Some(1));
        assert!(values.written_since("a", 1), "a writer that began before the delete has been overtaken");
        let mut gone = Vec::new();
        values.forget(Some(1), |key| gone.push(*key));
        assert!(gone.is_empty());
        values.forget(None, |key| gone.push(*key));
        assert_eq!((gone, values.written_since("a", 1)), (vec!["a"], false));
    }
}
