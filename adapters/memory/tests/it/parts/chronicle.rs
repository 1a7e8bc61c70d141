//! A store of streams of events alone, as event stores are: an aggregate that is a fold of its events needs no more.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound::{Excluded, Unbounded},
    sync::{Arc, Mutex, MutexGuard},
};

use async_trait::async_trait;
use bytes::Bytes;
use seaworthy_core::{
    ids::MessageId,
    message::Message,
    ports::{
        AfterCommit, Appended, Backlog, Checkpoints, Clock, Documents, EventAppend, EventStore, EventWrites,
        InboxStore, InboxWrites, OperationStore, OutboxStore, OutboxWrites, Part, Participants, Parts, RecordedEvent,
        SagaStore, SagaWrites, Store, StoreError, StreamSnapshot, Timestamp, Transaction,
    },
};
use seaworthy_memory::ManualClock;
use smol_str::SmolStr;

#[derive(Clone)]
pub(super) struct Chronicle {
    log: Arc<Mutex<Log>>,
    clock: Arc<ManualClock>,
}

#[derive(Default)]
struct Log {
    epoch: u64,
    /// What is committed, by position.
    events: BTreeMap<u64, RecordedEvent>,
    ids: BTreeSet<MessageId>,
    versions: BTreeMap<SmolStr, u64>,
    snapshots: BTreeMap<SmolStr, StreamSnapshot>,
    last_position: u64,
    /// Positions of transactions that are still open: nobody reads the log beyond the first of them.
    open: BTreeSet<u64>,
}

impl Log {
    fn version(&self, stream: &str) -> u64 {
        self.versions.get(stream).copied().unwrap_or(0)
    }

    fn is_known(&self, id: MessageId) -> bool {
        self.ids.contains(&id)
    }

    /// The later of two snapshots stays.
    fn keep(&mut self, stream: SmolStr, snapshot: StreamSnapshot) {
        let kept = self.snapshots.entry(stream).or_insert_with(|| snapshot.clone());
        if kept.version <= snapshot.version {
            *kept = snapshot;
        }
    }
}

impl Chronicle {
    pub(super) fn new(clock: Arc<ManualClock>) -> Self {
        // Each life of a store has another.
        let epoch = clock.now().as_micros().unsigned_abs().max(1);
        Self { log: Arc::new(Mutex::new(Log { epoch, ..Log::default() })), clock }
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().expect("no test panics with it in hand")
    }
}

#[async_trait]
impl Store for Chronicle {
    fn parts(&self) -> Parts {
        Parts::new(&[Part::Events])
    }

    async fn begin(&self) -> Result<Box<dyn Transaction>, StoreError> {
        let (own, snapshots, after) = (Vec::new(), BTreeMap::new(), Vec::new());
        Ok(Box::new(Page { chronicle: self.clone(), own, snapshots, after }))
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        Ok(Backlog::default())
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        Ok(self.clock.now())
    }
}

#[async_trait]
impl EventStore for Chronicle {
    async fn read_events(&self, after: u64, limit: usize) -> Result<Vec<RecordedEvent>, StoreError> {
        let log = self.log();
        let first_open = log.open.first().copied().unwrap_or(u64::MAX);
        let behind = log.events.range((Excluded(after), Unbounded)).take_while(|(position, _)| **position < first_open);
        Ok(behind.take(limit).map(|(_, event)| event.clone()).collect())
    }
}

impl OutboxStore for Chronicle {}
impl InboxStore for Chronicle {}
impl SagaStore for Chronicle {}
impl OperationStore for Chronicle {}

/// A transaction: what it has appended, at positions that are its own from then on.
struct Page {
    chronicle: Chronicle,
    own: Vec<RecordedEvent>,
    snapshots: BTreeMap<SmolStr, StreamSnapshot>,
    after: Vec<AfterCommit>,
}

impl Page {
    fn own_of<'a>(&'a self, stream: &'a str) -> impl Iterator<Item = &'a RecordedEvent> {
        self.own.iter().filter(move |event| event.stream() == stream)
    }

