//! Versioned documents of users.

use std::ops::{Bound, ControlFlow};

use bytes::Bytes;
use seaworthy_core::ports::{Document, Expected, IdRange, StoreError};
use serde::{Deserialize, Serialize};
use smol_str::{SmolStr, format_smolstr};

use crate::{
    document::{self, Payload},
    key::{Key, Parts, Range},
    tables::DOCUMENTS,
    view::{Result, Tables, View, malformed, unreadable},
};

#[derive(Serialize, Deserialize)]
struct Stored {
    version: u64,
    body: Payload,
}

impl From<Stored> for Document {
    fn from(stored: Stored) -> Self {
        Self { version: stored.version, body: stored.body.0 }
    }
}

fn key(collection: &str, id: &str) -> Key {
    Key::of_text(collection).text(id)
}

pub(crate) fn get(view: View<'_>, collection: &str, id: &str) -> Result<Option<Document>> {
    let stored: Option<Stored> = view.document(DOCUMENTS, &key(collection, id))?;
    Ok(stored.map(Document::from))
}

/// Returns the version that is there, and whether it is as expected.
fn expect(view: View<'_>, collection: &str, id: &str, expected: Expected) -> Result<(Option<u64>, bool)> {
    let found = get(view, collection, id)?.map(|document| document.version);
    let holds = match expected {
        Expected::Absent => found.is_none(),
        Expected::Version(version) => found == Some(version),
        Expected::Any => true,
    };
    Ok((found, holds))
}

fn overtaken(collection: &str, id: &str, expected: Expected, found: Option<u64>) -> StoreError {
    let found = found.map_or(SmolStr::new_static("none"), |version| format_smolstr!("version {version}"));
    StoreError::Conflict(format_smolstr!("document {collection}/{id}: expected {expected:?}, found {found}"))
}

/// Writes the document if `expected` holds; `None` if it does not.
pub(crate) fn put_if(
    tables: Tables<'_>,
    collection: &str,
    id: &str,
    expected: Expected,
    body: Bytes,
) -> Result<Option<u64>> {
    // The transaction is the only writer: what it has found is still there when it writes.
    let (found, holds) = expect(*tables, collection, id, expected)?;
    if !holds {
        return Ok(None);
    }
    let version = found.unwrap_or(0) + 1;
    tables.put_document(DOCUMENTS, &key(collection, id), &Stored { version, body: Payload(body) })?;
    Ok(Some(version))
}

pub(crate) fn put(tables: Tables<'_>, collection: &str, id: &str, expected: Expected, body: Bytes) -> Result<u64> {
    match put_if(tables, collection, id, expected, body)? {
        Some(version) => Ok(version),
        None => Err(overtaken(collection, id, expected, expect(*tables, collection, id, expected)?.0)),
    }
}

pub(crate) fn delete(tables: Tables<'_>, collection: &str, id: &str, expected: Expected) -> Result<()> {
    let (found, holds) = expect(*tables, collection, id, expected)?;
    if !holds {
        return Err(overtaken(collection, id, expected, found));
    }
    tables.remove(DOCUMENTS, key(collection, id).bytes()).map(drop)
}

/// The keys of a collection whose ids lie in a range.
fn range_of(collection: &str, ids: &IdRange) -> Range {
    let of = Key::of_text(collection);
    let range = of.prefixed().from(Bound::Included(of.clone().text(ids.from())));
    match ids.until() {
        Some(until) => range.until(Bound::Excluded(of.text(until))),
        None => range,
    }
}

/// The id in the key of a document.
fn id_in(key: &[u8]) -> Result<SmolStr> {
    let mut parts = Parts::new(key);
    parts.text().and_then(|_| parts.text()).ok_or_else(|| malformed(DOCUMENTS, key))
}

pub(crate) fn delete_range(tables: Tables<'_>, collection: &str, ids: &IdRange, limit: usize) -> Result<Vec<SmolStr>> {
    let keys = tables.keys(DOCUMENTS, &range_of(collection, ids), limit)?;
    for key in &keys {
        tables.remove(DOCUMENTS, key)?;
    }
    keys.iter().map(|key| id_in(key)).collect()
}

pub(crate) fn scan(
    view: View<'_>,
    collection: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<(SmolStr, Document)>> {
    // The empty id sorts first, so it can only be found where there is no lower bound at all.
    let range = Key::of_text(collection).prefixed();
    let range = match after {
        Some(after) => range.from(Bound::Excluded(key(collection, after))),
        None => range,
    };
    read(view, &range, limit)
}

pub(crate) fn scan_range(
    view: View<'_>,
    collection: &str,
    ids: &IdRange,
    limit: usize,
) -> Result<Vec<(SmolStr, Document)>> {
    read(view, &range_of(collection, ids), limit)
}

fn read(view: View<'_>, range: &Range, limit: usize) -> Result<Vec<(SmolStr, Document)>> {
    let mut found = Vec::new();
    if limit == 0 {
        return Ok(found);
    }
    view.each(DOCUMENTS, range, |key, value| {
        let stored: Stored = document::decode(value).map_err(|why| unreadable(DOCUMENTS, key, &why))?;
        found.push((id_in(key)?, stored.into()));
        Ok(if found.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    Ok(found)
}
