use std::ops::{Bound, RangeBounds};

use bytes::Bytes;
use seaworthy_core::{
    ids::{MessageId, OperationId},
    message::Message,
    ports::{
        Document, Expected, IdRange, InboxEntry, OperationRecord, OperationState, RowId, StoreError, Timestamp,
        WhenDead,
    },
};
use smol_str::{SmolStr, format_smolstr};

use super::{
    StoreModel,
    events::EventWrite,
    inbox::InboxWrite,
    locks::{TxId, UniqueKey},
    sagas::SagaWrite,
};

/// An open transaction: the commit that it sees, and what it wants to write.
///
/// It has to be handed back to [`StoreModel::commit`] or [`StoreModel::abort`].
#[derive(Debug)]
pub(in crate::store) struct Tx {
    pub(super) id: TxId,
    pub(super) at: u64,
    pub(super) documents: Vec<DocumentWrite>,
    pub(super) operations: Vec<(OperationRecord, Timestamp)>,
    pub(super) checkpoints: Vec<(SmolStr, u64)>,
    /// In boxes, in which they go on to the outbox: a message is large, and lists and tables keep room for more than is in
    /// them.
    pub(super) staged: Vec<(RowId, Box<Message>)>,
    pub(super) marks: Vec<Mark>,
    /// Pending outbox rows of which an attempt begins, or is taken back.
    pub(super) attempts: Vec<(RowId, bool)>,
    pub(super) inbox: Vec<InboxWrite>,
    pub(super) sagas: Vec<SagaWrite>,
    pub(super) events: Vec<EventWrite>,
    pub(super) locks: Vec<UniqueKey>,
}

/// A pending outbox row that a transaction settles: dispatched, or dead for a reason.
#[derive(Debug)]
pub(super) struct Mark {
    pub(super) row: RowId,
    pub(super) dead: Option<SmolStr>,
    pub(super) at: Timestamp,
}

/// The last write of a transaction to one document; `after` is `None` for a delete.
#[derive(Debug)]
pub(super) struct DocumentWrite {
    pub(super) collection: SmolStr,
    pub(super) id: SmolStr,
    pub(super) after: Option<Document>,
}

impl Tx {
    pub(super) fn new(id: TxId, at: u64) -> Self {
        Self {
            id,
            at,
            documents: Vec::new(),
            operations: Vec::new(),
            checkpoints: Vec::new(),
            staged: Vec::new(),
            marks: Vec::new(),
            attempts: Vec::new(),
            inbox: Vec::new(),
            sagas: Vec::new(),
            events: Vec::new(),
            locks: Vec::new(),
        }
    }

    fn own_document(&self, collection: &str, id: &str) -> Option<&DocumentWrite> {
        self.documents.iter().find(|write| write.id == id && write.collection == collection)
    }

    /// Returns the writes of the transaction about a message, in order.
    pub(super) fn own_inbox_writes(&self, entry: &InboxEntry) -> impl Iterator<Item = &InboxWrite> {
        self.inbox.iter().filter(move |write| {
            let own = write.entry();
            own.message == entry.message && own.consumer == entry.consumer
        })
    }
}

/// Bounds on the ids of a collection.
pub(in crate::store) type Ids<'a> = (Bound<&'a str>, Bound<&'a str>);

/// The bounds of a range; those of one that begins after its end hold nothing, and are in order.
pub(in crate::store) fn bounds(range: &IdRange) -> Ids<'_> {
    let until = range.until().map_or(Bound::Unbounded, |until| Bound::Excluded(until.max(range.from())));
    (Bound::Included(range.from()), until)
}

/// Statements on documents, operations and checkpoints: they see the transaction's snapshot and its own writes.
impl StoreModel {
    pub(in crate::store) fn get(&self, tx: &Tx, collection: &str, id: &str) -> Option<Document> {
        match tx.own_document(collection, id) {
            Some(own) => own.after.clone(),
            None => self.documents.get(collection, id, tx.at).cloned(),
        }
    }