    fn version(&self, stream: &str) -> u64 {
        self.own_of(stream).last().map_or_else(|| self.chronicle.log().version(stream), |event| event.version)
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let mut log = self.chronicle.log();
        self.own.iter().for_each(|event| _ = log.open.remove(&event.position()));
    }
}

fn overtaken() -> StoreError {
    StoreError::Conflict("the stream is at another version, or has the event already".into())
}

#[async_trait]
impl EventWrites for Page {
    async fn append_events(&mut self, append: &EventAppend) -> Result<Appended, StoreError> {
        let mut version = self.version(&append.stream);
        if !append.expected.holds(version) {
            return Err(overtaken());
        }
        let mut positions = Vec::new();
        for event in &append.events {
            let mut log = self.chronicle.log();
            if log.is_known(event.id) || self.own.iter().any(|own| own.message.id == event.id) {
                return Err(overtaken());
            }
            version += 1;
            log.last_position += 1;
            let (sequence, epoch) = (log.last_position, log.epoch);
            log.open.insert(sequence);
            positions.push(sequence);
            let message = Message { partition_key: append.stream.clone(), sequence, epoch, gap: 0, ..event.clone() };
            self.own.push(RecordedEvent::new(version, message));
        }
        Ok(Appended { version, positions })
    }

    async fn read_stream(&mut self, stream: &str, after: u64, limit: usize) -> Result<Vec<RecordedEvent>, StoreError> {
        let log = self.chronicle.log();
        let all = log.events.values().filter(|event| event.stream() == stream).chain(self.own_of(stream));
        Ok(all.filter(|event| event.version > after).take(limit).cloned().collect())
    }

    async fn stream_snapshot(&mut self, stream: &str) -> Result<Option<StreamSnapshot>, StoreError> {
        let log = self.chronicle.log();
        let both = log.snapshots.get(stream).into_iter().chain(self.snapshots.get(stream));
        Ok(both.max_by_key(|snapshot| snapshot.version).cloned())
    }

    async fn put_stream_snapshot(&mut self, stream: &str, version: u64, state: Bytes) -> Result<bool, StoreError> {
        if version > self.version(stream) {
            return Err(StoreError::Refused("the snapshot is ahead of its stream".into()));
        }
        if self.stream_snapshot(stream).await?.is_some_and(|kept| kept.version > version) {
            return Ok(false);
        }
        self.snapshots.insert(stream.into(), StreamSnapshot { version, state });
        Ok(true)
    }
}

#[async_trait]
impl Transaction for Page {
    async fn now(&mut self) -> Result<Timestamp, StoreError> {
        Ok(self.chronicle.clock.now())
    }

    fn after_commit(&mut self, work: AfterCommit) {
        self.after.push(work);
    }

    /// The first that commits wins: of the others each event has a version that is taken by then.
    async fn commit(mut self: Box<Self>) -> Result<(), StoreError> {
        let chronicle = self.chronicle.clone();
        let mut log = chronicle.log();
        let mut versions = BTreeMap::new();
        for event in &self.own {
            let version = versions.entry(event.stream().clone()).or_insert_with(|| log.version(event.stream()));
            if log.is_known(event.message.id) || event.version != *version + 1 {
                drop(log);
                return Err(overtaken());
            }
            *version = event.version;
        }
        log.versions.append(&mut versions);
        for event in std::mem::take(&mut self.own) {
            log.open.remove(&event.position());
            log.ids.insert(event.message.id);
            log.events.insert(event.position(), event);
        }
        for (stream, snapshot) in std::mem::take(&mut self.snapshots) {
            log.keep(stream, snapshot);
        }
        drop(log);
        std::mem::take(&mut self.after).into_iter().for_each(|work| work());
        Ok(())
    }
}

impl Documents for Page {}
impl OutboxWrites for Page {}
impl InboxWrites for Page {}
impl SagaWrites for Page {}
impl Participants for Page {}
impl Checkpoints for Page {}
