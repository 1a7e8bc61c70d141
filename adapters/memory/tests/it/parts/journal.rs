//! A store of documents and checkpoints, as an event store is one: a projection needs no more.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use async_trait::async_trait;
use bytes::Bytes;
use seaworthy_core::ports::{
    AfterCommit, Backlog, Checkpoints, Clock, Document, Documents, EventStore, EventWrites, Expected, IdRange,
    InboxStore, InboxWrites, OperationStore, OutboxStore, OutboxWrites, Part, Participants, Parts, SagaStore,
    SagaWrites, Store, StoreError, Timestamp, Transaction,
};
use seaworthy_memory::ManualClock;
use smol_str::SmolStr;

/// A collection, `None` for that of the checkpoints, and an id in it.
type Key = (Option<SmolStr>, SmolStr);

#[derive(Clone)]
pub(super) struct Journal {
    committed: Arc<Mutex<Committed>>,
    clock: Arc<ManualClock>,
    said: Parts,
}

#[derive(Clone, Default)]
struct Committed {
    commits: u64,
    documents: BTreeMap<Key, Document>,
    /// The last commit that wrote or deleted a document.
    changed: BTreeMap<Key, u64>,
}

impl Journal {
    pub(super) fn new(clock: Arc<ManualClock>) -> Self {
        Self::saying(Parts::new(&[Part::Documents, Part::Checkpoints]), clock)
    }

    /// A journal that says it has these parts, whatever it has.
    pub(super) fn saying(said: Parts, clock: Arc<ManualClock>) -> Self {
        Self { committed: Arc::default(), clock, said }
    }

    fn committed(&self) -> MutexGuard<'_, Committed> {
        self.committed.lock().expect("no test panics with it in hand")
    }
}

#[async_trait]
impl Store for Journal {
    fn parts(&self) -> Parts {
        self.said
    }

    async fn begin(&self) -> Result<Box<dyn Transaction>, StoreError> {
        let seen = self.committed().clone();
        Ok(Box::new(Entry { journal: self.clone(), seen, written: BTreeMap::new(), after: Vec::new() }))
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        Ok(Backlog::default())
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        Ok(self.clock.now())
    }
}

impl OutboxStore for Journal {}
impl InboxStore for Journal {}
impl SagaStore for Journal {}
impl OperationStore for Journal {}
impl EventStore for Journal {}

/// A transaction: the store as it began, with its own writes.
struct Entry {
    journal: Journal,
    seen: Committed,
    written: BTreeMap<Key, Option<Document>>,
    after: Vec<AfterCommit>,
}

impl Entry {
    fn write(&mut self, key: Key, document: Option<Document>) {
        match document.clone() {
            Some(document) => self.seen.documents.insert(key.clone(), document),
            None => self.seen.documents.remove(&key),
        };
        self.written.insert(key, document);
    }

    /// The ids of a collection and their documents.
    fn collection(&self, collection: &str) -> impl Iterator<Item = (&SmolStr, &Document)> {
        let all = self.seen.documents.iter();
        all.filter(move |((of, _), _)| of.as_deref() == Some(collection)).map(|((_, id), document)| (id, document))
    }
}

fn key(collection: &str, id: &str) -> Key {
    (Some(collection.into()), id.into())
}

fn holds(expected: Expected, found: Option<&Document>) -> bool {
    match expected {
        Expected::Absent => found.is_none(),
        Expected::Version(version) => found.is_some_and(|document| document.version == version),
        Expected::Any => true,
    }
}

fn overtaken() -> StoreError {
    StoreError::Conflict("the document is another one".into())
}

#[async_trait]
impl Documents for Entry {
    async fn get(&mut self, collection: &str, id: &str) -> Result<Option<Document>, StoreError> {
        Ok(self.seen.documents.get(&key(collection, id)).cloned())
    }

    async fn put(&mut self, collection: &str, id: &str, expected: Expected, body: Bytes) -> Result<u64, StoreError> {
        self.put_if(collection, id, expected, body).await?.ok_or_else(overtaken)
    }

    async fn put_if(
        &mut self,
        collection: &str,
        id: &str,
        expected: Expected,
        body: Bytes,
    ) -> Result<Option<u64>, StoreError> {
        let key = key(collection, id);
        let found = self.seen.documents.get(&key);
        if !holds(expected, found) {
            return Ok(None);
        }
        let version = found.map_or(0, |document| document.version) + 1;
        self.write(key, Some(Document { version, body }));
        Ok(Some(version))
    }

    async fn delete(&mut self, collection: &str, id: &str, expected: Expected) -> Result<(), StoreError> {
        let key = key(collection, id);
        let found = self.seen.documents.get(&key);
        if !holds(expected, found) {
            return Err(overtaken());
        }
        if found.is_some() {
            self.write(key, None);
        }
        Ok(())
    }

    async fn delete_range(
        &mut self,
        collection: &str,
        range: &IdRange,
        limit: usize,
    ) -> Result<Vec<SmolStr>, StoreError> {
        let found = self.scan_range(collection, range, limit).await?;
        let ids: Vec<SmolStr> = found.into_iter().map(|(id, _)| id).collect();
        ids.iter().for_each(|id| self.write(key(collection, id), None));
        Ok(ids)
    }

    async fn scan(
        &mut self,
        collection: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(SmolStr, Document)>, StoreError> {
        let range = after.map_or_else(IdRange::all, |id| IdRange::all().after(id));
        self.scan_range(collection, &range, limit).await
    }

    async fn scan_range(
        &mut self,
        collection: &str,
        range: &IdRange,
        limit: usize,
    ) -> Result<Vec<(SmolStr, Document)>, StoreError> {
        let found = self.collection(collection).filter(|(id, _)| range.contains(id));
        Ok(found.take(limit).map(|(id, document)| (id.clone(), document.clone())).collect())
    }
}

impl EventWrites for Entry {}

#[async_trait]
impl Checkpoints for Entry {
    async fn checkpoint(&mut self, consumer: &str) -> Result<Option<u64>, StoreError> {
        // A position is the version of its document.
        Ok(self.seen.documents.get(&(None, consumer.into())).map(|document| document.version))
    }

    async fn set_checkpoint(&mut self, consumer: &str, position: u64) -> Result<(), StoreError> {
        if self.checkpoint(consumer).await?.is_some_and(|stored| stored > position) {
            return Err(overtaken());
        }
        self.write((None, consumer.into()), Some(Document { version: position, body: Bytes::new() }));
        Ok(())
    }
}

#[async_trait]
impl Transaction for Entry {
    async fn now(&mut self) -> Result<Timestamp, StoreError> {
        Ok(self.journal.clock.now())
    }

    fn after_commit(&mut self, work: AfterCommit) {
        self.after.push(work);
    }

    /// The first that commits wins.
    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        let Self { journal, seen, written, after } = *self;
        let mut committed = journal.committed();
        if written.keys().any(|key| committed.changed.get(key).is_some_and(|commit| *commit > seen.commits)) {
            return Err(overtaken());
        }
        committed.commits += 1;
        for (key, document) in written {
            let commit = committed.commits;
            committed.changed.insert(key.clone(), commit);
            match document {
                Some(document) => committed.documents.insert(key, document),
                None => committed.documents.remove(&key),
            };
        }
        drop(committed);
        after.into_iter().for_each(|work| work());
        Ok(())
    }
}

impl OutboxWrites for Entry {}
impl InboxWrites for Entry {}
impl SagaWrites for Entry {}
impl Participants for Entry {}
