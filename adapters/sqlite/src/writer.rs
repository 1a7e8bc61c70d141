//! The one connection that writes, and the guard that lets only the adapter commit on it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use rusqlite::{
    Connection,
    backup::{Backup, StepResult},
};
use seaworthy_core::ports::{RowChange, StoreError};
use smol_str::SmolStr;

use crate::{
    error::{self, OpenError},
    in_memory::{self, Birth, Contents, Origin},
    watch::Watch,
};

/// Number of prepared statements that a connection keeps: more than the adapter has, so that a user's own fit too.
const STATEMENTS_CACHED: usize = 256;

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
    /// `true` if the watch is that of an earlier use, and nobody has asked for it in this one.
    is_watch_left: bool,
    /// Origin of the database, if it is in memory.
    origin: Option<InMemory>,
}

/// State that a database in memory can be taken back to.
struct InMemory {
    origin: Origin,
    contents: Arc<Contents>,
    birth: Birth,
}

#[derive(Default)]
struct Guard {
    announced: AtomicBool,
    ended: AtomicBool,
    /// `true` if anything was rolled back since somebody asked.
    undone: AtomicBool,
    /// `true` if anything was committed since somebody asked, and nothing rolled back before.
    settled: AtomicBool,
}

impl Writer {
    /// Takes over a connection that is set up and migrated.
    pub(crate) fn new(connection: Connection) -> Self {
        connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
        let guard = Arc::new(Guard::default());
        let writer = Self { connection, guard, lent: false, watch: None, is_watch_left: false, origin: None };
        writer.set_hooks();
        writer
    }

    /// Opens a database in memory that is as it was made.
    pub(crate) fn in_memory(origin: Origin) -> Result<Self, OpenError> {
        let (connection, contents) = in_memory::open(&origin)?;
        let mut writer = Self::new(connection);
        let failed = |source| OpenError::Sqlite { path: ":memory:".to_owned(), doing: "setting up", source };
        let birth = Birth::read(&writer.connection).map_err(failed)?;
        writer.origin = Some(InMemory { origin, contents, birth });
        Ok(writer)
    }

    /// Returns the origin of a database in memory.
    pub(crate) fn origin(&self) -> Option<&Origin> {
        self.origin.as_ref().map(|from| &from.origin)
    }

