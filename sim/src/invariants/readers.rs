//! Subscribers to the events of stores, as several invariants know them.

use seaworthy_core::events::APPLIED;
use smol_str::SmolStr;

use crate::{topology::Topology, trace::Effect};

/// Subscriber to the events of a store. Others have checkpoints, too, as a relay that reads the log of an outbox does: a subscriber
/// is one that the topology declares, or that has had the effect of an event.
#[derive(Debug)]
pub(super) struct Reader<T> {
    pub(super) store: SmolStr,
    pub(super) name: SmolStr,
    pub(super) is_subscriber: bool,
    /// `true` if the topology declares it.
    pub(super) is_declared: bool,
    pub(super) state: T,
}

/// Owners of checkpoints. A run has a handful of them.
#[derive(Debug)]
pub(super) struct Readers<T>(Vec<Reader<T>>);

impl<T: Default> Readers<T> {
    /// Nobody is known yet.
    pub(super) fn none() -> Self {
        Self(Vec::new())
    }

    /// Those that a topology declares.
    pub(super) fn from_topology(topology: &Topology) -> Self {
        let mut readers = Self::none();
        for (store, name) in &topology.subscribers {
            let reader = readers.of(store, name);
            (reader.is_subscriber, reader.is_declared) = (true, true);
        }
        readers
    }

    /// Returns a reader of a store.
    pub(super) fn of(&mut self, store: &SmolStr, name: &SmolStr) -> &mut Reader<T> {
        let known = self.0.iter().position(|reader| reader.name == *name && reader.store == *store);
        let at = known.unwrap_or_else(|| {
            let (store, name) = (store.clone(), name.clone());
            self.0.push(Reader { store, name, is_subscriber: false, is_declared: false, state: T::default() });
            self.0.len() - 1
        });
        &mut self.0[at]
    }

    /// Returns the subscribers of a store.
    pub(super) fn subscribers<'a>(&'a self, store: &'a SmolStr) -> impl Iterator<Item = &'a Reader<T>> {
        self.0.iter().filter(move |reader| reader.is_subscriber && reader.store == *store)
    }

    /// Returns all of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Reader<T>> {
        self.0.iter()
    }

    /// Forgets what readers of a store have read: it was put back to an earlier moment.
    pub(super) fn forget(&mut self, store: &SmolStr) {
        self.0.iter_mut().filter(|reader| reader.store == *store).for_each(|reader| reader.state = T::default());
    }
}

/// Returns the subscriber and the position, if an effect is that an event has had its effect.
pub(super) fn applied(effect: &Effect) -> Option<(&SmolStr, u64)> {
    match effect {
        Effect::Observed { fact, subject, value } if fact == APPLIED => Some((subject, u64::try_from(*value).ok()?)),
        _ => None,
    }
}