    pub(in crate::store) fn put(
        &self,
        tx: &mut Tx,
        collection: &str,
        id: &str,
        expected: Expected,
        body: Bytes,
    ) -> Result<u64, StoreError> {
        let before = self.expect(tx, collection, id, expected)?;
        let version = before.unwrap_or(0) + 1;
        tx.write(collection, id, Some(Document { version, body }));
        Ok(version)
    }

    pub(in crate::store) fn delete(
        &self,
        tx: &mut Tx,
        collection: &str,
        id: &str,
        expected: Expected,
    ) -> Result<(), StoreError> {
        if self.expect(tx, collection, id, expected)?.is_some() {
            tx.write(collection, id, None);
        }
        Ok(())
    }

    /// The version that a write replaces, if the write may go on.
    fn expect(&self, tx: &Tx, collection: &str, id: &str, expected: Expected) -> Result<Option<u64>, StoreError> {
        if self.documents.written_since(collection, id, tx.at) {
            return Err(StoreError::Conflict(format_smolstr!(
                "document {collection}/{id} was written by another transaction"
            )));
        }
        let found = match tx.own_document(collection, id) {
            Some(own) => own.after.as_ref().map(|document| document.version),
            None => self.documents.get(collection, id, tx.at).map(|document| document.version),
        };
        match (expected, found) {
            (Expected::Any, _) | (Expected::Absent, None) => Ok(found),
            (Expected::Version(expected), Some(version)) if expected == version => Ok(found),
            (_, Some(version)) => {
                Err(StoreError::Conflict(format_smolstr!("document {collection}/{id} is at version {version}")))
            }
            (_, None) => Err(StoreError::Conflict(format_smolstr!("document {collection}/{id} is not there"))),
        }
    }

    /// Like [`put`](Self::put) if `expected` holds in the transaction; `None` if it does not.
    pub(in crate::store) fn put_if(
        &self,
        tx: &mut Tx,
        collection: &str,
        id: &str,
        expected: Expected,
        body: Bytes,
    ) -> Result<Option<u64>, StoreError> {
        // Whether another transaction was first comes before whether the condition holds: it would hold no more.
        let found = self.expect(tx, collection, id, Expected::Any)?;
        let holds = match expected {
            Expected::Absent => found.is_none(),
            Expected::Version(version) => found == Some(version),
            Expected::Any => true,
        };
        holds.then(|| self.put(tx, collection, id, Expected::Any, body)).transpose()
    }

    pub(in crate::store) fn delete_range(
        &self,
        tx: &mut Tx,
        collection: &str,
        range: &IdRange,
        limit: usize,
    ) -> Result<Vec<SmolStr>, StoreError> {
        let found = self.scan(tx, collection, bounds(range), limit);
        for (id, _) in &found {
            self.delete(tx, collection, id, Expected::Any)?;
        }
        Ok(found.into_iter().map(|(id, _)| id).collect())
    }

    pub(in crate::store) fn scan(
        &self,
        tx: &Tx,
        collection: &str,
        range: Ids<'_>,
        limit: usize,
    ) -> Vec<(SmolStr, Document)> {
        let own = |write: &&DocumentWrite| {
            write.collection == collection && RangeBounds::<str>::contains(&range, write.id.as_str())
        };
        let mut own: Vec<&DocumentWrite> = tx.documents.iter().filter(own).collect();
        let stored = self.documents.scan(collection, range, tx.at);
        let copy = |(id, document): (&SmolStr, &Document)| (id.clone(), document.clone());
        if own.is_empty() {
            return stored.take(limit).map(copy).collect();
        }
        own.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        let mut own = own.into_iter().peekable();
        let mut stored = stored.peekable();
        let mut found = Vec::new();
        while found.len() < limit {
            let own_is_next = match (own.peek(), stored.peek()) {
                (None, None) => break,
                (Some(_), None) => true,
                (None, Some(_)) => false,
                (Some(own), Some((id, _))) => own.id <= **id,
            };
            if !own_is_next {
                found.extend(stored.next().map(copy));
            } else if let Some(write) = own.next() {
                stored.next_if(|(id, _)| **id == write.id);
                found.extend(write.after.clone().map(|document| (write.id.clone(), document)));
            }
        }
        found
    }

