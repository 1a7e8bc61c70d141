//! Transactions of a store with one bug.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::FutureExt;
use seaworthy_core::{
    ids::{MessageId, OperationId},
    message::Message,
    ports::{
        AfterCommit, Appended, DelegateTransaction, Document, EventAppend, Expected, IdRange, InboxEntry, InboxInsert,
        NewSaga, OperationRecord, OperationState, RecordedEvent, SagaAddress, SagaAppend, SagaCreate, SagaInstance,
        SagaKey, SagaSignal, Seen, StoreError, StreamSnapshot, Timestamp, Transaction, WhenDead,
    },
};
use smol_str::{SmolStr, format_smolstr};

use super::store::{Broken, Bug};

pub(super) struct BrokenTransaction {
    store: Broken,
    inner: Option<Box<dyn Transaction>>,
    appends_at_begin: u64,
    appended: bool,
    wrote_documents: bool,
}

impl BrokenTransaction {
    pub(super) fn new(store: Broken, inner: Box<dyn Transaction>) -> Self {
        let appends_at_begin = store.notes().appends;
        Self { store, inner: Some(inner), appends_at_begin, appended: false, wrote_documents: false }
    }

    fn has(&self, bug: Bug) -> bool {
        self.store.has(bug)
    }

    fn swallow<T>(&self, answer: Result<T, StoreError>, instead: T) -> Result<T, StoreError> {
        match answer {
            Err(StoreError::Conflict(_)) if self.has(Bug::SwallowsConflicts) => Ok(instead),
            answer => answer,
        }
    }

    /// Where a read goes that does not go to the transaction itself.
    async fn elsewhere(&mut self) -> Result<Option<Box<dyn Transaction>>, StoreError> {
        let past = self.has(Bug::ReadsPastItsOwnWrites);
        let now = self.has(Bug::ReadsWhatIsCommittedNow) && !self.wrote_documents;
        Ok(if past || now { Some(self.store.inner.begin().await?) } else { None })
    }
}

impl Drop for BrokenTransaction {
    fn drop(&mut self) {
        if let Some(inner) = self.inner.take()
            && self.has(Bug::CommitsWhenDropped)
        {
            let _ = inner.commit().now_or_never();
        }
    }
}

#[async_trait]
impl DelegateTransaction for BrokenTransaction {
    fn inner(&mut self) -> &mut dyn Transaction {
        &mut **self.inner.as_mut().expect("used up by its commit only")
    }

    fn into_inner(mut self: Box<Self>) -> Box<dyn Transaction> {
        self.inner.take().expect("used up by its commit only")
    }

    fn after_commit(&mut self, work: AfterCommit) {
        if self.has(Bug::WorksBeforeItsCommit) {
            work();
        } else if !self.has(Bug::ForgetsWhatComesAfter) {
            self.inner().after_commit(work);
        }
    }

    async fn get(&mut self, collection: &str, id: &str) -> Result<Option<Document>, StoreError> {
        let mut found = match self.elsewhere().await? {
            Some(mut elsewhere) => elsewhere.get(collection, id).await?,
            None => self.inner().get(collection, id).await?,
        };
        if let Some(document) = &mut found
            && self.has(Bug::CountsVersionsFromZero)
        {
            document.version -= 1;
        }
        Ok(found)
    }

    async fn put(&mut self, collection: &str, id: &str, expected: Expected, body: Bytes) -> Result<u64, StoreError> {
        self.wrote_documents = true;
        let expected = match expected {
            Expected::Version(version) if self.has(Bug::CountsVersionsFromZero) => Expected::Version(version + 1),
            _ if self.has(Bug::IgnoresExpectations) => Expected::Any,
            expected => expected,
        };
        let from = u64::from(self.has(Bug::CountsVersionsFromZero));
        let answer = self.inner().put(collection, id, expected, body).await;
        self.swallow(answer, 1).map(|version| version - from)
    }

    async fn put_if(
        &mut self,
        collection: &str,
        id: &str,
        expected: Expected,
        body: Bytes,
    ) -> Result<Option<u64>, StoreError> {
        self.wrote_documents = true;
        let expected = if self.has(Bug::WritesUnderAnyCondition) { Expected::Any } else { expected };
        let answer = self.inner().put_if(collection, id, expected, body).await;
        self.swallow(answer, Some(1))
    }

