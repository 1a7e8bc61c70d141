use super::{Column, Place};

/// A table of business rows of which there may be one for each business key, and no second one ever.
///
/// Nothing in the table itself has to forbid the second: that it never comes is what is judged.
#[derive(Clone, Debug)]
pub struct EffectTable {
    pub(crate) place: Place,
    pub(crate) key: Vec<Column>,
    pub(crate) when: Option<Column>,
}

impl EffectTable {
    /// A table of a store.
    pub fn sql(store: &str, table: &str) -> Self {
        Self::at(Place::sql(store, table))
    }

    /// A collection of documents in JSON.
    pub fn documents(store: &str, collection: &str) -> Self {
        Self::at(Place::documents(store, collection))
    }

    fn at(place: Place) -> Self {
        Self { place, key: Vec::new(), when: None }
    }

    /// The business key, `id` if not said; called again, a further part of it.
    #[must_use]
    pub fn one_per(mut self, column: impl Into<Column>) -> Self {
        self.key.push(column.into());
        self
    }

    /// Restricts the rows that count; all do if not said.
    #[must_use]
    pub fn when(mut self, column: impl Into<Column>) -> Self {
        self.when = Some(column.into());
        self
    }
}
