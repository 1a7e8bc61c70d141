//! What operations cost, as a count that is the same on every machine.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use rusqlite::Connection;
use seaworthy_core::ports::{Store, connection};
use seaworthy_sqlite::SqliteStore;

/// Counts the steps of SQLite's virtual machine.
pub(crate) struct Meter {
    steps: Arc<AtomicU64>,
    pub(crate) found: Vec<(&'static str, u64)>,
}

impl Meter {
    pub(crate) async fn on(store: &SqliteStore) -> Self {
        let steps = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&steps);
        let mut tx = store.begin().await.unwrap();
        let sql: &mut Connection = connection(&mut *tx).await.unwrap();
        sql.progress_handler(1, Some(move || count.fetch_add(1, Ordering::Relaxed) == u64::MAX));
        tx.commit().await.unwrap();
        Self { steps, found: Vec::new() }
    }

    /// Writes down what was counted since the last time.
    pub(crate) fn note(&mut self, operation: &'static str) {
        self.found.push((operation, self.steps.swap(0, Ordering::Relaxed)));
    }
}
