//! Reads of the log: at first, after an operator's entry, and when a write did not come back as expected.

use std::{mem, sync::Arc};

use super::{Halt, SagaLog, Tail, Written};
use crate::{
    ports::{StoreError, Timestamp},
    saga::{Record, State, migration::Renames, next},
};

impl SagaLog {
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
    pub(super) async fn back_off(&self, error: StoreError) -> Result<(), Halt> {
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

    /// Folds all entries after the tail into it. Where the log ends with the note of a process that left the saga, the
    /// answer to it goes with the next write.
    pub(super) async fn read(&self, tail: &mut Tail) -> Result<(), Fault> {
        let page = self.resources.config.log_page.max(1);
        let mut is_left = false;
        loop {
            let entries = self.resources.store.saga_log(self.saga, tail.length, page).await?;
            let last = entries.len() < page;
            let mut state = State::clone(&tail.state);
            for entry in entries {
                let (after, record) = fold(state, &entry.record, entry.at, &self.renames)
                    .map_err(|reason| Fault::Halt(Halt::Incompatible(format!("entry {}: {reason}", entry.sequence))))?;
                state = after;
                is_left = matches!(record, Record::LeftToNewer { .. });
                tail.length = entry.sequence;
            }
            tail.state = Arc::new(state);
            if last {
                if is_left {
                    tail.pending.push(Record::TakenUp);
                }
                return Ok(());
            }
        }
    }
}

/// Moves a state on by one stored entry, and says which it was.
pub(crate) fn fold(state: State, stored: &[u8], at: Timestamp, renames: &Renames) -> Result<(State, Record), String> {
    let mut record = Record::decode(stored).map_err(|error| error.to_string())?;
    renames.apply(&mut record);
    let state = next(state, &record, at).map_err(|error| error.to_string())?;
    Ok((state, record))
}

pub(super) enum Fault {
    Store(StoreError),
    Halt(Halt),
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
