//! What the tests share: a store in memory on a clock that a test moves, and what all stores' tests share.
#![allow(dead_code, reason = "each test crate uses its own part of it")]

pub(crate) mod meter;
#[path = "../../../../tests/it/support/rows.rs"]
mod rows;

use std::sync::Arc;

use seaworthy_sqlite::{SqliteConfig, SqliteStore};

pub(crate) use rows::*;

pub(crate) fn in_memory() -> (SqliteStore, Arc<HandClock>) {
    let clock = HandClock::new();
    let store = SqliteStore::open_in_memory(Arc::clone(&clock) as _, SqliteConfig::simulation()).unwrap();
    (store, clock)
}