    async fn delete(&mut self, collection: &str, id: &str, expected: Expected) -> Result<(), StoreError> {
        self.wrote_documents = true;
        if self.has(Bug::DeletesNothing) {
            return Ok(());
        }
        let answer = self.inner().delete(collection, id, expected).await;
        self.swallow(answer, ())
    }

    async fn delete_range(
        &mut self,
        collection: &str,
        range: &IdRange,
        limit: usize,
    ) -> Result<Vec<SmolStr>, StoreError> {
        self.wrote_documents = true;
        let limit = if self.has(Bug::DeletesWithoutLimit) { usize::MAX } else { limit };
        let answer = self.inner().delete_range(collection, range, limit).await;
        self.swallow(answer, Vec::new())
    }

    async fn scan_range(
        &mut self,
        collection: &str,
        range: &IdRange,
        limit: usize,
    ) -> Result<Vec<(SmolStr, Document)>, StoreError> {
        let all = IdRange::all().after(range.from());
        let range = if self.has(Bug::ReadsPastTheEndOfARange) { &all } else { range };
        self.inner().scan_range(collection, range, limit).await
    }

    async fn scan(
        &mut self,
        collection: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(SmolStr, Document)>, StoreError> {
        let mut found = match self.elsewhere().await? {
            Some(mut elsewhere) => elsewhere.scan(collection, after, limit).await?,
            None => self.inner().scan(collection, after, limit).await?,
        };
        if self.has(Bug::ScansBackwards) {
            found.reverse();
        }
        Ok(found)
    }

    async fn stage(&mut self, message: &Message) -> Result<(), StoreError> {
        self.store.notes().staged.push(message.id);
        if self.has(Bug::StagesAtOnce) {
            let mut own = self.store.inner.begin().await?;
            own.stage(message).await?;
            return own.commit().await;
        }
        let mut message = message.clone();
        match self.store.bug {
            Bug::PublishesAtOnce => message.schedule.not_before = None,
            Bug::KeepsMomentsInOrder if message.schedule.not_before.is_some() => {
                let key = message.partition_key.clone();
                self.store.notes().scheduled.push(key);
            }
            _ => {}
        }
        self.inner().stage(&message).await
    }

    async fn outbox_dispatched(&mut self, messages: &[MessageId]) -> Result<Vec<bool>, StoreError> {
        if self.has(Bug::MarksAtOnce) {
            let mut own = self.store.inner.begin().await?;
            let marked = own.outbox_dispatched(messages).await?;
            own.commit().await?;
            return Ok(marked);
        }
        self.inner().outbox_dispatched(messages).await
    }

    async fn outbox_attempt(&mut self, message: MessageId, begins: bool) -> Result<bool, StoreError> {
        match self.store.bug {
            Bug::CountsNoAttempts => Ok(true),
            Bug::TakesNoAttemptBack if !begins => Ok(true),
            _ => self.inner().outbox_attempt(message, begins).await,
        }
    }

    async fn outbox_settled_to(&mut self, when_dead: WhenDead) -> Result<u64, StoreError> {
        let position = self.inner().outbox_settled_to(when_dead).await?;
        Ok(position + u64::from(self.has(Bug::MovesThePositionAnyhow)))
    }

    async fn inbox_insert(&mut self, entry: &InboxEntry) -> Result<InboxInsert, StoreError> {
        let mut entry = entry.clone();
        match self.store.bug {
            Bug::HasNoWatermark => entry.sequence = 0,
            Bug::PlacesTheUnplaced if entry.sequence == 0 => entry.sequence = 9,
            Bug::IgnoresEpochs => entry.epoch = 0,
            Bug::MistakesConsumers => entry.consumer = "everybody".into(),
            Bug::CallsAWaitADuplicate => {
                let answer = self.inner().inbox_insert(&entry).now_or_never();
                return answer.unwrap_or(Ok(InboxInsert::Duplicate(Seen::Row)));
            }
            _ => {}
        }
        let found = self.inner().inbox_insert(&entry).await?;
        Ok(if self.has(Bug::TakesDuplicatesForFirst) { InboxInsert::First } else { found })
    }

    async fn inbox_failed(&mut self, entry: &InboxEntry, error: &str) -> Result<u32, StoreError> {
        if self.has(Bug::ForgetsFailures) {
            return Ok(1);
        }
        if self.has(Bug::KeepsFailuresOfEvents) && entry.sequence == 0 {
            // In a table of its own, which no purge knows.
            let consumer = smol_str::format_smolstr!("events of {}", entry.consumer);
            return self.inner().inbox_failed(&InboxEntry { consumer, ..entry.clone() }, error).await;
        }
        // No watermark applies to a message without a place.
        let sequence = if self.has(Bug::KeepsFailuresOfThePurged) { 0 } else { entry.sequence };
        self.inner().inbox_failed(&InboxEntry { sequence, ..entry.clone() }, error).await
    }

    async fn inbox_bury(&mut self, entry: &InboxEntry, message: &Message, reason: &str) -> Result<(), StoreError> {
        let mut message = message.clone();
        if self.has(Bug::BuriesWithoutPayload) {
            message.data = Bytes::new();
        }
        let answer = self.inner().inbox_bury(entry, &message, reason).await;
        self.swallow(answer, ())
    }

    async fn inbox_exhume(&mut self, entry: &InboxEntry) -> Result<bool, StoreError> {
        if self.has(Bug::KeepsExhumedLetters) {
            return self.store.inner.begin().await?.inbox_exhume(entry).await;
        }
        self.inner().inbox_exhume(entry).await
    }

    async fn saga_create(&mut self, saga: &NewSaga) -> Result<SagaCreate, StoreError> {
        let mut saga = saga.clone();
        if self.has(Bug::KeysSagasByVersion) {
            saga.key = format_smolstr!("{}@{}", saga.key, saga.definition.version);
        }
        if self.has(Bug::IgnoresSagaLeases) {
            saga.lease = Duration::ZERO;
        }
        self.store.notes().sagas.push(saga.id);
        self.inner().saga_create(&saga).await
    }

    async fn saga_signal(&mut self, signal: &SagaSignal) -> Result<Vec<SagaInstance>, StoreError> {
        match (self.store.bug, &signal.to) {
            (Bug::LosesSignals, SagaAddress::Id(saga)) => Ok(self.store.inner.saga(*saga).await?.into_iter().collect()),
            (Bug::SignalsWhatIsCommitted, SagaAddress::Id(saga)) if self.store.inner.saga(*saga).await?.is_none() => {
                Ok(Vec::new())
            }
            (Bug::SignalsByIdOnly, SagaAddress::Correlated { .. }) => Ok(Vec::new()),
            (Bug::SignalsTwice, _) => {
                self.inner().saga_signal(signal).await?;
                self.inner().saga_signal(signal).await
            }
            (Bug::HidesEndedSagas, _) => {
                let mut found = self.inner().saga_signal(signal).await?;
                found.retain(|saga| !saga.status.is_terminal());
                Ok(found)
            }
            _ => self.inner().saga_signal(signal).await,
        }
    }

    async fn saga_append(&mut self, append: &SagaAppend) -> Result<(), StoreError> {
        let mut append = append.clone();
        let stored = self.store.inner.saga(append.saga).await?;
        match (self.store.bug, stored) {
            (Bug::AppendsAtAnyLength, Some(stored)) => append.expected_length = stored.log_length,
            (Bug::AppendsUnderAnyEpoch, Some(stored)) => append.epoch = stored.epoch,
            (Bug::KeepsOldPins, _) => append.definition = None,
            (Bug::KeepsOldEntries, _) => append.forgets = false,
            (Bug::KeepsNoOutcome, _) => append.outcome = None,
            (Bug::KeepsNoKeys, _) => append.keys.clear(),
            (Bug::KeysForAnything, _) => {
                let of_any = |key: SagaKey| ["paid", "sent"].map(|name| SagaKey { name: name.into(), ..key.clone() });
                append.keys = std::mem::take(&mut append.keys).into_iter().flat_map(of_any).collect();
            }
            (Bug::WakesSleepers, _) => append.sleep = Duration::ZERO,
            (Bug::IgnoresSagaLeases, _) => append.lease = Duration::ZERO,
            (Bug::AppendsAgainstItsSnapshot, _) if self.store.notes().appends > self.appends_at_begin => {
                return Err(StoreError::Conflict("not as in the snapshot".into()));
            }
            _ => {}
        }
        self.appended = true;
        let answer = self.inner().saga_append(&append).await;
        self.swallow(answer, ())
    }

    async fn operation(&mut self, id: OperationId) -> Result<Option<OperationState>, StoreError> {
        let found = self.inner().operation(id).await?;
        Ok(match found {
            Some(OperationState::Executed(_)) if self.has(Bug::ForgetsAnswers) => {
                Some(OperationState::Executed(Bytes::new()))
            }
            _ if self.has(Bug::ForgetsOperations) => None,
            found => found,
        })
    }

    async fn put_operation(&mut self, record: &OperationRecord) -> Result<(), StoreError> {
        if self.has(Bug::ForgetsOperations) {
            return Ok(());
        }
        match self.inner().put_operation(record).await {
            Err(StoreError::Refused(_)) if self.has(Bug::OverwritesTombstones) => Ok(()),
            answer => self.swallow(answer, ()),
        }
    }

    async fn checkpoint(&mut self, consumer: &str) -> Result<Option<u64>, StoreError> {
        let found = match self.elsewhere().await? {
            Some(mut elsewhere) => elsewhere.checkpoint(consumer).await?,
            None => self.inner().checkpoint(consumer).await?,
        };
        self.store.notes().checkpoint_reads += 1;
        let old = self.has(Bug::ReadsOldCheckpoints) && self.store.notes().checkpoint_reads.is_multiple_of(5);
        Ok(found.map(|position| position - u64::from(old)))
    }

    async fn set_checkpoint(&mut self, consumer: &str, position: u64) -> Result<(), StoreError> {
        if self.has(Bug::ForgetsCheckpoints) {
            return Ok(());
        }
        if self.has(Bug::MovesCheckpointsAtOnce) {
            let mut at_once = self.store.inner.begin().await?;
            at_once.set_checkpoint(consumer, position).await?;
            return at_once.commit().await;
        }
        let answer = self.inner().set_checkpoint(consumer, position).await;
        self.swallow(answer, ())
    }

    async fn append_events(&mut self, append: &EventAppend) -> Result<Appended, StoreError> {
        let store = self.store.clone();
        let answer = store.append_events(self.inner(), append).await;
        self.swallow(answer, Appended { version: 0, positions: Vec::new() })
    }

    async fn read_stream(&mut self, stream: &str, after: u64, limit: usize) -> Result<Vec<RecordedEvent>, StoreError> {
        let mut found = match self.elsewhere().await? {
            Some(mut elsewhere) => elsewhere.read_stream(stream, after, limit).await?,
            None => self.inner().read_stream(stream, after, limit).await?,
        };
        self.store.show(&mut found);
        Ok(found)
    }

    async fn stream_snapshot(&mut self, stream: &str) -> Result<Option<StreamSnapshot>, StoreError> {
        let store = self.store.clone();
        store.stream_snapshot(self.inner(), stream).await
    }

    async fn put_stream_snapshot(&mut self, stream: &str, version: u64, state: Bytes) -> Result<bool, StoreError> {
        let store = self.store.clone();
        store.put_stream_snapshot(self.inner(), stream, version, state).await
    }

    async fn now(&mut self) -> Result<Timestamp, StoreError> {
        if self.has(Bug::ClockStands) { Ok(Timestamp::EPOCH) } else { self.inner().now().await }
    }

    async fn commit(mut self: Box<Self>) -> Result<(), StoreError> {
        let inner = self.inner.take().expect("used up by its commit only");
        let answer = inner.commit().await;
        if answer.is_ok() && self.appended {
            self.store.notes().appends += 1;
        }
        self.swallow(answer, ())
    }
}
