//! Stores with one bug each, planted between the caller and a store that has none.

mod bug;
mod outbox;
mod sagas;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use seaworthy_core::{
    ids::{ClaimToken, MessageId, SagaId},
    ports::{
        Backlog, Backup, Census, DeadLetter, DeadLetterRequest, DelegateStore, InboxEntry, InboxPurgeRequest,
        OutboxRow, Part, Parts, PurgeRequest, RecordedEvent, RowCounts, RowId, Store, StoreError, StreamSnapshot,
        Timestamp, Transaction,
    },
};
use smol_str::SmolStr;

use self::{outbox::BrokenOutbox, sagas::BrokenSagas};
use super::transaction::BrokenTransaction;

pub(super) use bug::Bug;

/// A store with one bug.
#[derive(Clone)]
pub(super) struct Broken {
    pub(super) inner: Arc<dyn Store>,
    pub(super) bug: Bug,
    notes: Arc<Mutex<Notes>>,
}

/// What the bugs have to know.
#[derive(Default)]
pub(super) struct Notes {
    holders: BTreeMap<RowId, ClaimToken>,
    redriven: BTreeSet<MessageId>,
    republished: BTreeSet<MessageId>,
    leased: Vec<OutboxRow>,
    /// Epoch of the first row that was claimed.
    epoch: Option<u64>,
    pub(super) staged: Vec<MessageId>,
    /// Keys of messages that have a moment.
    pub(super) scheduled: Vec<SmolStr>,
    pub(super) sagas: Vec<SagaId>,
    pub(super) appends: u64,
    pub(super) checkpoint_reads: u64,
    /// Streams that were appended to.
    pub(super) streams: BTreeSet<SmolStr>,
    /// What was made of events that were there.
    pub(super) changed: BTreeMap<MessageId, Bytes>,
    pub(super) snapshots: BTreeMap<SmolStr, StreamSnapshot>,
    /// The most rows that each table had.
    rows: RowCounts,
}

impl Broken {
    /// A bug before `inner`. Outbox and sagas are broken in a layer of their own each: what the rest of a bug asks for
    /// itself goes through these.
    pub(super) fn new(inner: Arc<dyn Store>, bug: Bug) -> Self {
        let broken = Self { inner, bug, notes: Arc::default() };
        let outbox = Arc::new(BrokenOutbox(broken.clone()));
        let sagas = Arc::new(BrokenSagas(Self { inner: outbox, ..broken.clone() }));
        Self { inner: sagas, ..broken }
    }

    pub(super) fn has(&self, bug: Bug) -> bool {
        self.bug == bug
    }

    pub(super) fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().expect("no test panics with the notes in hand")
    }

    fn purge_request(&self, request: &PurgeRequest) -> PurgeRequest {
        PurgeRequest {
            older_than: if self.has(Bug::PurgesYoungRows) { Duration::ZERO } else { request.older_than },
            limit: if self.has(Bug::PurgesWithoutLimit) { usize::MAX } else { request.limit },
        }
    }
}

#[async_trait]
impl DelegateStore for Broken {
    fn inner(&self) -> &dyn Store {
        &*self.inner
    }

    fn parts(&self) -> Parts {
        let outbox = Parts::new(&[Part::Outbox]);
        if self.has(Bug::DeniesItsOutbox) { Parts::ALL.without(outbox) } else { self.inner.parts() }
    }

    async fn begin(&self) -> Result<Box<dyn Transaction>, StoreError> {
        Ok(Box::new(BrokenTransaction::new(self.clone(), self.inner.begin().await?)))
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        if self.has(Bug::ReportsNoBacklog) { Ok(Backlog::default()) } else { self.inner.backlog().await }
    }

    async fn census(&self) -> Result<Census, StoreError> {
        let mut census = self.inner.census().await?;
        if self.has(Bug::CountsOnlyTheYoung) {
            census.sagas.values_mut().for_each(|sagas| sagas.oldest = sagas.oldest.map(|_| census.at));
        }
        Ok(census)
    }

    async fn row_counts(&self) -> Result<RowCounts, StoreError> {
        let counts = self.inner.row_counts().await?;
        if !self.has(Bug::CountsWhatWasPurged) {
            return Ok(counts);
        }
        let mut notes = self.notes();
        for (table, count) in counts {
            let most = notes.rows.entry(table).or_default();
            *most = count.max(*most);
        }
        Ok(notes.rows.clone())
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        if self.has(Bug::ClockStands) { Ok(Timestamp::EPOCH) } else { self.inner.now().await }
    }

    async fn backup(&self) -> Result<Box<dyn Backup>, StoreError> {
        if self.has(Bug::LosesNothing) { Ok(Box::new(Nothing)) } else { self.inner.backup().await }
    }

    async fn dead_letters(&self, request: &DeadLetterRequest) -> Result<Vec<DeadLetter>, StoreError> {
        if self.has(Bug::ListsAnyLetter) {
            return self.inner.dead_letters(&DeadLetterRequest::new(&*request.consumer, request.limit)).await;
        }
        let mut letters = self.inner.dead_letters(request).await?;
        if self.has(Bug::PutsLettersBackInTheirPlaces) {
            letters.sort_by_key(|letter| letter.message.sequence);
        }
        Ok(letters)
    }

    async fn ask_redrive(&self, request: &DeadLetterRequest) -> Result<Vec<MessageId>, StoreError> {
        if self.has(Bug::AsksForAnyLetter) {
            return self.inner.ask_redrive(&DeadLetterRequest::new(&*request.consumer, request.limit)).await;
        }
        if self.has(Bug::ForgetsWhatIsAskedFor) {
            let letters = self.inner.dead_letters(request).await?;
            return Ok(letters.into_iter().map(|letter| letter.message.id).collect());
        }
        self.inner.ask_redrive(request).await
    }

    async fn purge_inbox(&self, consumer: &str, request: &InboxPurgeRequest) -> Result<u64, StoreError> {
        if self.has(Bug::PurgesDeadLetters) {
            for letter in self.inner.dead_letters(&DeadLetterRequest::new(consumer, usize::MAX)).await? {
                let mut tx = self.inner.begin().await?;
                tx.inbox_exhume(&InboxEntry::for_message(consumer, &letter.message)).await?;
                tx.commit().await?;
            }
        }
        let mut asked = *request;
        if self.has(Bug::PurgesYoungRows) {
            asked.older_than = Duration::ZERO;
        }
        if self.has(Bug::PurgesWithoutLimit) {
            asked.limit = usize::MAX;
        }
        if self.has(Bug::KeepsWatermarks) {
            asked.watermarks_older_than = None;
        }
        if self.has(Bug::ForgetsWatermarks) && asked.watermarks_older_than.is_some() {
            asked = asked.watermarks_older_than(Duration::ZERO);
        }
        match (self.bug, asked.failures_older_than) {
            (Bug::KeepsFailuresForEver, _) => asked.failures_older_than = None,
            (Bug::ForgetsYoungFailures, Some(_)) => asked.failures_older_than = Some(Duration::ZERO),
            _ => {}
        }
        self.inner.purge_inbox(consumer, &asked).await
    }

    async fn purge_operations(&self, request: &PurgeRequest) -> Result<u64, StoreError> {
        self.inner.purge_operations(&self.purge_request(request)).await
    }

    async fn read_events(&self, after: u64, limit: usize) -> Result<Vec<RecordedEvent>, StoreError> {
        self.log_of_events(after, limit).await
    }
}

/// A copy that puts nothing back.
struct Nothing;

#[async_trait]
impl Backup for Nothing {
    async fn restore(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