    pub(in crate::store) fn operation(&self, tx: &Tx, id: OperationId) -> Option<OperationState> {
        let own = tx.operations.iter().find(|(record, _)| record.id == id).map(|(record, _)| &record.state);
        own.or_else(|| self.operations.get(id, tx.at)).cloned()
    }

    pub(in crate::store) fn put_operation(
        &self,
        tx: &mut Tx,
        record: &OperationRecord,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.check_operation(record.id, tx.at)?;
        match (self.operation(tx, record.id), &record.state) {
            (None, _) | (Some(OperationState::Executed(_)), OperationState::Compensated) => {}
            (Some(before), after) if before == *after => return Ok(()),
            _ => {
                return Err(StoreError::Refused(
                    "a participant's operation changes from executed to compensated only".into(),
                ));
            }
        }
        match tx.operations.iter_mut().find(|(own, _)| own.id == record.id) {
            Some((own, at)) => (own.state, *at) = (record.state.clone(), now),
            None => tx.operations.push((record.clone(), now)),
        }
        Ok(())
    }

    /// Settles the row of a message without a claim, if it is pending.
    pub(in crate::store) fn mark(
        &mut self,
        tx: &mut Tx,
        message: MessageId,
        dead: Option<SmolStr>,
        now: Timestamp,
    ) -> bool {
        let Some(row) = self.pending(tx, message, now) else { return false };
        tx.marks.push(Mark { row, dead, at: now });
        true
    }

    /// Counts an attempt at the row of a message without a claim, or takes one back, if it is pending.
    pub(in crate::store) fn attempt(&mut self, tx: &mut Tx, message: MessageId, begins: bool, now: Timestamp) -> bool {
        let Some(row) = self.pending(tx, message, now) else { return false };
        tx.attempts.push((row, begins));
        true
    }

    /// The row of a message that is pending as the transaction sees it.
    fn pending(&mut self, tx: &Tx, message: MessageId, now: Timestamp) -> Option<RowId> {
        let staged = tx.staged.iter().find(|(_, staged)| staged.id == message).map(|(row, _)| *row);
        let pending = staged.or_else(|| self.outbox.pending(message, now));
        pending.filter(|row| tx.marks.iter().all(|mark| mark.row != *row))
    }

    /// The position up to which the log is settled once the transaction's own marks are.
    pub(in crate::store) fn settled_to(&self, tx: &Tx, when_dead: WhenDead) -> u64 {
        self.outbox.settled_to(when_dead, tx.marks.iter().map(|mark| (mark.row, mark.dead.is_some())))
    }

    pub(in crate::store) fn checkpoint(&self, tx: &Tx, consumer: &str) -> Option<u64> {
        let own = tx.checkpoints.iter().find(|(name, _)| name == consumer).map(|(_, position)| *position);
        own.or_else(|| self.checkpoints.get(consumer, tx.at).copied())
    }

    pub(in crate::store) fn set_checkpoint(
        &self,
        tx: &mut Tx,
        consumer: &str,
        position: u64,
    ) -> Result<(), StoreError> {
        self.check_checkpoint(consumer, tx.at)?;
        if let Some(stored) = self.checkpoint(tx, consumer)
            && position < stored
        {
            return Err(StoreError::Conflict(format_smolstr!(
                "checkpoint of {consumer} is at {stored} and does not go back to {position}"
            )));
        }
        match tx.checkpoints.iter_mut().find(|(name, _)| name == consumer) {
            Some((_, own)) => *own = position,
            None => tx.checkpoints.push((consumer.into(), position)),
        }
        Ok(())
    }
}

impl Tx {
    fn write(&mut self, collection: &str, id: &str, after: Option<Document>) {
        match self.documents.iter_mut().find(|write| write.id == id && write.collection == collection) {
            Some(own) => own.after = after,
            None => self.documents.push(DocumentWrite { collection: collection.into(), id: id.into(), after }),
        }
    }
}