    fn set_hooks(&self) {
        let at_commit = Arc::clone(&self.guard);
        self.connection.commit_hook(Some(move || {
            let veto = !at_commit.announced.load(Ordering::Relaxed);
            if veto {
                at_commit.ended.store(true, Ordering::Relaxed);
            }
            veto
        }));
        let at_rollback = Arc::clone(&self.guard);
        self.connection.rollback_hook(Some(move || {
            at_rollback.ended.store(true, Ordering::Relaxed);
            at_rollback.undone.store(true, Ordering::Relaxed);
        }));
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Lends the connection to a user.
    pub(crate) fn connection_mut(&mut self) -> &mut Connection {
        self.lent = true;
        &mut self.connection
    }

    /// Has the transactions from now on tell what they change in these tables.
    ///
    /// # Errors
    /// [`OpenError`] if the triggers of an earlier use don't fit, and no other database can be opened.
    pub(crate) fn watch(&mut self, tables: &[SmolStr]) -> Result<(), OpenError> {
        if self.is_watch_left && self.watch.as_ref().is_some_and(|watch| watch.is_of(tables)) {
            self.is_watch_left = false;
            return Ok(());
        }
        self.without_what_is_left()?;
        if let (Some(_), Some(InMemory { birth, .. })) = (&self.watch, &mut self.origin) {
            // The triggers of the first call stay on the connection.
            birth.spoil();
        }
        self.watch = Some(Watch::new(tables));
        Ok(())
    }

    /// Sees to it that no trigger of an earlier use is there, unless it was asked for.
    pub(crate) fn without_what_is_left(&mut self) -> Result<(), OpenError> {
        if let (true, Some(InMemory { origin, .. })) = (self.is_watch_left, &self.origin) {
            *self = Self::in_memory(origin.clone())?;
        }
        Ok(())
    }

    /// Takes a database in memory back to what it was when it was opened. Says whether it is, and how many pages it has.
    pub(crate) fn renew(&mut self) -> rusqlite::Result<Option<i64>> {
        let Some(InMemory { origin, contents, birth }) = &mut self.origin else { return Ok(None) };
        let was_had = self.lent || self.watch.is_some();
        if !contents.can_be_restored() {
            return Ok(None);
        }
        if !self.connection.is_autocommit() {
            self.execute("ROLLBACK")?;
            return Ok(None);
        }
        let is_in_place = |watch: &Watch| watch.is_in_place(birth.schema());
        if was_had && !(self.watch.as_ref().is_none_or(is_in_place) && birth.renew(&self.connection, &origin.config)?) {
            return Ok(None);
        }
        self.set_hooks();
        self.connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
        self.begin()?;
        let InMemory { contents, .. } = self.origin.as_ref().expect("it was there a moment ago");
        contents.restore(&self.connection)?;
        if let Some(watch) = &mut self.watch {
            watch.begin_again();
        }
        in_memory::forget_last(&self.connection)?;
        if self.commit().is_err() {
            return Ok(None);
        }
        (self.lent, self.is_watch_left) = (false, self.watch.is_some());
        for flag in [&self.guard.ended, &self.guard.undone, &self.guard.settled] {
            flag.store(false, Ordering::Relaxed);
        }
        self.connection.prepare_cached("PRAGMA page_count")?.query_row([], |row| row.get(0)).map(Some)
    }

    /// Copies a database in memory.
    ///
    /// # Errors
    /// [`StoreError::Refused`] for a file, [`StoreError::Unavailable`] if there is no memory for the copy.
    pub(crate) fn copy(&self) -> Result<Connection, StoreError> {
        if self.origin.is_none() {
            return Err(StoreError::Refused(SmolStr::new_static(
                "a database in a file makes no copy of itself: copy the file, and begin an epoch when it was put back",
            )));
        }
        let mut copy = Connection::open_in_memory().map_err(|failure| error::in_statement("copy", &failure))?;
        copy_all(&self.connection, &mut copy, "copy")?;
        Ok(copy)
    }

    /// Puts a copy of this database in memory back.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if SQLite can't.
    pub(crate) fn put_back(&mut self, copy: &Connection) -> Result<(), StoreError> {
        self.roll_back();
        copy_all(copy, &mut self.connection, "restore")?;
        if let Some(InMemory { birth, .. }) = &mut self.origin {
            birth.spoil();
        }
        Ok(())
    }

    /// Returns the changes of the open transaction in the watched tables that were not told yet.
    pub(crate) fn row_changes(&mut self) -> rusqlite::Result<Vec<RowChange>> {
        let Some(watch) = &mut self.watch else { return Ok(Vec::new()) };
        let (undone, settled) = (&self.guard.undone, &self.guard.settled);
        let (undone, settled) = (undone.swap(false, Ordering::Relaxed), settled.swap(false, Ordering::Relaxed));
        let Some(InMemory { birth, .. }) = &mut self.origin else {
            return watch.changes(&self.connection, undone, settled);
        };
        // What the watch adds to the connection is no change that a user has made.
        let adds = birth.is_unspoilt() && !watch.is_in_place(birth.schema());
        if adds {
            birth.look(&self.connection);
        }
        let told = watch.changes(&self.connection, undone, settled)?;
        if adds {
            birth.look_again(&self.connection);
            if !watch.is_in_place(birth.schema()) {
                birth.spoil();
            }
        }
        Ok(told)
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

    /// Fails unless the transaction that [`Writer::begin`] opened is still the one that is open.
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
        if outcome.is_ok() && !self.guard.undone.load(Ordering::Relaxed) {
            self.guard.settled.store(true, Ordering::Relaxed);
        }
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

/// Makes one database what another one is, all of it or nothing.
fn copy_all(from: &Connection, to: &mut Connection, doing: &'static str) -> Result<(), StoreError> {
    match Backup::new(from, to).and_then(|backup| backup.step(-1)) {
        Ok(StepResult::Done) => Ok(()),
        Ok(_) => Err(StoreError::Unavailable(SmolStr::new_static("the database is in use while it is copied"))),
        Err(failure) => Err(error::in_statement(doing, &failure)),
    }
}
