use async_trait::async_trait;
use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};

use super::{Aggregate, AggregateError};
use crate::{
    message::from_json,
    ports::{Expected, Transaction},
};

/// Storage backend of one aggregate type.
///
/// Implement it to keep them in tables of your own: [`connection`](crate::ports::connection) gives the transaction's
/// connection, so that the row and the messages that tell of it are committed together.
#[async_trait]
pub trait Persistence<A: Aggregate>: Send + Sync {
    /// Reads an aggregate and its version. Dropping the future reads nothing.
    ///
    /// # Errors
    /// [`AggregateError::Store`] if the store fails, and [`AggregateError::Codec`] if what is stored is no such aggregate.
    async fn load(&self, tx: &mut dyn Transaction, id: &str) -> Result<Option<(A, u64)>, AggregateError>;

    /// Writes an aggregate and returns its new version. `expected` is [`Expected::Absent`] or [`Expected::Version`]. Dropping the
    /// future leaves the transaction as after an error: drop it, too.
    ///
    /// # Errors
    /// [`StoreError::Conflict`](crate::ports::StoreError::Conflict) if `expected` does not hold: with SQL, if
    /// `UPDATE ... WHERE id = ? AND version = ?` changed no row.
    async fn save(&self, tx: &mut dyn Transaction, aggregate: &A, expected: Expected) -> Result<u64, AggregateError>;
}

/// Keeps aggregates as JSON documents, in the collection named as the aggregate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InDocuments;

#[async_trait]
impl<A: Aggregate + Serialize + DeserializeOwned> Persistence<A> for InDocuments {
    async fn load(&self, tx: &mut dyn Transaction, id: &str) -> Result<Option<(A, u64)>, AggregateError> {
        let Some(document) = tx.get(A::NAME, id).await? else { return Ok(None) };
        let state = from_json(&document.body).map_err(|error| codec::<A>(id, &error))?;
        Ok(Some((state, document.version)))
    }

    async fn save(&self, tx: &mut dyn Transaction, aggregate: &A, expected: Expected) -> Result<u64, AggregateError> {
        let body = serde_json::to_vec(aggregate).map_err(|error| codec::<A>(aggregate.id(), &error))?;
        Ok(tx.put(A::NAME, aggregate.id(), expected, Bytes::from(body)).await?)
    }
}

fn codec<A: Aggregate>(id: &str, error: &serde_json::Error) -> AggregateError {
    AggregateError::Codec { aggregate: A::NAME, id: id.into(), reason: error.to_string() }
}
