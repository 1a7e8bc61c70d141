//! The store's side of events.

use async_trait::async_trait;
use seaworthy_core::ports::{EventStore, RecordedEvent, StoreError};

use super::SqliteStore;
use crate::{error::in_statement, events};

#[async_trait]
impl EventStore for SqliteStore {
    async fn read_events(&self, after: u64, limit: usize) -> Result<Vec<RecordedEvent>, StoreError> {
        let mut found = self
            .read(|connection| {
                events::log(connection, after, limit)
                    .map_err(|failure| in_statement("read the log of events", &failure))
            })
            .await?;
        self.epochs().stamp_events(&mut found);
        Ok(found)
    }
}
