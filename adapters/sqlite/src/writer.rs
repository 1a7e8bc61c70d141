//! The one connection that writes, and the guard that lets only the adapter commit on it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use rusqlite::Connection;
use seaworthy_core::ports::{RowChange, StoreError};
use smol_str::SmolStr;

use crate::{error, watch::Watch};

/// How many prepared statements a connection keeps: more than the adapter has, so that a user's own fit too.
const STATEMENTS_CACHED: usize = 128;

/// A connection whose transactions only [`Writer::commit`] can commit.
///
/// A user's statement runs on the same connection, and a `COMMIT` among them would tear the transaction. SQLite's commit
/// hook turns each commit that was not announced into a rollback, so that such a transaction is applied as a whole or,
/// here, not at all; the rollback hook remembers that it ended.
pub(crate) struct Writer {
    connection: Connection,
    guard: Arc<Guard>,
    lent: bool,
    watch: Option<Watch>,
}

#[derive(Default)]
struct Guard {
    announced: AtomicBool,
    ended: AtomicBool,
    /// Whether anything was rolled back since somebody asked.
    undone: AtomicBool,
}

impl Writer {
    /// Takes over a connection that is set up and migrated.
    pub(crate) fn new(connection: Connection) -> Self {
        connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
        let guard = Arc::new(Guard::default());
        let at_commit = Arc::clone(&guard);
        connection.commit_hook(Some(move || {
            let veto = !at_commit.announced.load(Ordering::Relaxed);
            if veto {
                at_commit.ended.store(true, Ordering::Relaxed);
            }
            veto
        }));
        let at_rollback = Arc::clone(&guard);
        connection.rollback_hook(Some(move || {
            at_rollback.ended.store(true, Ordering::Relaxed);
            at_rollback.undone.store(true, Ordering::Relaxed);
        }));
        Self { connection, guard, lent: false, watch: None }
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Lends the connection to a user.
    pub(crate) fn connection_mut(&mut self) -> &mut Connection {
        self.lent = true;
        &mut self.connection
    }

    /// Whether a user ever had the connection.
    pub(crate) fn was_lent(&self) -> bool {
        self.lent
    }

    /// Has the transactions from now on tell what they change in these tables.
    pub(crate) fn watch(&mut self, tables: &[SmolStr]) {
        // What the triggers leave on the connection stays with it, as a user's own would.
        self.lent = true;
        self.watch = Some(Watch::new(tables));
    }

    /// What the open transaction has changed in the watched tables and not told yet.
    pub(crate) fn row_changes(&mut self) -> rusqlite::Result<Vec<RowChange>> {
        let Some(watch) = &mut self.watch else { return Ok(Vec::new()) };
        watch.changes(&self.connection, self.guard.undone.swap(false, Ordering::Relaxed))
    }

    /// Opens a transaction that holds the database's write lock from the start: it never has to be upgraded, so it
    /// never fails half way because another process wrote.
    pub(crate) fn begin(&self) -> rusqlite::Result<()> {
        if !self.connection.is_autocommit() {
            self.execute("ROLLBACK")?;
        }
        self.guard.ended.store(false, Ordering::Relaxed);
        self.execute("BEGIN IMMEDIATE")
    }

    /// Whether the transaction that [`Writer::begin`] opened is still the one that is open.
    ///
    /// # Errors
    /// [`StoreError::Refused`] with what may have ended it.
    pub(crate) fn still_open(&self) -> Result<(), StoreError> {
        if self.guard.ended.load(Ordering::Relaxed) || self.connection.is_autocommit() {
            return Err(StoreError::Refused(SmolStr::new_static(
                "the transaction was ended from inside, by COMMIT or ROLLBACK through its raw connection or by sqlite \
                 after an error there; none of it was applied: leave the commit to the transaction",
            )));
        }
        Ok(())
    }

    /// Commits; whatever goes wrong, no transaction is open afterwards.
    pub(crate) fn commit(&self) -> Result<(), StoreError> {
        self.still_open()?;
        self.guard.announced.store(true, Ordering::Relaxed);
        let outcome = self.execute("COMMIT");
        self.guard.announced.store(false, Ordering::Relaxed);
        outcome.map_err(|failure| {
            self.roll_back();
            error::at_commit(&failure)
        })
    }

    /// Rolls back, unless SQLite has done it already.
    pub(crate) fn roll_back(&self) {
        if self.connection.is_autocommit() {
            return;
        }
        // What a failed rollback leaves open is rolled back by the next `begin`; it can never be committed.
        if let Err(failure) = self.execute("ROLLBACK") {
            tracing::warn!(error = %failure, "sqlite could not roll back at once");
        }
    }

    fn execute(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute([]).map(drop)
    }
}
