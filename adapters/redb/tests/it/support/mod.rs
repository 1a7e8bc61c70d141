//! What the tests share: a store in memory on a clock that a test moves, and what all stores' tests share.
#![allow(dead_code, reason = "each test crate uses its own part of it")]

#[path = "../../../../tests/it/support/rows.rs"]
mod rows;

use std::sync::Arc;

use seaworthy_redb::{RedbConfig, RedbStore};

pub(crate) use rows::*;

pub(crate) fn in_memory() -> (RedbStore, Arc<HandClock>) {
    let clock = HandClock::new();
    let store = RedbStore::open_in_memory(Arc::clone(&clock) as _, RedbConfig::simulation()).unwrap();
    (store, clock)
}

/// A table of a store, as whoever opens the file with redb sees it.
pub(crate) fn table(name: &str) -> redb::TableDefinition<'_, &'static [u8], &'static [u8]> {
    redb::TableDefinition::new(name)
}

/// The key of a text, as the tables have it.
pub(crate) fn text_key(text: &str) -> Vec<u8> {
    [text.as_bytes(), &[0, 0]].concat()
}

/// A document of a file which nobody has open.
pub(crate) fn raw(path: &std::path::Path, name: &str, key: &[u8]) -> Vec<u8> {
    use redb::ReadableDatabase as _;
    let database = redb::Database::open(path).unwrap();
    let tx = database.begin_read().unwrap();
    let open = tx.open_table(table(name)).unwrap();
    open.get(key).unwrap().expect("there is such a document").value().to_vec()
}

/// Puts bytes in the place of a document of a file which nobody has open.
pub(crate) fn put_raw(path: &std::path::Path, name: &str, key: &[u8], value: &[u8]) {
    let database = redb::Database::open(path).unwrap();
    let tx = database.begin_write().unwrap();
    tx.open_table(table(name)).unwrap().insert(key, value).unwrap();
    tx.commit().unwrap();
}

/// What a file says of itself.
pub(crate) fn fact(path: &std::path::Path, name: &str) -> serde_json::Value {
    let document: serde_json::Value = serde_json::from_slice(&raw(path, "seaworthy_meta", &text_key(name))).unwrap();
    assert_eq!(document["v"], 1);
    document["d"].clone()
}
