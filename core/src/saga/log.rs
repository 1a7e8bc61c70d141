use std::{mem, sync::Arc, time::Duration};

use tokio::sync::Mutex;

use super::{
    Next, Record, Shape, State, next, plan,
    registry::Renames,
    resources::{Owned, Resources},
};
use crate::{
    ids::SagaId,
    ports::{SagaAppend, StoreError, Timestamp, Transaction},
};

/// Why an executor leaves its saga alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Halt {
    /// Somebody else owns it now.
    Lost,
    /// It was given up until it is due.
    Sleeping,
    /// The store failed too often: recovery will go on.
    Interrupted(StoreError),
    /// What is stored can't be read.
    Incompatible(String),
}

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// It is in the log.
    Yes,
    /// It is not, or the log has moved: look at the state again.
    LookAgain,
}

/// Whether the owner keeps the saga after a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    Owned,
    /// Given up, for anyone to take over after this delay.
    Asleep(Duration),
}

/// The end of a saga's log, as its owner knows it.
pub(crate) struct Tail {
    /// The fold of all that is written and of what is still `pending`.
    pub(crate) state: Arc<State>,
    length: u64,
    /// Entries that go with the next write. They follow from the log, so a crash loses nothing with them.
    pending: Vec<Record>,
    /// How often in a row the store has failed.
    failures: u32,
}

/// The log of a saga that this process owns: the only place where its entries are written.
///
/// After its own commit the owner moves its state on in memory; it reads the log again only when a write did not come
/// back as expected.
pub(crate) struct SagaLog {
    pub(crate) resources: Arc<Resources>,
    pub(crate) saga: SagaId,
    pub(crate) epoch: u64,
    pub(crate) renames: Renames,
    shape: Arc<Shape>,
    tail: Mutex<Tail>,
}

impl SagaLog {
    /// Opens the log of an owned saga, reading it unless its state is known.
    pub(crate) async fn open(resources: Arc<Resources>, shape: Arc<Shape>, owned: &mut Owned) -> Result<Self, Halt> {
        let known = owned.state.take();
        let fresh = known.is_none();
        let length = if fresh { 0 } else { owned.length };
        let state = Arc::new(known.unwrap_or_else(|| State::new(shape.clone())));
        let tail = Tail { state, length, pending: Vec::new(), failures: 0 };
        let log = Self {
            resources,
            saga: owned.saga,
            epoch: owned.epoch,
            renames: owned.renames.clone(),
            shape,
            tail: Mutex::new(tail),
        };
        if fresh {
            loop {
                let read = log.read(&mut *log.tail.lock().await).await;
                match read {
                    Ok(()) => break,
                    Err(Fault::Store(error)) => log.back_off(error).await?,
                    Err(Fault::Halt(halt)) => return Err(halt),
                }
            }
        }
        Ok(log)
    }

    /// The state as it is now.
    pub(crate) async fn state(&self) -> Arc<State> {
        self.tail.lock().await.state.clone()
    }

    /// Moves on in memory; `record` is written with the next write.
    pub(crate) async fn defer(&self, record: Record) {
        let mut tail = self.tail.lock().await;
        // A sibling may have turned the saga meanwhile; then the record has lost its meaning.
        if let Ok(state) = next(State::clone(&tail.state), &record, self.resources.store_now()) {
            tail.state = Arc::new(state);
            tail.pending.push(record);
        }
    }

    /// Writes a record in a transaction of its own.
    pub(crate) async fn write(&self, record: Option<Record>, keep: Keep) -> Result<Written, Halt> {
        match self.resources.store.begin().await {
            Ok(tx) => match self.commit(tx, record, keep).await? {
                Ok(written) => Ok(written),
                Err(refused) => Err(Halt::Interrupted(refused)),
            },
            Err(error) => self.fail(error).await,
        }
    }

    /// Commits a transaction together with a record. Where the record is the last that is needed, the end of the saga
    /// goes with it.
    ///
    /// The inner error is what the store refuses for good: the transaction's own fault, not the log's.
    pub(crate) async fn commit(
        &self,
        mut tx: Box<dyn Transaction>,
        record: Option<Record>,
        keep: Keep,
    ) -> Result<Result<Written, StoreError>, Halt> {
        // Held until the commit is answered: siblings of a parallel group write one after the other.
        let mut tail = self.tail.lock().await;
        let Some(draft) = self.draft(&tail, record, keep) else { return Ok(Ok(Written::LookAgain)) };
        let outcome = match tx.saga_append(&draft.append).await {
            Ok(()) => tx.commit().await,
            Err(error) => {
                drop(tx);
                Err(error)
            }
        };
        match outcome {
            Ok(()) => {
                tail.length += draft.append.records.len() as u64;
                tail.state = Arc::new(draft.state);
                tail.pending.clear();
                tail.failures = 0;
                Ok(Ok(Written::Yes))
            }
            Err(error @ StoreError::Refused(_)) => Ok(Err(error)),
            Err(error) => {
                drop(tail);
                self.fail(error).await.map(Ok)
            }
        }
    }

