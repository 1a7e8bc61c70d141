use bytes::Bytes;
use seaworthy_core::ids::OperationId;
use seaworthy_core::{
    message::Message,
    ports::{
        Document, Expected, InboxEntry, InboxInsert, NewSaga, OperationRecord, OperationState, RowId, SagaAppend,
        SagaCreate, StoreError, Timestamp,
    },
};
use smol_str::{SmolStr, format_smolstr};

use super::{
    Attempt, StoreModel,
    inbox::{InboxRow, InboxWrite},
    locks::{Acquired, TxId, UniqueKey},
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
    pub(super) operations: Vec<OperationRecord>,
    pub(super) checkpoints: Vec<(SmolStr, u64)>,
    pub(super) staged: Vec<(RowId, Message)>,
    pub(super) inbox: Vec<InboxWrite>,
    pub(super) sagas: Vec<SagaWrite>,
    pub(super) locks: Vec<UniqueKey>,
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
            inbox: Vec::new(),
            sagas: Vec::new(),
            locks: Vec::new(),
        }
    }

    fn own_document(&self, collection: &str, id: &str) -> Option<&DocumentWrite> {
        self.documents.iter().find(|write| write.id == id && write.collection == collection)
    }

    /// The transaction's last word on an inbox row; failures say nothing about it.
    fn own_inbox_row(&self, entry: &InboxEntry) -> Option<&InboxWrite> {
        let same = |write: &&InboxWrite| {
            let own = write.entry();
            own.message == entry.message && own.consumer == entry.consumer && !matches!(write, InboxWrite::Fail(_))
        };
        self.inbox.iter().rev().find(same)
    }

    fn own_failures(&self, entry: &InboxEntry) -> u32 {
        let same = |write: &&InboxWrite| matches!(write, InboxWrite::Fail(own) if own == entry);
        u32::try_from(self.inbox.iter().filter(same).count()).unwrap_or(u32::MAX)
    }
}

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

    pub(in crate::store) fn scan(
        &self,
        tx: &Tx,
        collection: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Vec<(SmolStr, Document)> {
        let own = |write: &&DocumentWrite| {
            write.collection == collection && after.is_none_or(|after| write.id.as_str() > after)
        };
        let mut own: Vec<&DocumentWrite> = tx.documents.iter().filter(own).collect();
        let stored = self.documents.scan(collection, after, tx.at);
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
        let own = tx.operations.iter().find(|record| record.id == id).map(|record| &record.state);
        own.or_else(|| self.operations.get(&id, tx.at)).cloned()
    }

    pub(in crate::store) fn put_operation(&self, tx: &mut Tx, record: &OperationRecord) -> Result<(), StoreError> {
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
        match tx.operations.iter_mut().find(|own| own.id == record.id) {
            Some(own) => own.state = record.state.clone(),
            None => tx.operations.push(record.clone()),
        }
        Ok(())
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

    pub(in crate::store) fn stage(&mut self, tx: &mut Tx, message: &Message) -> Result<Attempt<()>, StoreError> {
        let taken = || StoreError::Conflict("a message of this id was staged before".into());
        if self.outbox.contains(message.id) {
            return Err(taken());
        }
        match self.locks.acquire(UniqueKey::Message(message.id), tx.id, &mut tx.locks)? {
            Acquired::Blocked(until) => return Ok(Attempt::Blocked(until)),
            Acquired::Mine => return Err(taken()),
            Acquired::New => {}
        }
        self.last_row += 1;
        tx.staged.push((RowId(self.last_row), message.clone()));
        Ok(Attempt::Done(()))
    }

    /// Takes an inbox row for a transaction, and returns its consumer's number.
    fn take_inbox_row(&mut self, tx: &mut Tx, entry: &InboxEntry) -> Result<Attempt<u32>, StoreError> {
        let number = self.inbox.number(&entry.consumer);
        let key = UniqueKey::Inbox(number, entry.message);
        Ok(match self.locks.acquire(key, tx.id, &mut tx.locks)? {
            Acquired::Blocked(until) => Attempt::Blocked(until),
            Acquired::Mine | Acquired::New => Attempt::Done(number),
        })
    }

    pub(in crate::store) fn inbox_insert(
        &mut self,
        tx: &mut Tx,
        entry: &InboxEntry,
    ) -> Result<Attempt<InboxInsert>, StoreError> {
        let number = self.inbox.number(&entry.consumer);
        if self.inbox.seen(number, entry) || tx.own_inbox_row(entry).is_some() {
            return Ok(Attempt::Done(InboxInsert::Duplicate));
        }
        if let Attempt::Blocked(until) = self.take_inbox_row(tx, entry)? {
            return Ok(Attempt::Blocked(until));
        }
        tx.inbox.push(InboxWrite::Insert(entry.clone()));
        Ok(Attempt::Done(InboxInsert::First))
    }

    pub(in crate::store) fn inbox_failed(
        &mut self,
        tx: &mut Tx,
        entry: &InboxEntry,
    ) -> Result<Attempt<u32>, StoreError> {
        Ok(match self.take_inbox_row(tx, entry)? {
            Attempt::Blocked(until) => Attempt::Blocked(until),
            Attempt::Done(number) => {
                tx.inbox.push(InboxWrite::Fail(entry.clone()));
                Attempt::Done(self.inbox.failures(number, entry.message) + tx.own_failures(entry))
            }
        })
    }

    pub(in crate::store) fn inbox_bury(
        &mut self,
        tx: &mut Tx,
        entry: &InboxEntry,
        message: &Message,
        reason: &str,
    ) -> Result<Attempt<()>, StoreError> {
        let number = match self.take_inbox_row(tx, entry)? {
            Attempt::Blocked(until) => return Ok(Attempt::Blocked(until)),
            Attempt::Done(number) => number,
        };
        let taken = match tx.own_inbox_row(entry) {
            Some(InboxWrite::Bury(..)) => true,
            Some(_) => false,
            None => self.inbox.seen(number, entry),
        };
        if taken {
            return Err(StoreError::Conflict("message to bury was handled or buried meanwhile".into()));
        }
        tx.inbox.push(InboxWrite::Bury(entry.clone(), Box::new(message.clone()), reason.into()));
        Ok(Attempt::Done(()))
    }

    pub(in crate::store) fn inbox_exhume(
        &mut self,
        tx: &mut Tx,
        entry: &InboxEntry,
    ) -> Result<Attempt<bool>, StoreError> {
        let number = match self.take_inbox_row(tx, entry)? {
            Attempt::Blocked(until) => return Ok(Attempt::Blocked(until)),
            Attempt::Done(number) => number,
        };
        let dead = match tx.own_inbox_row(entry) {
            Some(own) => matches!(own, InboxWrite::Bury(..)),
            None => matches!(self.inbox.row(number, entry.message), Some(InboxRow::Dead(..))),
        };
        if dead {
            tx.inbox.push(InboxWrite::Exhume(entry.clone()));
        }
        Ok(Attempt::Done(dead))
    }

    pub(in crate::store) fn saga_create(
        &mut self,
        tx: &mut Tx,
        saga: &NewSaga,
        now: Timestamp,
    ) -> Result<Attempt<SagaCreate>, StoreError> {
        let (name, key) = (&saga.definition.name, &saga.key);
        if let Some(id) = self.sagas.id_by_key(name, key) {
            return Ok(Attempt::Done(SagaCreate::Exists(id)));
        }
        let unique = UniqueKey::Saga(name.clone(), key.clone());
        match self.locks.acquire(unique, tx.id, &mut tx.locks)? {
            Acquired::Blocked(until) => return Ok(Attempt::Blocked(until)),
            Acquired::New => {}
            Acquired::Mine => {
                let own = tx.sagas.iter().find_map(|write| match write {
                    SagaWrite::Create(own, _) if own.definition.name == *name && own.key == *key => Some(own.id),
                    _ => None,
                });
                if let Some(id) = own {
                    return Ok(Attempt::Done(SagaCreate::Exists(id)));
                }
            }
        }
        tx.sagas.push(SagaWrite::Create(saga.clone(), now));
        Ok(Attempt::Done(SagaCreate::Created))
    }

    pub(in crate::store) fn saga_append(
        &self,
        tx: &mut Tx,
        append: &SagaAppend,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.sagas.check_after(append, &tx.sagas)?;
        tx.sagas.push(SagaWrite::Append(append.clone(), now));
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
