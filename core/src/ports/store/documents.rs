use async_trait::async_trait;
use bytes::Bytes;
use smol_str::SmolStr;

use super::{IdRange, Part, StoreError};

/// A stored document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// `1` after the first write, one more after each later one.
    pub version: u64,
    /// Its content, JSON unless the user says otherwise.
    pub body: Bytes,
}

/// Expectation of a write about the stored version.
///
/// Closed on purpose: every store keeps each of these promises, and one more is one that the stores of today would
/// break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// No document of this id.
    Absent,
    /// A document at exactly this version.
    Version(u64),
    /// The version that the transaction's own snapshot shows, whatever it is.
    Any,
}

/// Versioned documents: business state for those who need no tables of their own. A store without this
/// [part](Part::Documents) refuses each call, as the defaults do.
#[async_trait]
#[expect(unused_variables, reason = "a store without the part looks at none of them")]
pub trait Documents: Send {
    /// Reads a document as of this transaction, its own writes included.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn get(&mut self, collection: &str, id: &str) -> Result<Option<Document>, StoreError> {
        Err(Part::Documents.refusal())
    }

    /// Writes a document and returns its new version.
    ///
    /// # Errors
    /// [`StoreError::Conflict`], here or at commit, if `expected` does not hold or another transaction wrote the
    /// document since this one began.
    async fn put(&mut self, collection: &str, id: &str, expected: Expected, body: Bytes) -> Result<u64, StoreError> {
        Err(Part::Documents.refusal())
    }

    /// Writes a document if `expected` holds in this transaction, its own writes included, and returns its new version;
    /// `None`, and nothing written, if it does not. The transaction goes on in both cases, which is what tells it from
    /// [`put`](Documents::put).
    ///
    /// # Errors
    /// [`StoreError::Conflict`], here or at commit, if another transaction wrote the document since this one began.
    async fn put_if(
        &mut self,
        collection: &str,
        id: &str,
        expected: Expected,
        body: Bytes,
    ) -> Result<Option<u64>, StoreError> {
        Err(Part::Documents.refusal())
    }

    /// Deletes a document.
    ///
    /// # Errors
    /// As for [`Documents::put`]; deleting an absent document with [`Expected::Any`] does nothing.
    async fn delete(&mut self, collection: &str, id: &str, expected: Expected) -> Result<(), StoreError> {
        Err(Part::Documents.refusal())
    }

    /// Deletes up to `limit` documents of a collection whose ids lie in `range`, as this transaction sees it, in the order
    /// of their ids, and returns their ids. What another transaction adds to the range meanwhile stays.
    ///
    /// # Errors
    /// [`StoreError::Conflict`], here or at commit, if another transaction wrote one of them since this one began.
    async fn delete_range(
        &mut self,
        collection: &str,
        range: &IdRange,
        limit: usize,
    ) -> Result<Vec<SmolStr>, StoreError> {
        Err(Part::Documents.refusal())
    }

    /// Reads up to `limit` documents of a collection in the order of their ids, those after `after` only.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn scan(
        &mut self,
        collection: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(SmolStr, Document)>, StoreError> {
        Err(Part::Documents.refusal())
    }

    /// Reads up to `limit` documents of a collection whose ids lie in `range`, in the order of their ids: all of a
    /// [prefix](IdRange::prefix), for example.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn scan_range(
        &mut self,
        collection: &str,
        range: &IdRange,
        limit: usize,
    ) -> Result<Vec<(SmolStr, Document)>, StoreError> {
        Err(Part::Documents.refusal())
    }
}
