//! Turns at the database: transactions one after the other, and reads beside them.

use std::sync::Arc;

use seaworthy_core::ports::{StoreError, Timestamp};
use tokio::sync::OwnedMutexGuard;

use super::RedbStore;
use crate::{
    transaction::RedbTransaction,
    view::{Result, Tables, View},
};

impl RedbStore {
    /// Opens a transaction as its own type: [`Store::begin`](seaworthy_core::ports::Store::begin) boxes it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if another transaction lasts longer than
    /// [`RedbConfig::writer_wait`](crate::RedbConfig::writer_wait), or if the file has failed and can't be opened anew.
    pub async fn transaction(&self) -> Result<RedbTransaction, StoreError> {
        let permit = self.turn().await?;
        let tx = self.shared.begin()?;
        Ok(RedbTransaction::new(tx, permit, Arc::clone(&self.shared), Arc::clone(&self.time)))
    }

    /// Runs `work` in a transaction of its own.
    pub(crate) async fn write<T>(
        &self,
        work: impl FnOnce(Tables<'_>, Timestamp) -> Result<T> + Send,
    ) -> Result<T, StoreError> {
        let mut tx = self.transaction().await?;
        let found = tx.run(work)?;
        tx.finish()?;
        Ok(found)
    }

    /// Runs `work`, which only reads, beside the writer.
    pub(crate) async fn read<T>(&self, work: impl FnOnce(View<'_>) -> Result<T> + Send) -> Result<T, StoreError> {
        if self.shared.has_failed() {
            let _permit = self.turn().await?;
            // Somebody else may have done it meanwhile.
            if self.shared.has_failed() {
                self.shared.open_anew()?;
            }
        }
        self.shared.read(work)
    }

    /// Waits for the other transactions.
    pub(super) async fn turn(&self) -> Result<OwnedMutexGuard<()>, StoreError> {
        self.shared.permit.turn(&*self.clock).await
    }
}
