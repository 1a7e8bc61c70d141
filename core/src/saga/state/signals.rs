//! Signals that came and that no step has received yet.

use std::fmt;

use smol_str::SmolStr;

use crate::saga::{Signal, sorted::Sorted};

/// Signals of a saga. A clone shares them with the original, and whatever is asked or changed costs as much as the logarithm of
/// their number.
#[derive(Clone)]
pub(crate) struct Signals {
    /// Those that are kept, by their names and places: the later a signal came, the higher is its place.
    kept: Sorted<(SmolStr, u64), Signal>,
    by_key: Sorted<(SmolStr, Option<SmolStr>, u64), ()>,
    /// All that ever came, by their names and ids, with the places of those that are kept.
    known: Sorted<(SmolStr, SmolStr), Option<u64>>,
    next: u64,
}

impl Signals {
    pub(super) const fn new() -> Self {
        Self { kept: Sorted::new(), by_key: Sorted::new(), known: Sorted::new(), next: 0 }
    }

    /// Returns `true` for a signal that came before, by its id.
    pub(super) fn knows(&self, signal: &Signal) -> bool {
        self.known.get(&(signal.name.clone(), signal.id.clone())).is_some()
    }

    /// Keeps a signal.
    pub(super) fn push(&mut self, signal: Signal) {
        let (name, place) = (signal.name.clone(), self.next);
        self.next += 1;
        self.by_key.insert((name.clone(), signal.key.clone(), place), ());
        self.known.insert((name.clone(), signal.id.clone()), Some(place));
        self.kept.insert((name, place), signal);
    }

    /// Takes a signal out that a step receives; `None` if it is not there.
    pub(in crate::saga) fn take(&mut self, name: &SmolStr, id: &SmolStr) -> Option<Signal> {
        let place = (*self.known.get(&(name.clone(), id.clone()))?)?;
        let signal = self.kept.remove(&(name.clone(), place))?;
        self.by_key.remove(&(name.clone(), signal.key.clone(), place));
        self.received(name, id);
        Some(signal)
    }

    /// Notes that a step has received a signal.
    pub(super) fn received(&mut self, name: &SmolStr, id: &SmolStr) {
        self.known.insert((name.clone(), id.clone()), None);
    }

    /// Returns the oldest signal of a name, whatever its key.
    pub(in crate::saga) fn first(&self, name: &SmolStr) -> Option<&Signal> {
        let ((of, _), signal) = self.kept.first_from(&(name.clone(), 0))?;
        (of == name).then_some(signal)
    }

    /// Returns the oldest signal of a name that came without a key, or by this one.
    pub(super) fn first_of(&self, name: &SmolStr, key: Option<&SmolStr>) -> Option<&Signal> {
        let place = |key: Option<SmolStr>| {
            let ((of, by, place), ()) = self.by_key.first_from(&(name.clone(), key.clone(), 0))?;
            (of == name && *by == key).then_some(*place)
        };
        let by_key = key.and_then(|key| place(Some(key.clone())));
        let place = place(None).into_iter().chain(by_key).min()?;
        self.kept.get(&(name.clone(), place))
    }

    /// Returns the number of signals of a name that came by this key, or without one.
    pub(super) fn count(&self, name: &SmolStr, key: Option<&SmolStr>) -> usize {
        let rank = |place| self.by_key.rank(&(name.clone(), key.cloned(), place));
        rank(u64::MAX) - rank(0)
    }

    /// Returns them in the order in which they came.
    pub(super) fn to_vec(&self) -> Vec<Signal> {
        let mut kept: Vec<(u64, &Signal)> = self.kept.entries().map(|((_, place), signal)| (*place, signal)).collect();
        kept.sort_unstable_by_key(|(place, _)| *place);
        kept.into_iter().map(|(_, signal)| signal.clone()).collect()
    }
}

impl PartialEq for Signals {
    fn eq(&self, other: &Self) -> bool {
        self.to_vec() == other.to_vec()
    }
}

impl Eq for Signals {}

impl fmt::Debug for Signals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.to_vec()).finish()
    }
}
