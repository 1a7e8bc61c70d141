mod draft;
mod keys;
mod read;
mod write;

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
    correlation::KeyOf,
    passage::FirstNames,
    resources::{Owned, Resources},
    result::ResultOf,
    store_calls::StoreCalls,
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
pub(crate) struct SagaLog<'a> {
    pub(crate) resources: Arc<Resources>,
    /// Its open calls of the store.
    calls: &'a StoreCalls,
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
    /// Function that says by which keys messages find its steps, if they find any by one.
    key: Option<KeyOf>,
    /// Steps with keys of which this owner has told the store nothing yet.
    untold: StdMutex<Vec<usize>>,
    /// The fold of all that is written and of what is still pending.
    state: StdMutex<Arc<State>>,
    tail: Mutex<Tail>,
    /// Number of times in a row that the store has failed.
    failures: AtomicU32,
    /// Tells siblings that the saga turns, or will do so earlier, and that others have written to its log.
    moved: Notify,
}

impl<'a> SagaLog<'a> {
    /// Opens the log of an owned saga, reading it unless its state is known.
    pub(crate) async fn open(
        (resources, calls): (Arc<Resources>, &'a StoreCalls),
        shape: Arc<Shape>,
        result: Option<ResultOf>,
        key: Option<KeyOf>,
        owned: &mut Owned,
    ) -> Result<Self, Halt> {
        let known = owned.state.take();
        let is_known = known.is_some();
        let length = if is_known { owned.length } else { 0 };
        let log = Self {
            resources,
            calls,
            saga: owned.saga,
            epoch: owned.epoch,
            passage: owned.passage.clone(),
            names: StdMutex::default(),
            follows_a_crash: AtomicBool::new(false),
            owes_entries: AtomicBool::new(false),
            state: StdMutex::new(Arc::new(known.unwrap_or_else(|| State::new(shape.clone())))),
            untold: StdMutex::new(if key.is_some() { shape.keyed_steps().to_vec() } else { Vec::new() }),
            shape,
            result,
            key,
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

    /// Begins a transaction.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn begin(&self) -> Result<Box<dyn Transaction>, StoreError> {
        let _call = self.calls.open();
        self.resources.store.begin().await
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
}
