//! The statements of a transaction, each with the effect that it has once the transaction commits.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use seaworthy_core::{
    ids::{MessageId, OperationId},
    message::Message,
    ports::{
        Document, Documents, Expected, IdRange, InboxEntry, InboxInsert, InboxWrites, NewSaga, OperationRecord,
        OperationState, OutboxWrites, Participants, SagaAppend, SagaCreate, SagaWrites, StoreError,
    },
};
use smol_str::SmolStr;

use super::{TransactionShell, statement};
use crate::{
    plan::Point,
    trace::{Effect, What},
};

#[async_trait]
impl Documents for TransactionShell {
    async fn get(&mut self, collection: &str, id: &str) -> Result<Option<Document>, StoreError> {
        statement!(self, Point::Read, collection, |inner| inner.get(collection, id))
    }

    async fn put(&mut self, collection: &str, id: &str, expected: Expected, body: Bytes) -> Result<u64, StoreError> {
        let version =
            statement!(self, Point::Write, collection, |inner| inner.put(collection, id, expected, body.clone()))?;
        self.effects.push(Effect::Document { collection: collection.into(), id: id.into(), version, body: Some(body) });
        Ok(version)
    }

    async fn put_if(
        &mut self,
        collection: &str,
        id: &str,
        expected: Expected,
        body: Bytes,
    ) -> Result<Option<u64>, StoreError> {
        let version =
            statement!(self, Point::Write, collection, |inner| inner.put_if(collection, id, expected, body.clone()))?;
        if let Some(version) = version {
            let (collection, id) = (collection.into(), id.into());
            self.effects.push(Effect::Document { collection, id, version, body: Some(body) });
        }
        Ok(version)
    }

    async fn delete(&mut self, collection: &str, id: &str, expected: Expected) -> Result<(), StoreError> {
        statement!(self, Point::Write, collection, |inner| inner.delete(collection, id, expected))?;
        self.effects.push(Effect::Document { collection: collection.into(), id: id.into(), version: 0, body: None });
        Ok(())
    }

    async fn delete_range(
        &mut self,
        collection: &str,
        range: &IdRange,
        limit: usize,
    ) -> Result<Vec<SmolStr>, StoreError> {
        let ids = statement!(self, Point::Write, collection, |inner| inner.delete_range(collection, range, limit))?;
        self.effects.extend(ids.iter().map(|id| Effect::Document {
            collection: collection.into(),
            id: id.clone(),
            version: 0,
            body: None,
        }));
        Ok(ids)
    }

    async fn scan(
        &mut self,
        collection: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(SmolStr, Document)>, StoreError> {
        statement!(self, Point::Read, collection, |inner| inner.scan(collection, after, limit))
    }

    async fn scan_range(
        &mut self,
        collection: &str,
        range: &IdRange,
        limit: usize,
    ) -> Result<Vec<(SmolStr, Document)>, StoreError> {
        statement!(self, Point::Read, collection, |inner| inner.scan_range(collection, range, limit))
    }
}

#[async_trait]
impl OutboxWrites for TransactionShell {
    async fn stage(&mut self, message: &Message) -> Result<(), StoreError> {
        statement!(self, Point::Stage, &message.topic, |inner| inner.stage(message))?;
        self.effects.push(Effect::Staged(Arc::new(message.clone())));
        Ok(())
    }

    async fn outbox_dispatched(&mut self, messages: &[MessageId]) -> Result<Vec<bool>, StoreError> {
        let marked = statement!(self, Point::Write, "outbox", |inner| inner.outbox_dispatched(messages))?;
        let dispatched = messages.iter().zip(&marked).filter(|(_, marked)| **marked);
        self.effects.extend(dispatched.map(|(message, _)| Effect::Dispatched(*message)));
        Ok(marked)
    }

    async fn outbox_bury(&mut self, message: MessageId, reason: &str) -> Result<bool, StoreError> {
        let buried = statement!(self, Point::Write, "outbox", |inner| inner.outbox_bury(message, reason))?;
        if buried {
            self.effects.push(Effect::GivenUp { message, reason: reason.into() });
        }
        Ok(buried)
    }
}

#[async_trait]
impl InboxWrites for TransactionShell {
    async fn inbox_insert(&mut self, entry: &InboxEntry) -> Result<InboxInsert, StoreError> {
        let insert = statement!(self, Point::Inbox, &entry.consumer, |inner| inner.inbox_insert(entry))?;
        match insert {
            InboxInsert::First => {
                self.effects.push(Effect::Handled { consumer: entry.consumer.clone(), message: entry.message });
            }
            InboxInsert::Duplicate => self.door.record(What::DuplicateSeen {
                tx: self.tx,
                consumer: entry.consumer.clone(),
                message: entry.message,
            }),
        }
        Ok(insert)
    }

    async fn inbox_failed(&mut self, entry: &InboxEntry, error: &str) -> Result<u32, StoreError> {
        self.door.note_error(Point::Inbox, &error);
        let failures = statement!(self, Point::Inbox, &entry.consumer, |inner| inner.inbox_failed(entry, error))?;
        let (consumer, message, error) = (entry.consumer.clone(), entry.message, error.into());
        self.effects.push(Effect::Failed { consumer, message, failures, error });
        Ok(failures)
    }

    async fn inbox_bury(&mut self, entry: &InboxEntry, message: &Message, reason: &str) -> Result<(), StoreError> {
        statement!(self, Point::Inbox, &entry.consumer, |inner| inner.inbox_bury(entry, message, reason))?;
        self.effects.push(Effect::Buried {
            consumer: entry.consumer.clone(),
            message: entry.message,
            reason: reason.into(),
        });
        Ok(())
    }

    async fn inbox_exhume(&mut self, entry: &InboxEntry) -> Result<bool, StoreError> {
        let found = statement!(self, Point::Inbox, &entry.consumer, |inner| inner.inbox_exhume(entry))?;
        if found {
            self.effects.push(Effect::Exhumed { consumer: entry.consumer.clone(), message: entry.message });
        }
        Ok(found)
    }
}

#[async_trait]
impl SagaWrites for TransactionShell {
    async fn saga_create(&mut self, saga: &NewSaga) -> Result<SagaCreate, StoreError> {
        let created = statement!(self, Point::SagaLog, &saga.definition.name, |inner| inner.saga_create(saga))?;
        if created == SagaCreate::Created {
            self.effects.push(Effect::SagaCreated {
                saga: saga.id,
                definition: saga.definition.clone(),
                key: saga.key.clone(),
            });
        }
        Ok(created)
    }

    async fn saga_append(&mut self, append: &SagaAppend) -> Result<(), StoreError> {
        statement!(self, Point::SagaLog, "log", |inner| inner.saga_append(append))?;
        self.effects.push(Effect::SagaLogged {
            saga: append.saga,
            epoch: append.epoch,
            length: append.expected_length,
            records: append.records.clone(),
            status: append.status,
        });
        Ok(())
    }
}

#[async_trait]
impl Participants for TransactionShell {
    async fn operation(&mut self, id: OperationId) -> Result<Option<OperationState>, StoreError> {
        statement!(self, Point::Read, "operations", |inner| inner.operation(id))
    }

    async fn put_operation(&mut self, record: &OperationRecord) -> Result<(), StoreError> {
        statement!(self, Point::Write, "operations", |inner| inner.put_operation(record))?;
        self.effects.push(Effect::Operation { id: record.id, state: record.state.clone() });
        Ok(())
    }
}
