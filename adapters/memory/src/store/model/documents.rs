use std::{collections::BTreeSet, ops::Bound};

use seaworthy_core::ports::Document;
use smol_str::SmolStr;

use super::versioned::{Keys, Versioned};
use crate::lookup::Lookup;

/// Committed documents by collection.
#[derive(Clone, Debug, Default)]
pub(super) struct Collections(Lookup<SmolStr, Collection>);

/// `ids` orders what `table` holds, deleted documents included while a snapshot may still see them.
#[derive(Clone, Debug, Default)]
struct Collection {
    table: Versioned<SmolStr, Document>,
    ids: BTreeSet<SmolStr>,
}

impl Collections {
    pub(super) fn get(&self, collection: &str, id: &str, at: u64) -> Option<&Document> {
        self.0.get(collection)?.table.get(id, at)
    }

    pub(super) fn written_since(&self, collection: &str, id: &str, at: u64) -> bool {
        self.0.get(collection).is_some_and(|collection| collection.table.written_since(id, at))
    }

    pub(super) fn apply(
        &mut self,
        commit: u64,
        collection: SmolStr,
        id: SmolStr,
        after: Option<Document>,
        oldest: Option<u64>,
    ) {
        let Collection { table, ids } = self.0.entry(collection).or_default();
        table.forget(oldest, |id| _ = ids.remove(id));
        match table.apply(commit, id.clone(), after, oldest) {
            Keys::Same => {}
            Keys::Added => _ = ids.insert(id),
            Keys::Removed => _ = ids.remove(&id),
        }
    }

    /// Documents of a collection in a range of ids, in the order of their ids, as of commit `at`.
    pub(super) fn scan<'a>(
        &'a self,
        collection: &str,
        range: (Bound<&str>, Bound<&str>),
        at: u64,
    ) -> impl Iterator<Item = (&'a SmolStr, &'a Document)> {
        let found = self.0.get(collection).into_iter();
        found.flat_map(move |collection| {
            let ids = collection.ids.range::<str, _>(range);
            ids.filter_map(move |id| collection.table.get(id.as_str(), at).map(|document| (id, document)))
        })
    }
}
