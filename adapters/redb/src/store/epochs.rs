//! Epochs of a store that was put back, and copies to put back.

use async_trait::async_trait;
use redb::{Durability, Savepoint};
use seaworthy_core::ports::{Backup, StoreError};
use smol_str::format_smolstr;
use std::cell::Cell;

use super::RedbStore;
use crate::{error::at_commit, meta, view::Tables};

impl RedbStore {
    /// Begins another epoch of the store, and returns it: to be called once after its file was put back from a copy, before
    /// anything else works on it, or by whoever sets its counters back by other means.
    ///
    /// The copy counts on from where it was made, so messages that are staged now get the sequences of others that were
    /// sent since. Their epoch tells the two apart; without one a consumer that has handled and forgotten the others takes
    /// them for duplicates. What the copy holds stays of its epoch, and is a duplicate where it was handled.
    ///
    /// # Errors
    /// Any [`StoreError`]; the epoch is then the one before, unless the outcome is unknown.
    pub async fn begin_epoch(&self) -> Result<u64, StoreError> {
        let epoch = meta::draw_epoch();
        self.write(|tables, _| meta::write_epoch(tables, epoch)).await?;
        self.shared.begun(epoch);
        Ok(epoch)
    }

    /// Keeps what is committed.
    pub(super) async fn copy(&self) -> Result<Box<dyn Backup>, StoreError> {
        let _permit = self.turn().await?;
        let savepoint = self.shared.begin()?.ephemeral_savepoint();
        let savepoint =
            savepoint.map_err(|error| StoreError::Unavailable(format_smolstr!("keep what is committed: {error}")))?;
        Ok(Box::new(Kept { store: self.clone(), savepoint }))
    }
}

/// A state of a store that is kept, and the store.
struct Kept {
    store: RedbStore,
    savepoint: Savepoint,
}

#[async_trait]
impl Backup for Kept {
    async fn restore(&self) -> Result<(), StoreError> {
        let _permit = self.store.turn().await?;
        let shared = &self.store.shared;
        let mut tx = shared.begin()?;
        let failed = |error: &dyn std::fmt::Display| StoreError::Unavailable(format_smolstr!("restore: {error}"));
        tx.set_durability(Durability::Immediate).map_err(|error| failed(&error))?;
        tx.restore_savepoint(&self.savepoint).map_err(|error| failed(&error))?;
        let epoch = meta::epoch_at(self.store.time());
        meta::write_epoch(Tables::new(&tx, &Cell::default()), epoch)?;
        tx.commit().map_err(|error| at_commit("restore", error))?;
        shared.begun(epoch);
        Ok(())
    }
}