    /// What to write, and the state after it; nothing if the state does not allow the record any more.
    fn draft(&self, tail: &Tail, record: Option<Record>, keep: Keep) -> Option<Draft> {
        let now = self.resources.store_now();
        let mut state = State::clone(&tail.state);
        let mut records: Vec<_> = tail.pending.iter().map(Record::encode).collect();
        if let Some(record) = record {
            state = next(state, &record, now).ok()?;
            records.push(record.encode());
            let end = match plan(&state, now) {
                Next::Complete => Some(Record::Completed),
                Next::FinishCompensation => Some(Record::RolledBack),
                Next::GiveUp(reason) => Some(Record::Stuck { reason }),
                _ => None,
            };
            if let Some(end) = end {
                records.push(end.encode());
                state = next(state, &end, now).ok()?;
            }
        }
        let status = state.life.status();
        let (lease, sleep) = match keep {
            _ if !status.is_active() => (Duration::ZERO, Duration::ZERO),
            Keep::Owned => (self.resources.config.lease, Duration::ZERO),
            Keep::Asleep(delay) => (Duration::ZERO, delay),
        };
        let append = SagaAppend {
            saga: self.saga,
            epoch: self.epoch,
            expected_length: tail.length,
            records,
            status,
            lease,
            sleep,
        };
        Some(Draft { state, append })
    }

    /// Finds out where the log stands after the store has failed, and waits a little if it fails on.
    pub(crate) async fn fail(&self, error: StoreError) -> Result<Written, Halt> {
        let mut doubt = !matches!(error, StoreError::Unavailable(_));
        self.back_off(error).await?;
        while doubt {
            let mut tail = self.tail.lock().await;
            match self.resync(&mut tail).await {
                Ok(()) => doubt = false,
                Err(Fault::Halt(halt)) => return Err(halt),
                Err(Fault::Store(error)) => {
                    drop(tail);
                    self.back_off(error).await?;
                }
            }
        }
        Ok(Written::LookAgain)
    }

    /// Counts a failure of the store, and waits before the next try. The first conflict costs no wait: fresh state is
    /// all that it needs.
    async fn back_off(&self, error: StoreError) -> Result<(), Halt> {
        let failures = {
            let mut tail = self.tail.lock().await;
            tail.failures += 1;
            tail.failures
        };
        if failures > self.resources.config.store_failures_max || !error.is_retryable() {
            tracing::warn!(saga = %self.saga, %error, "the store keeps failing: leaving the saga to recovery");
            return Err(Halt::Interrupted(error));
        }
        if failures > 1 || !matches!(error, StoreError::Conflict(_)) {
            self.resources.clock.sleep(self.resources.store_delay(failures - 1)).await;
        }
        Ok(())
    }

    /// Reads what was written since: by an unknown commit of our own, or by an operator.
    async fn resync(&self, tail: &mut Tail) -> Result<(), Fault> {
        let instance = self.resources.store.saga(self.saga).await?;
        let Some(instance) = instance.filter(|instance| instance.epoch == self.epoch) else {
            return Err(Fault::Halt(Halt::Lost));
        };
        if instance.log_length == tail.length {
            return Ok(());
        }
        if !mem::take(&mut tail.pending).is_empty() {
            // The state runs ahead of the log: start from the beginning.
            tail.state = Arc::new(State::new(self.shape.clone()));
            tail.length = 0;
        }
        self.read(tail).await
    }

    /// Forgets what is known and reads the whole log: moments as the store has them, not as they were guessed.
    pub(crate) async fn reload(&self) -> Result<(), Halt> {
        loop {
            let read = {
                let mut tail = self.tail.lock().await;
                let mut whole = Tail {
                    state: Arc::new(State::new(self.shape.clone())),
                    length: 0,
                    pending: Vec::new(),
                    failures: tail.failures,
                };
                let read = self.read(&mut whole).await;
                if read.is_ok() {
                    *tail = whole;
                }
                read
            };
            match read {
                Ok(()) => return Ok(()),
                Err(Fault::Halt(halt)) => return Err(halt),
                Err(Fault::Store(error)) => self.back_off(error).await?,
            }
        }
    }

    /// Folds all entries after the tail into it.
    async fn read(&self, tail: &mut Tail) -> Result<(), Fault> {
        let page = self.resources.config.log_page.max(1);
        loop {
            let entries = self.resources.store.saga_log(self.saga, tail.length, page).await?;
            let last = entries.len() < page;
            let mut state = State::clone(&tail.state);
            for entry in entries {
                state = fold(state, &entry.record, entry.at, &self.renames)
                    .map_err(|reason| Fault::Halt(Halt::Incompatible(format!("entry {}: {reason}", entry.sequence))))?;
                tail.length = entry.sequence;
            }
            tail.state = Arc::new(state);
            if last {
                return Ok(());
            }
        }
    }
}

/// Moves a state on by one stored entry.
pub(crate) fn fold(state: State, stored: &[u8], at: Timestamp, renames: &Renames) -> Result<State, String> {
    let mut record = Record::decode(stored)?;
    renames.apply(&mut record);
    next(state, &record, at).map_err(|error| error.to_string())
}

struct Draft {
    state: State,
    append: SagaAppend,
}

enum Fault {
    Store(StoreError),
    Halt(Halt),
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
