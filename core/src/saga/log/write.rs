//! Writes to the log: each is one draft, one commit, and the state after it.

use std::sync::atomic::Ordering;

use super::{Halt, Keep, SagaLog, Written};
use crate::{
    ports::{StoreError, Transaction},
    saga::{Record, State, next},
};

impl SagaLog<'_> {
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
        match self.begin().await {
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
        let call = self.calls.open();
        let outcome = match tx.saga_append(&draft.append).await {
            Ok(()) => tx.commit().await,
            Err(error) => {
                drop(tx);
                Err(error)
            }
        };
        drop(call);
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
                self.has_told(&draft.tells);
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
