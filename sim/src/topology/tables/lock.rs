use super::{Column, Place};

/// A table of locks: each row is a lock that somebody holds.
///
/// A run is not at rest while one is held, and one that nobody releases is a violation, `lock-stranded`.
///
/// ```
/// use seaworthy_sim::scenario::{LockTable, Topology};
///
/// // A row is always there, and has an owner while it is held. One with a lease is free again when that is over.
/// let locks = LockTable::sql("payments", "locks").named("name").held("owner").lease("lease_until");
/// let topology = Topology::new().lock_table(locks);
/// # assert!(!topology.tables.is_empty());
/// ```
#[derive(Clone, Debug)]
pub struct LockTable {
    pub(crate) place: Place,
    pub(crate) name: Column,
    pub(crate) held: Option<Column>,
    pub(crate) lease: Option<Column>,
    pub(crate) is_for_life: bool,
}

impl LockTable {
    /// A table of a store. The name of a lock is its `id` where nothing else is said.
    pub fn sql(store: &str, table: &str) -> Self {
        Self::at(Place::sql(store, table))
    }

    /// A collection of documents in JSON. The name of a lock is its `id` where nothing else is said.
    pub fn documents(store: &str, collection: &str) -> Self {
        Self::at(Place::documents(store, collection))
    }

    fn at(place: Place) -> Self {
        Self { place, name: "id".into(), held: None, lease: None, is_for_life: false }
    }

    /// Sets the name of the lock.
    #[must_use]
    pub fn named(mut self, column: impl Into<Column>) -> Self {
        self.name = column.into();
        self
    }

    /// Sets the sign that it is held, where a row alone does not say so: anything but no value, zero, an empty text and
    /// `false`. Its owner, mostly.
    #[must_use]
    pub fn held(mut self, column: impl Into<Column>) -> Self {
        self.held = Some(column.into());
        self
    }

    /// Sets the sign that the lock ends by itself, whoever holds it: anything but no value, zero, an empty text and
    /// `false`. The moment at which its lease is over, mostly. Such a lock can't be stranded, and counts as not held.
    #[must_use]
    pub fn lease(mut self, column: impl Into<Column>) -> Self {
        self.lease = Some(column.into());
        self
    }

    /// Says that whoever takes a lock keeps it for as long as it lives, as the one of several replicas does that polls or
    /// leads. Such a lock keeps no run from resting while its holder is up, and is stranded only where the process that
    /// wrote it last died with it and nobody has taken it over since.
    #[must_use]
    pub fn for_life(mut self) -> Self {
        self.is_for_life = true;
        self
    }
}
