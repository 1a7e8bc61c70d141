//! Turns at the database: transactions of this process one after the other, and reads beside them where there is a connection
//! for these.

use std::{sync::Arc, time::Duration};

use rusqlite::Connection;
use seaworthy_core::ports::{StoreError, Timestamp};
use smol_str::format_smolstr;
use tokio::sync::OwnedMutexGuard;

use super::SqliteStore;
use crate::{
    error::{self, OpenError},
    transaction::SqliteTransaction,
    writer::Writer,
};

impl SqliteStore {
    /// Opens a transaction as its own type: [`Store::begin`](seaworthy_core::ports::Store::begin) boxes it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if another process holds the lock for longer than
    /// [`SqliteConfig::busy_timeout`](crate::SqliteConfig::busy_timeout), or transactions of this process for longer than [`SqliteConfig::writer_wait`](crate::SqliteConfig::writer_wait).
    pub async fn transaction(&self) -> Result<SqliteTransaction, StoreError> {
        let writer = self.lock(self.permit().await?).await?;
        let (time, latest) = (Arc::clone(&self.time), self.shared.latest.clone());
        let (blocking, warning) = (self.shared.config.blocking_at_commit(), self.shared.config.writer_warning);
        Ok(SqliteTransaction::new(writer, time, Arc::clone(self.epochs()), latest, blocking, warning))
    }

    /// Runs `work` in a transaction of its own.
    pub(crate) async fn write<T>(
        &self,
        work: impl FnOnce(&Connection, Timestamp) -> Result<T, StoreError> + Send,
    ) -> Result<T, StoreError> {
        let mut tx = self.transaction().await?;
        let found = tx.run(work)?;
        tx.finish()?;
        Ok(found)
    }

    /// Runs `work`, which only reads: beside the writer if there is a second connection.
    pub(crate) async fn read<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send,
    ) -> Result<T, StoreError> {
        match &self.shared.reader {
            Some(reader) => work(&*reader.lock().await),
            None => work(self.permit().await?.connection()),
        }
    }

    /// Waits for this process's other transactions.
    pub(super) async fn permit(&self) -> Result<OwnedMutexGuard<Writer>, StoreError> {
        let mut writer = self.turn().await?;
        writer.without_what_is_left().map_err(|error| reopened(&error))?;
        Ok(writer)
    }

    pub(super) async fn turn(&self) -> Result<OwnedMutexGuard<Writer>, StoreError> {
        self.shared.writer.turn(&*self.clock).await
    }

    /// Takes the database's write lock, which another process may hold. The permit is kept meanwhile, so that the order
    /// within this process stays.
    async fn lock(&self, writer: OwnedMutexGuard<Writer>) -> Result<OwnedMutexGuard<Writer>, StoreError> {
        let mut waited = Duration::ZERO;
        let mut pause = Duration::from_millis(1);
        loop {
            match writer.begin() {
                Ok(()) => return Ok(writer),
                Err(failure) if error::is_busy(&failure) && waited < self.shared.config.busy_timeout => {
                    self.clock.sleep(pause).await;
                    waited += pause;
                    pause = (pause * 2).min(Duration::from_millis(50));
                }
                Err(failure) if error::is_busy(&failure) => {
                    return Err(StoreError::Unavailable(format_smolstr!(
                        "another process has held the database's write lock for {waited:?}"
                    )));
                }
                Err(failure) => return Err(error::in_statement("begin", &failure)),
            }
        }
    }
}

pub(super) fn reopened(error: &OpenError) -> StoreError {
    StoreError::Unavailable(format_smolstr!("a database in memory could not be opened anew: {error}"))
}
