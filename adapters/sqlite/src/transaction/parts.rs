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

use super::SqliteTransaction;
use crate::{
    checkpoints, documents,
    error::in_statement,
    events,
    inbox::{self, Taken},
    outbox, participants, saga,
};

#[async_trait]
impl Documents for SqliteTransaction {
    async fn get(&mut self, collection: &str, id: &str) -> Result<Option<Document>, StoreError> {
        self.run(|connection, _| documents::get(connection, collection, id))
    }

    async fn put(&mut self, collection: &str, id: &str, expected: Expected, body: Bytes) -> Result<u64, StoreError> {
        self.run(|connection, _| documents::put(connection, collection, id, expected, &body))
    }

    async fn put_if(
        &mut self,
        collection: &str,
        id: &str,
        expected: Expected,
        body: Bytes,
    ) -> Result<Option<u64>, StoreError> {
        self.run(|connection, _| documents::put_if(connection, collection, id, expected, &body))
    }

    async fn delete(&mut self, collection: &str, id: &str, expected: Expected) -> Result<(), StoreError> {
        self.run(|connection, _| documents::delete(connection, collection, id, expected))
    }

    async fn delete_range(
        &mut self,
        collection: &str,
        range: &IdRange,
        limit: usize,
    ) -> Result<Vec<SmolStr>, StoreError> {
        self.run(|connection, _| documents::delete_range(connection, collection, range, limit))
    }

    async fn scan_range(
        &mut self,
        collection: &str,
        range: &IdRange,
        limit: usize,
    ) -> Result<Vec<(SmolStr, Document)>, StoreError> {
        self.run(|connection, _| documents::scan_range(connection, collection, range, limit))
    }

    async fn scan(
        &mut self,
        collection: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(SmolStr, Document)>, StoreError> {
        self.run(|connection, _| documents::scan(connection, collection, after, limit))
    }
}

#[async_trait]
impl OutboxWrites for SqliteTransaction {
    async fn stage(&mut self, message: &Message) -> Result<(), StoreError> {
        self.run(|connection, _| outbox::stage(connection, message))
    }

    async fn outbox_dispatched(&mut self, messages: &[MessageId]) -> Result<Vec<bool>, StoreError> {
        self.run(|connection, now| {
            let marked = messages.iter().map(|message| outbox::mark(connection, *message, None, now));
            marked.collect::<rusqlite::Result<_>>().map_err(|failure| in_statement("mark rows as dispatched", &failure))
        })
    }

    async fn outbox_bury(&mut self, message: MessageId, reason: &str) -> Result<bool, StoreError> {
        self.run(|connection, now| {
            let buried = outbox::mark(connection, message, Some(reason), now);
            buried.map_err(|failure| in_statement("give a row up", &failure))
        })
    }

    async fn outbox_attempt(&mut self, message: MessageId, begins: bool) -> Result<bool, StoreError> {
        self.run(|connection, now| {
            let counted = outbox::attempt(connection, message, begins, now);
            counted.map_err(|failure| in_statement("count an attempt at a row", &failure))
        })
    }

    async fn outbox_settled_to(&mut self, when_dead: WhenDead) -> Result<u64, StoreError> {
        self.run(|connection, _| {
            let position = outbox::settled_to(connection, when_dead);
            position.map_err(|failure| in_statement("read how far the log is settled", &failure))
        })
    }
}

#[async_trait]
impl InboxWrites for SqliteTransaction {
    async fn inbox_insert(&mut self, entry: &InboxEntry) -> Result<InboxInsert, StoreError> {
        let found = self.run(|connection, now| inbox::insert(connection, entry, now))?;
        if found == InboxInsert::First {
            self.handled.push((entry.consumer.clone(), entry.message, Taken::Inserted));
        }
        Ok(found)
    }

    async fn inbox_failed(&mut self, entry: &InboxEntry, error: &str) -> Result<u32, StoreError> {
        self.run(|connection, now| inbox::count_failure(connection, entry, error, now))
    }

    async fn inbox_bury(&mut self, entry: &InboxEntry, message: &Message, reason: &str) -> Result<(), StoreError> {
        let own = self.handled.iter().position(|(who, what, _)| *what == entry.message && *who == entry.consumer);
        let taken = own.map(|own| self.handled[own].2);
        self.run(|connection, now| inbox::bury(connection, entry, message, reason, taken, now))?;
        if let Some(own) = own {
            self.handled.swap_remove(own);
        }
        Ok(())
    }

    async fn inbox_exhume(&mut self, entry: &InboxEntry) -> Result<bool, StoreError> {
        let exhumed = self.run(|connection, now| inbox::exhume(connection, entry, now))?;
        if exhumed {
            self.handled.push((entry.consumer.clone(), entry.message, Taken::Exhumed));
        }
        Ok(exhumed)
    }
}

#[async_trait]
impl SagaWrites for SqliteTransaction {
    async fn saga_create(&mut self, saga: &NewSaga) -> Result<SagaCreate, StoreError> {
        self.run(|connection, now| saga::create(connection, saga, now))
    }

    async fn saga_append(&mut self, append: &SagaAppend) -> Result<(), StoreError> {
        self.run(|connection, now| saga::append(connection, append, now))
    }

    async fn saga_signal(&mut self, signal: &SagaSignal) -> Result<Vec<SagaInstance>, StoreError> {
        self.run(|connection, now| saga::signal(connection, signal, now))
    }
}

#[async_trait]
impl Participants for SqliteTransaction {
    async fn operation(&mut self, id: OperationId) -> Result<Option<OperationState>, StoreError> {
        self.run(|connection, _| participants::read(connection, id))
    }

    async fn put_operation(&mut self, record: &OperationRecord) -> Result<(), StoreError> {
        self.run(|connection, now| participants::write(connection, record, now))
    }
}

#[async_trait]
impl EventWrites for SqliteTransaction {
    async fn append_events(&mut self, append: &EventAppend) -> Result<Appended, StoreError> {
        self.run(|connection, _| events::append(connection, append))
    }

    async fn read_stream(&mut self, stream: &str, after: u64, limit: usize) -> Result<Vec<RecordedEvent>, StoreError> {
        let mut found = self.run(|connection, _| events::stream(connection, stream, after, limit))?;
        self.epochs.stamp_events(&mut found);
        Ok(found)
    }

    async fn stream_snapshot(&mut self, stream: &str) -> Result<Option<StreamSnapshot>, StoreError> {
        self.run(|connection, _| events::snapshot(connection, stream))
    }

    async fn put_stream_snapshot(&mut self, stream: &str, version: u64, state: Bytes) -> Result<bool, StoreError> {
        self.run(|connection, _| events::put_snapshot(connection, stream, version, &state))
    }
}

#[async_trait]
impl Checkpoints for SqliteTransaction {
    async fn checkpoint(&mut self, consumer: &str) -> Result<Option<u64>, StoreError> {
        self.run(|connection, _| checkpoints::read(connection, consumer))
    }

    async fn set_checkpoint(&mut self, consumer: &str, position: u64) -> Result<(), StoreError> {
        self.run(|connection, _| checkpoints::advance(connection, consumer, position))
    }
}
