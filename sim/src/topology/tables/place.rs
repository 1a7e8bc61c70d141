use smol_str::SmolStr;

/// Place of declared rows: a table or a collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) store: SmolStr,
    pub(crate) kind: Kind,
    /// The table or the collection.
    pub(crate) name: SmolStr,
}

/// Kind of place that declared rows are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Rows of a table.
    Sql,
    /// Documents of a collection.
    Documents,
}

impl Place {
    pub(super) fn sql(store: &str, table: &str) -> Self {
        Self { store: store.into(), kind: Kind::Sql, name: table.into() }
    }

    pub(super) fn documents(store: &str, collection: &str) -> Self {
        Self { store: store.into(), kind: Kind::Documents, name: collection.into() }
    }
}
