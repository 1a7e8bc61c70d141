//! Reads of the log: at first, after an operator's entry, and when a write did not come back as expected. None of them
//! holds the log's tail.

use std::{sync::atomic::Ordering, time::Duration};

use super::{Halt, SagaLog, Tail, Written};
use crate::{
    ports::{LogEntry, SteadyTime, StoreError},
    saga::{
        Record, State,
        answers::answers,
        next,
        record::micros,
        unfold::{Unfolded, Unreadable, unfold},
    },
};

impl SagaLog<'_> {
    /// Finds out where the log stands after the store has failed, and waits a little if it fails on.
    pub(crate) async fn fail(&self, error: StoreError) -> Result<Written, Halt> {
        let doubt = !matches!(error, StoreError::Unavailable(_));
        self.back_off(error).await?;
        if doubt {
            let length = self.tail.lock().await.length;
            self.resync(length).await?;
        }
        Ok(Written::LookAgain)
    }

    /// Looks who owns the saga and where its log stands, after a conflict or a failure that a step's own statements met,
    /// for the `times`th time in this attempt.
    pub(crate) async fn stumble(&self, error: &StoreError, times: u32) -> Result<(), Halt> {
        // The first conflict costs no wait: fresh state is all that it needs.
        if times > 1 || !matches!(error, StoreError::Conflict(_)) {
            self.resources.clock.sleep(self.resources.store_delay(times - 1)).await;
        }
        let length = self.tail.lock().await.length;
        self.resync(length).await.map(drop)
    }

    /// Counts a failure of the store, and waits before the next try.
    pub(super) async fn back_off(&self, error: StoreError) -> Result<(), Halt> {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed) + 1;
        if failures > self.resources.config.store_failures_max || !error.is_retryable() {
            tracing::warn!(saga = %self.saga, %error, "the store keeps failing: leaving the saga to recovery");
            return Err(Halt::Interrupted(error));
        }
        if failures > 1 || !matches!(error, StoreError::Conflict(_)) {
            self.resources.clock.sleep(self.resources.store_delay(failures - 1)).await;
        }
        Ok(())
    }

    /// Reads what was written since: by an unknown commit of our own, by a sibling, or by an operator. Returns `true` if
    /// the log still ends where `expected` says.
    pub(super) async fn resync(&self, expected: u64) -> Result<bool, Halt> {
        loop {
            match self.try_resync().await {
                Ok(Some(length)) => return Ok(length == expected),
                Ok(None) => {}
                Err(Fault::Halt(halt)) => return Err(halt),
                Err(Fault::Store(error)) => self.back_off(error).await?,
            }
        }
    }

    /// Returns the length of the log, which is known now; nothing if a sibling has written meanwhile.
    async fn try_resync(&self) -> Result<Option<u64>, Fault> {
        let (length, runs_ahead) = {
            let tail = self.tail.lock().await;
            (tail.length, !tail.pending.is_empty())
        };
        let call = self.calls.open();
        let instance = self.resources.store.saga(self.saga).await?;
        drop(call);
        let Some(instance) = instance.filter(|instance| instance.epoch == self.epoch) else {
            return Err(Fault::Halt(Halt::Lost));
        };
        if instance.log_length == length {
            return Ok(Some(length));
        }
        let unfolded = self.read().await?;
        let mut tail = self.tail.lock().await;
        if tail.length != length || (!tail.pending.is_empty() && !runs_ahead) {
            return Ok(None);
        }
        Ok(Some(self.take(&mut tail, unfolded)))
    }

    /// Forgets what is known and reads the whole log: moments as the store has them, not as they were guessed. Returns
    /// the epoch of the last entry's writer.
    pub(crate) async fn reload(&self) -> Result<u64, Halt> {
        loop {
            let length = self.tail.lock().await.length;
            match self.read().await {
                Ok(unfolded) => {
                    let mut tail = self.tail.lock().await;
                    if tail.length == length {
                        let epoch = unfolded.epoch;
                        self.take(&mut tail, unfolded);
                        return Ok(epoch);
                    }
                }
                Err(Fault::Halt(halt)) => return Err(halt),
                Err(Fault::Store(error)) => self.back_off(error).await?,
            }
        }
    }

    /// Takes the log as it was read. A passage that it does not tell of yet, and the answer to a process that left the
    /// saga, go with the next write.
    fn take(&self, tail: &mut Tail, unfolded: Unfolded) -> u64 {
        let Unfolded { mut state, names, first, length, is_left, has_passed, ahead_by, .. } = unfolded;
        (tail.first, tail.length) = (first, length);
        tail.pending.clear();
        if let Some(passage) = self.passage.as_deref().filter(|_| !has_passed) {
            let keys = self.keys_of_waits(&state);
            let record = Record::Migrated { passage: passage.clone(), keys };
            if let Ok(passed) = next(state.clone(), &record, self.resources.store_now()) {
                state = passed;
            }
            tail.pending.push(record);
        }
        if let Some(ahead_by) = ahead_by {
            tracing::warn!(
                saga = %self.saga,
                ?ahead_by,
                "the saga's log was written by a clock that was ahead by more than a day: its timers and deadlines go on from now"
            );
            tail.pending.push(Record::ClockSetBack { ahead_by_us: micros(ahead_by) });
            self.owes_entries.store(true, Ordering::Relaxed);
        }
        if is_left {
            tail.pending.push(Record::TakenUp);
        }
        *self.names() = names;
        let state = if state.requests.is_empty() { state } else { self.answer(tail, state) };
        self.show_as_read(state);
        length
    }

    /// Answers what an operator asks for. The answers go with the next write, which comes at once.
    fn answer(&self, tail: &mut Tail, state: State) -> State {
        let (state, answers) = answers(state, self.saga, self.resources.store_now());
        tail.pending.extend(answers);
        self.owes_entries.store(true, Ordering::Relaxed);
        state
    }

    async fn read(&self) -> Result<Unfolded, Fault> {
        let page = self.resources.config.log_page.max(1);
        let mut log = Vec::new();
        loop {
            let after = log.last().map_or(0, |entry: &LogEntry| entry.sequence);
            let call = self.calls.open();
            let entries = self.resources.store.saga_log(self.saga, after, page).await?;
            drop(call);
            let is_last = entries.len() < page;
            log.extend(entries);
            if is_last {
                break;
            }
        }
        let unfolded = self.unfold(&log, None)?;
        if unfolded.newest.since(self.resources.store_now()) <= SteadyTime::BEHIND_MAX {
            return Ok(unfolded);
        }
        // By our guess it is from another time; ours may have stepped back meanwhile.
        self.resources.read_store_clock().await?;
        let ahead_by = unfolded.newest.since(self.resources.store_now());
        if ahead_by <= SteadyTime::BEHIND_MAX {
            return Ok(unfolded);
        }
        self.unfold(&log, Some(ahead_by))
    }

    fn unfold(&self, log: &[LogEntry], ahead_by: Option<Duration>) -> Result<Unfolded, Fault> {
        unfold(&self.shape, log, self.passage.as_deref(), ahead_by).map_err(|unreadable| {
            Fault::Halt(match unreadable {
                Unreadable::Newer(reason) => Halt::Newer(reason),
                Unreadable::Damaged(reason) => Halt::Incompatible(reason),
            })
        })
    }
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
