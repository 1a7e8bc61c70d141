use super::SagaError;
use crate::ports::{SagaAppend, Store, StoreError};

/// Number of times that a verb is tried when the saga moves meanwhile.
pub(super) const TRIES: u32 = 16;

/// Appends entries for an operator; returns `true` if they are in the log now, `false` if the saga moved meanwhile.
pub(super) async fn append(store: &dyn Store, append: &SagaAppend) -> Result<bool, SagaError> {
    let written = async {
        let mut tx = store.begin().await?;
        tx.saga_append(append).await?;
        tx.commit().await
    };
    match written.await {
        Ok(()) => Ok(true),
        Err(StoreError::Conflict(_)) => Ok(false),
        Err(error @ StoreError::Unknown(_)) => {
            let count = append.records.len();
            let log = store.saga_log(append.saga, append.expected_length, count).await?;
            let ours = log.iter().map(|entry| &entry.record).eq(&append.records);
            if ours { Ok(true) } else { Err(error.into()) }
        }
        Err(error) => Err(error.into()),
    }
}
