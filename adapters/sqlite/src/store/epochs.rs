//! Epochs of a store that was put back, and copies to put back.

use std::sync::{Mutex as StdMutex, PoisonError};

use async_trait::async_trait;
use rusqlite::Connection;
use seaworthy_core::ports::{Backup, StoreError};

use super::{SqliteStore, doing};
use crate::{
    epoch::{Epoch, Epochs},
    error,
};

impl SqliteStore {
    /// Begins another epoch of the store, and returns it: to be called once after its file was put back from a copy, before
    /// anything else works on it, or by whoever sets its counters back by other means.
    ///
    /// Handles of this process are in it from now on; another process that has the file open learns of it when it opens it
    /// anew.
    ///
    /// The copy counts on from where it was made, so messages that are staged now get the sequences of others that were
    /// sent since. Their epoch tells the two apart; without one a consumer that has handled and forgotten the others takes
    /// them for duplicates. What the copy holds stays of its epoch, and is a duplicate where it was handled.
    ///
    /// # Errors
    /// Any [`StoreError`]; the epoch is then the one before, unless the outcome is unknown.
    pub async fn begin_epoch(&self) -> Result<u64, StoreError> {
        let epoch = self.write(doing("begin an epoch", |connection, _| Epochs::draw(connection))).await?;
        Ok(self.shared.epochs.push(epoch))
    }

    /// Copies a database in memory.
    pub(super) async fn copy(&self) -> Result<Box<dyn Backup>, StoreError> {
        let writer = self.permit().await?;
        let (copy, epochs) = (StdMutex::new(writer.copy()?), self.epochs().copy());
        Ok(Box::new(Copied { store: self.clone(), epochs, copy }))
    }
}

/// A copy of a database in memory, and the store that it was made of.
struct Copied {
    store: SqliteStore,
    epochs: Vec<Epoch>,
    copy: StdMutex<Connection>,
}

#[async_trait]
impl Backup for Copied {
    async fn restore(&self) -> Result<(), StoreError> {
        let mut writer = self.store.permit().await?;
        let copy = self.copy.lock().unwrap_or_else(PoisonError::into_inner);
        writer.put_back(&copy)?;
        let begun = self.store.epochs().put_back(&self.epochs, writer.connection(), self.store.time());
        begun.map_err(|failure| error::in_statement("restore", &failure))
    }
}
