mod read;

use std::{sync::Arc, time::Duration};

use tokio::sync::Mutex;

use read::Fault;
pub(crate) use read::fold;

use super::{
    Next, Record, Shape, State,
    migration::Renames,
    next, plan,
    resources::{Owned, Resources},
};
use crate::{
    cut::cut,
    ids::SagaId,
    ports::{SagaAppend, StoreError, Transaction},
};

/// Reason for an executor to leave its saga alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Halt {
    /// Somebody else owns it now.
    Lost,
    /// It was given up until it is due.
    Sleeping,
    /// The store failed too often: recovery will go on.
    Interrupted(StoreError),
    /// The stored saga can't be read.
    Incompatible(String),
}

/// Result of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// It is in the log.
    Yes,
    /// It is not, or the log has moved: look at the state again.
    LookAgain,
}

/// Ownership of the saga after a write.
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
    /// Number of times in a row that the store has failed.
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

    /// Returns the entry to write, and the state after it; nothing if the state does not allow the record any more.
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
                Next::GiveUp(reason) => Some(Record::Stuck { reason: cut(reason) }),
                _ => None,
            };
            if let Some(end) = end {
                records.push(end.encode());
                state = next(state, &end, now).ok()?;
            }
        }
        let status = state.status.stored();
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
}

struct Draft {
    state: State,
    append: SagaAppend,
}
