mod draft;
mod read;

use std::{
    sync::{
        Arc, Mutex as StdMutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use smol_str::SmolStr;
use tokio::sync::{Mutex, Notify, futures::Notified};

use super::{
    Passage, Record, Shape, State,
    correlation::KeysOf,
    next,
    passage::FirstNames,
    resources::{Owned, Resources},
    result::ResultOf,
};
use crate::{
    ids::SagaId,
    ports::{StoreError, Transaction},
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
    /// Its log holds what a newer release has written.
    Newer(String),
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

/// The end of a saga's log, as its owner knows it. Whoever writes holds it from the draft of an entry to the answer of
/// its commit, so that siblings write one after the other.
///
/// It is never held across a call that needs a connection of its own: such a call may wait for a transaction whose
/// owner waits for this.
pub(crate) struct Tail {
    /// Number of the first entry that is kept.
    first: u64,
    length: u64,
    /// Entries that go with the next write. They follow from the log, so a crash loses nothing with them.
    pending: Vec<Record>,
}

/// The log of a saga that this process owns: the only place where its entries are written.
///
/// After its own commit the owner moves its state on in memory; it reads the log again only when a write did not come
/// back as expected.
pub(crate) struct SagaLog {
    pub(crate) resources: Arc<Resources>,
    pub(crate) saga: SagaId,
    pub(crate) epoch: u64,
    passage: Option<Arc<Passage>>,
    /// Names by which participants know the steps.
    names: StdMutex<FirstNames>,
    /// Earlier owners went without a word: what runs first may have taken them with it.
    follows_a_crash: AtomicBool,
    /// Entries are to be written at once: answers to an operator's requests, or a word on a clock that was ahead.
    owes_entries: AtomicBool,
    shape: Arc<Shape>,
    /// Function that makes the saga's result, if it has one.
    result: Option<ResultOf>,
    /// Function that says by which keys messages find the saga, if they find it by any.
    keys: Option<KeysOf>,
    /// The fold of all that is written and of what is still pending.
    state: StdMutex<Arc<State>>,
    tail: Mutex<Tail>,
    /// Number of times in a row that the store has failed.
    failures: AtomicU32,
    /// Tells siblings that the saga turns, or will do so earlier, and that others have written to its log.
    moved: Notify,
}

impl SagaLog {
    /// Opens the log of an owned saga, reading it unless its state is known.
    pub(crate) async fn open(
        resources: Arc<Resources>,
        shape: Arc<Shape>,
        result: Option<ResultOf>,
        keys: Option<KeysOf>,
        owned: &mut Owned,
    ) -> Result<Self, Halt> {
        let known = owned.state.take();
        let is_known = known.is_some();
        let length = if is_known { owned.length } else { 0 };
        let log = Self {
            resources,
            saga: owned.saga,
            epoch: owned.epoch,
            passage: owned.passage.clone(),
            names: StdMutex::default(),
            follows_a_crash: AtomicBool::new(false),
            owes_entries: AtomicBool::new(false),
            state: StdMutex::new(Arc::new(known.unwrap_or_else(|| State::new(shape.clone())))),
            shape,
            result,
            keys,
            tail: Mutex::new(Tail { first: 1, length, pending: Vec::new() }),
            failures: AtomicU32::new(0),
            moved: Notify::new(),
        };
        if !is_known {
            let last_epoch = log.reload().await?;
            log.follows_a_crash.store(log.epoch > last_epoch + 1, Ordering::Relaxed);
        }
        Ok(log)
    }

    /// The state as it is now.
    pub(crate) fn state(&self) -> Arc<State> {
        self.shown().clone()
    }

    /// Returns the name by which participants know a step.
    pub(crate) fn first_name(&self, path: &SmolStr) -> SmolStr {
        self.names().of(path).clone()
    }

    fn names(&self) -> MutexGuard<'_, FirstNames> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns `true` until something has come to its end here, if earlier owners of the saga went without a word.
    pub(crate) fn follows_a_crash(&self) -> bool {
        self.follows_a_crash.load(Ordering::Relaxed)
    }

    /// Returns `true` while entries are to be written that nothing else waits for: see the field.
    pub(crate) fn owes_entries(&self) -> bool {
        self.owes_entries.load(Ordering::Relaxed)
    }

    /// Waits until the state moves in a way that concerns siblings.
    pub(crate) fn moved(&self) -> Notified<'_> {
        self.moved.notified()
    }

    fn shown(&self) -> MutexGuard<'_, Arc<State>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows the state after an entry of our own. Siblings are woken only where it concerns them, since each of them would
    /// look at it after each entry of each other.
    fn show(&self, state: State) {
        let state = Arc::new(state);
        let was = std::mem::replace(&mut *self.shown(), state.clone());
        if state.concerns_siblings(&was) {
            self.moved.notify_waiters();
        }
    }

    /// Shows the state as the log tells it: others have written.
    fn show_as_read(&self, state: State) {
        *self.shown() = Arc::new(state);
        self.moved.notify_waiters();
    }

    /// Moves on in memory; `record` is written with the next write.
    pub(crate) async fn defer(&self, record: Record) {
        let mut tail = self.tail.lock().await;
        // A sibling may have turned the saga meanwhile; then the record has lost its meaning.
        if let Ok(state) = next(State::clone(&self.state()), &record, self.resources.store_now()) {
            self.show(state);
            tail.pending.push(record);
        }
    }

    /// Writes a record in a transaction of its own.
    pub(crate) async fn write(&self, record: Option<Record>, keep: Keep) -> Result<Written, Halt> {
        match self.resources.store.begin().await {
            Ok(tx) => match self.commit(tx, record, keep).await? {
                Ok(written) => Ok(written),
                Err(conflict @ StoreError::Conflict(_)) => {
                    self.back_off(conflict).await?;
                    Ok(Written::LookAgain)
                }
                Err(refused) => Err(Halt::Interrupted(refused)),
            },
            Err(error) => self.fail(error).await,
        }
    }

    /// Commits a transaction together with a record. Where the record is the last that is needed, the end of the saga
    /// goes with it.
    ///
    /// The inner error is the transaction's own fault, not the log's: what the store refuses for good, and a conflict
    /// although the log stands where it stood.
    pub(crate) async fn commit(
        &self,
        mut tx: Box<dyn Transaction>,
        record: Option<Record>,
        keep: Keep,
    ) -> Result<Result<Written, StoreError>, Halt> {
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
                if draft.append.forgets {
                    tail.first = tail.length + 1;
                }
                tail.length += draft.append.records.len() as u64;
                tail.pending.clear();
                self.owes_entries.store(false, Ordering::Relaxed);
                self.failures.store(0, Ordering::Relaxed);
                if draft.ends_a_step
                    && let Some(wake) = self.resources.committed.get()
                {
                    wake.hint();
                }
                if draft.ends_something {
                    self.follows_a_crash.store(false, Ordering::Relaxed);
                }
                self.show(draft.state);
                if !draft.append.status.is_active() {
                    self.resources.watchers.tell(self.saga);
                }
                if let Some(reason) = draft.stuck {
                    let definition = &self.shape.definition.name;
                    tracing::warn!(saga = %self.saga, %definition, %reason, "the saga is stuck and waits for an operator");
                }
                Ok(Ok(Written::Yes))
            }
            Err(error @ StoreError::Refused(_)) => Ok(Err(error)),
            Err(error @ StoreError::Conflict(_)) => {
                drop(tail);
                let stands = self.resync(draft.append.expected_length).await?;
                Ok(if stands { Err(error) } else { Ok(Written::LookAgain) })
            }
            Err(error) => {
                drop(tail);
                self.fail(error).await.map(Ok)
            }
        }
    }
}
