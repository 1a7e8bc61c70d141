//! Disks that are full or slow for a while.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rusqlite::Connection;
use seaworthy_core::ports::{
    Answers, Call, Clock, FailureKind, Intercept, InterceptTransaction, PortError, Store, StoreError, Transaction,
    connection,
};
use seaworthy_sqlite::SqliteStore;
use seaworthy_tokio::TokioClock;

use crate::soak::protocol::{Said, tell_parent};

/// A database and the disk that it lies on.
#[derive(Clone)]
pub(super) struct Disk {
    store: SqliteStore,
    state: Arc<DiskState>,
}

#[derive(Default)]
struct DiskState {
    /// Time that a commit takes longer, in milliseconds.
    commit_ms: AtomicU64,
    slowed: AtomicU64,
    refused: AtomicU64,
}

/// Table of what fills the disk up.
const BALLAST: &str = "soak_ballast";
/// Interval at which it is told what comes of a blow.
const TELL_EVERY_MS: u64 = 50;
/// Number of pages that SQLite takes for no limit.
const UNLIMITED: u32 = 0x3fff_ffff;

impl Disk {
    pub(super) fn new(store: SqliteStore) -> Self {
        Self { store, state: Arc::default() }
    }

    /// Makes each commit take longer for a while.
    pub(super) async fn slow(&self, commit_ms: u64, for_ms: u64) {
        self.state.commit_ms.store(commit_ms, Ordering::SeqCst);
        self.pass(for_ms).await;
        self.state.commit_ms.store(0, Ordering::SeqCst);
    }

    /// Leaves the database no room to grow for a while: pages that are free are taken up, and no new ones are to be had.
    pub(super) async fn fill(&self, for_ms: u64) -> Result<(), StoreError> {
        self.in_transaction(|sql| {
            let number = |pragma: &str| sql.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get::<_, i64>(0));
            let bytes = number("freelist_count")?.saturating_mul(number("page_size")? - 4);
            sql.execute_batch(&format!("CREATE TABLE IF NOT EXISTS {BALLAST} (bytes BLOB)"))?;
            sql.execute(&format!("INSERT INTO {BALLAST} VALUES (zeroblob(?1))"), [bytes]).map(drop)
        })
        .await?;
        self.in_transaction(|sql| {
            let pages: u32 = sql.query_row("PRAGMA page_count", [], |row| row.get(0))?;
            limit(sql, pages)
        })
        .await?;
        self.pass(for_ms).await;
        self.clear().await
    }

    /// Lets time pass, and tells of each moment what came of it: the next one may be the last of this process.
    async fn pass(&self, ms: u64) {
        for _ in 0..ms.div_ceil(TELL_EVERY_MS) {
            TokioClock.sleep(Duration::from_millis(TELL_EVERY_MS)).await;
            match self.state.refused.swap(0, Ordering::SeqCst) {
                0 => {}
                calls => tell_parent(&Said::Refused { calls }),
            }
            match self.state.slowed.swap(0, Ordering::SeqCst) {
                0 => {}
                commits => tell_parent(&Said::Slowed { commits }),
            }
        }
    }

    /// Gives the database room again, also where a process was killed while it had none.
    pub(super) async fn clear(&self) -> Result<(), StoreError> {
        self.in_transaction(|sql| {
            limit(sql, UNLIMITED)?;
            sql.execute_batch(&format!("DROP TABLE IF EXISTS {BALLAST}"))
        })
        .await
    }

    async fn in_transaction(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<()> + Send,
    ) -> Result<(), StoreError> {
        let mut tx = self.store.begin().await?;
        let sql: &mut Connection = connection(&mut *tx).await?;
        work(sql).map_err(|error| seaworthy_sqlite::store_error("fill the disk", &error))?;
        tx.commit().await
    }

    async fn commit_slowly(&self) {
        let ms = self.state.commit_ms.load(Ordering::SeqCst);
        if ms > 0 {
            self.state.slowed.fetch_add(1, Ordering::SeqCst);
            TokioClock.sleep(Duration::from_millis(ms)).await;
        }
    }

    fn count<T, E: PortError>(&self, answer: Result<T, E>) -> Result<T, E> {
        if let Err(error) = &answer
            && error.kind() == FailureKind::Unavailable
            && error.to_string().contains("disk is full")
        {
            self.state.refused.fetch_add(1, Ordering::SeqCst);
        }
        answer
    }
}

/// Lets the database have so many pages and no more. SQLite holds to it on this connection, which is the one that writes.
fn limit(sql: &Connection, pages: u32) -> rusqlite::Result<()> {
    sql.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))
}

impl Intercept for Disk {
    type Transaction = Self;

    fn transaction(&self) -> Self {
        self.clone()
    }

    async fn call<T: Answers, E: PortError>(
        &self,
        call: Call<'_>,
        inner: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        if call.operation().changes_something() {
            self.commit_slowly().await;
        }
        self.count(inner.await)
    }
}

impl InterceptTransaction for Disk {
    async fn call<T: Answers, E: PortError>(
        &mut self,
        _: Call<'_>,
        inner: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        self.count(inner.await)
    }

    /// The transaction holds its lock meanwhile, as it does while a disk writes.
    async fn commit(self, inner: Result<Box<dyn Transaction>, StoreError>) -> Result<(), StoreError> {
        let inner = inner?;
        self.commit_slowly().await;
        self.count(inner.commit().await)
    }
}
