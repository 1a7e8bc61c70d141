use std::{borrow::Borrow, collections::hash_map::Entry, hash::Hash};

use rustc_hash::FxBuildHasher;

/// A map for state that is asked at every event of a run: hashed for that reason, and without a way to iterate in hash
/// order, because nothing that a run does or an invariant reports may depend on it.
///
/// ```
/// use seaworthy_memory::Lookup;
///
/// let mut open = Lookup::new();
/// open.insert("b", 2);
/// open.insert("a", 1);
/// assert_eq!(open.remove(&"b"), Some(2));
/// assert_eq!(open.sorted(), [(&"a", &1)]);
/// ```
#[derive(Clone, Debug)]
pub struct Lookup<K, V>(Table<K, V>);

// The ban is on iteration order; nothing can iterate this one but `sorted`.
#[expect(clippy::disallowed_types, reason = "wrapped so that nothing sees its order")]
type Table<K, V> = std::collections::HashMap<K, V, FxBuildHasher>;

impl<K: Eq + Hash, V> Lookup<K, V> {
    /// An empty map.
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of a key.
    pub fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.0.get(key)
    }

    /// The value of a key, to change it.
    pub fn get_mut<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.0.get_mut(key)
    }

    /// The value of a key, made first if there is none.
    pub fn get_or_insert_with(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        self.make_room();
        self.0.entry(key).or_insert_with(make)
    }

    /// The place of a key, to fill it or to change what is there.
    pub(crate) fn entry(&mut self, key: K) -> Entry<'_, K, V> {
        self.make_room();
        self.0.entry(key)
    }

    /// Capacity of a map at first. A run of some orders puts some ten keys into most maps: room for these at once
    /// spares growing twice. Where entries are large, most of that room would be memory that is never used.
    const FIRST_ROOM: usize = match size_of::<(K, V)>() {
        // What fits into sixteen buckets.
        0..=64 => 14,
        // Into eight.
        65..=160 => 7,
        // Into four.
        _ => 3,
    };

    #[inline]
    fn make_room(&mut self) {
        if self.0.capacity() == 0 {
            self.0.reserve(Self::FIRST_ROOM);
        }
    }

    /// Returns `true` if there is a value for the key.
    pub fn contains<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.0.contains_key(key)
    }

    /// Sets a value and returns the one before it.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        self.make_room();
        self.0.insert(key, value)
    }

    /// Forgets a key.
    pub fn remove<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.0.remove(key)
    }

    /// Returns the number of keys.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns `true` if there is no key.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Everything, in the order of the keys.
    pub fn sorted(&self) -> Vec<(&K, &V)>
    where
        K: Ord,
    {
        let mut entries: Vec<_> = self.0.iter().collect();
        entries.sort_by_key(|(key, _)| *key);
        entries
    }
}

impl<K, V> Default for Lookup<K, V> {
    fn default() -> Self {
        Self(Table::default())
    }
}
