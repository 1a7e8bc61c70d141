//! Documents with their index entries: whoever writes the one writes the others.

use redb::TableHandle as _;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    key::Key,
    tables::Table,
    view::{Result, Tables, View, place},
};

/// A document whose index entries and counts follow from it.
pub(crate) trait Indexed: Serialize + DeserializeOwned {
    /// Table of the documents.
    const TABLE: Table;

    /// Says what belongs to the document of this key beside itself.
    fn index(&self, key: &[u8], index: &mut Index);
}

/// Entries of indexes, and counters that count a document.
#[derive(Default)]
pub(crate) struct Index {
    pub(crate) entries: Vec<(Table, Vec<u8>, Vec<u8>)>,
    pub(crate) counted: Vec<Vec<u8>>,
}

impl Index {
    /// An entry without a value: its key says all.
    pub(crate) fn entry(&mut self, table: Table, key: Key) {
        self.entries.push((table, key.into_bytes(), Vec::new()));
    }

    /// An entry that leads to a number or holds one.
    pub(crate) fn number(&mut self, table: Table, key: Key, number: u64) {
        self.entries.push((table, key.into_bytes(), number.to_be_bytes().to_vec()));
    }

    /// A counter that counts the document.
    pub(crate) fn counted(&mut self, name: Key) {
        self.counted.push(name.into_bytes());
    }

    /// Says what belongs to a document, if there is one.
    fn from_document<T: Indexed>(document: Option<&T>, key: &Key) -> Self {
        let mut index = Self::default();
        if let Some(document) = document {
            document.index(key.bytes(), &mut index);
        }
        index
    }

    fn has(&self, table: Table, key: &[u8]) -> bool {
        self.entries.iter().any(|(other, of, _)| of == key && other.name() == table.name())
    }
}

/// Returns a document by its key.
pub(crate) fn read<T: Indexed>(view: View<'_>, key: &Key) -> Result<Option<T>> {
    view.document(T::TABLE, key)
}

/// Returns a document that an entry of an index leads to, for a retention. One that can't be read stays, and so that it is in the
/// way of no other one it is in that index no more.
pub(crate) fn read_by<T: Indexed>(tables: Tables<'_>, index: Table, entry: &[u8], key: &Key) -> Result<Option<T>> {
    match tables.try_document::<T>(T::TABLE, key)? {
        Some(Ok(found)) => Ok(Some(found)),
        None => Ok(None),
        Some(Err(why)) => {
            tracing::warn!(entry = %place(T::TABLE, key.bytes()), %why, "a document can't be read and is kept for good");
            tables.remove(index, entry)?;
            Ok(None)
        }
    }
}

/// Puts a document in the place of another one, or of none, with all that belongs to it.
pub(crate) fn replace<T: Indexed>(tables: Tables<'_>, key: &Key, before: Option<&T>, after: Option<&T>) -> Result<()> {
    let (old, new) = (Index::from_document(before, key), Index::from_document(after, key));
    for (table, entry, _) in &old.entries {
        if !new.has(*table, entry) {
            tables.remove(*table, entry)?;
        }
    }
    for (table, entry, value) in &new.entries {
        let is_same =
            |(other, of, was): &(Table, Vec<u8>, Vec<u8>)| of == entry && was == value && other.name() == table.name();
        if !old.entries.iter().any(is_same) {
            tables.put(*table, entry, value)?;
        }
    }
    for name in old.counted.iter().filter(|name| !new.counted.contains(name)) {
        tables.count(name, -1)?;
    }
    for name in new.counted.iter().filter(|name| !old.counted.contains(name)) {
        tables.count(name, 1)?;
    }
    match after {
        Some(document) => tables.put_document(T::TABLE, key, document),
        None => tables.remove(T::TABLE, key.bytes()).map(drop),
    }
}
