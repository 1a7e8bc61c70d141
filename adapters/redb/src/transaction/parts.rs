//! The parts of the store inside a transaction: each method runs a function of its part.

use async_trait::async_trait;
use bytes::Bytes;
use seaworthy_core::{
    ids::{MessageId, OperationId},
    message::Message,
    ports::{
        Appended, Checkpoints, Document, Documents, EventAppend, EventWrites, Expected, IdRange, InboxEntry,
        InboxInsert, InboxWrites, NewSaga, OperationRecord, OperationState, OutboxWrites, Participants, RecordedEvent,
        SagaAppend, SagaCreate, SagaInstance, SagaSignal, SagaWrites, StoreError, StreamSnapshot, WhenDead,
    },
};
use smol_str::SmolStr;

use super::RedbTransaction;
use crate::{
    checkpoints, documents, events,
    inbox::{self, Taken},
    outbox, participants, saga,
};

#[async_trait]
impl Documents for RedbTransaction {
    async fn get(&mut self, collection: &str, id: &str) -> Result<Option<Document>, StoreError> {
        self.run(|tables, _| documents::get(*tables, collection, id))
    }

    async fn put(&mut self, collection: &str, id: &str, expected: Expected, body: Bytes) -> Result<u64, StoreError> {
        self.run(|tables, _| documents::put(tables, collection, id, expected, body))
    }

    async fn put_if(
        &mut self,
        collection: &str,
        id: &str,
        expected: Expected,
        body: Bytes,
    ) -> Result<Option<u64>, StoreError> {
        self.run(|tables, _| documents::put_if(tables, collection, id, expected, body))
    }

    async fn delete(&mut self, collection: &str, id: &str, expected: Expected) -> Result<(), StoreError> {
        self.run(|tables, _| documents::delete(tables, collection, id, expected))
    }

    async fn delete_range(
        &mut self,
        collection: &str,
        range: &IdRange,
        limit: usize,
    ) -> Result<Vec<SmolStr>, StoreError> {
        self.run(|tables, _| documents::delete_range(tables, collection, range, limit))
    }

    async fn scan_range(
        &mut self,
        collection: &str,
        range: &IdRange,
        limit: usize,
    ) -> Result<Vec<(SmolStr, Document)>, StoreError> {
        self.run(|tables, _| documents::scan_range(*tables, collection, range, limit))
    }

    async fn scan(
        &mut self,
        collection: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(SmolStr, Document)>, StoreError> {
        self.run(|tables, _| documents::scan(*tables, collection, after, limit))
    }
}

#[async_trait]
impl OutboxWrites for RedbTransaction {
    async fn stage(&mut self, message: &Message) -> Result<(), StoreError> {
        let epoch = self.epoch();
        self.run(|tables, _| outbox::stage(tables, message, epoch))
    }

    async fn outbox_dispatched(&mut self, messages: &[MessageId]) -> Result<Vec<bool>, StoreError> {
        self.run(|tables, now| messages.iter().map(|message| outbox::mark(tables, *message, None, now)).collect())
    }

    async fn outbox_bury(&mut self, message: MessageId, reason: &str) -> Result<bool, StoreError> {
        self.run(|tables, now| outbox::mark(tables, message, Some(reason), now))
    }

    async fn outbox_attempt(&mut self, message: MessageId, begins: bool) -> Result<bool, StoreError> {
        self.run(|tables, now| outbox::attempt(tables, message, begins, now))
    }

    async fn outbox_settled_to(&mut self, when_dead: WhenDead) -> Result<u64, StoreError> {
        self.run(|tables, _| outbox::settled_to(*tables, when_dead))
    }
}

#[async_trait]
impl InboxWrites for RedbTransaction {
    async fn inbox_insert(&mut self, entry: &InboxEntry) -> Result<InboxInsert, StoreError> {
        let found = self.run(|tables, now| inbox::insert(tables, entry, now))?;
        if found == InboxInsert::First {
            self.handled.push((entry.consumer.clone(), entry.message, Taken::Inserted));
        }
        Ok(found)
    }

    async fn inbox_failed(&mut self, entry: &InboxEntry, error: &str) -> Result<u32, StoreError> {
        self.run(|tables, now| inbox::count_failure(tables, entry, error, now))
    }

    async fn inbox_bury(&mut self, entry: &InboxEntry, message: &Message, reason: &str) -> Result<(), StoreError> {
        let own = self.handled.iter().position(|(who, what, _)| *what == entry.message && *who == entry.consumer);
        let taken = own.map(|own| self.handled[own].2);
        self.run(|tables, now| inbox::bury(tables, entry, message, reason, taken, now))?;
        if let Some(own) = own {
            self.handled.swap_remove(own);
        }
        Ok(())
    }

    async fn inbox_exhume(&mut self, entry: &InboxEntry) -> Result<bool, StoreError> {
        let exhumed = self.run(|tables, now| inbox::exhume(tables, entry, now))?;
        if exhumed {
            self.handled.push((entry.consumer.clone(), entry.message, Taken::Exhumed));
        }
        Ok(exhumed)
    }
}

#[async_trait]
impl SagaWrites for RedbTransaction {
    async fn saga_create(&mut self, saga: &NewSaga) -> Result<SagaCreate, StoreError> {
        self.run(|tables, now| saga::create(tables, saga, now))
    }

    async fn saga_append(&mut self, append: &SagaAppend) -> Result<(), StoreError> {
        self.run(|tables, now| saga::append(tables, append, now))
    }

    async fn saga_signal(&mut self, signal: &SagaSignal) -> Result<Vec<SagaInstance>, StoreError> {
        self.run(|tables, now| saga::signal(tables, signal, now))
    }
}

#[async_trait]
impl Participants for RedbTransaction {
    async fn operation(&mut self, id: OperationId) -> Result<Option<OperationState>, StoreError> {
        self.run(|tables, _| participants::read(*tables, id))
    }

    async fn put_operation(&mut self, record: &OperationRecord) -> Result<(), StoreError> {
        self.run(|tables, now| participants::write(tables, record, now))
    }
}

#[async_trait]
impl EventWrites for RedbTransaction {
    async fn append_events(&mut self, append: &EventAppend) -> Result<Appended, StoreError> {
        let epoch = self.epoch();
        self.run(|tables, _| events::append(tables, append, epoch))
    }

    async fn read_stream(&mut self, stream: &str, after: u64, limit: usize) -> Result<Vec<RecordedEvent>, StoreError> {
        self.run(|tables, _| events::stream(*tables, stream, after, limit))
    }

    async fn stream_snapshot(&mut self, stream: &str) -> Result<Option<StreamSnapshot>, StoreError> {
        self.run(|tables, _| events::snapshot(*tables, stream))
    }

    async fn put_stream_snapshot(&mut self, stream: &str, version: u64, state: Bytes) -> Result<bool, StoreError> {
        self.run(|tables, _| events::put_snapshot(tables, stream, version, state))
    }
}

#[async_trait]
impl Checkpoints for RedbTransaction {
    async fn checkpoint(&mut self, consumer: &str) -> Result<Option<u64>, StoreError> {
        self.run(|tables, _| checkpoints::read(*tables, consumer))
    }

    async fn set_checkpoint(&mut self, consumer: &str, position: u64) -> Result<(), StoreError> {
        self.run(|tables, _| checkpoints::advance(tables, consumer, position))
    }
}
