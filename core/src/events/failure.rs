//! Failures of an event: each is counted, and the last one parks it.

use std::time::Duration;

use smol_str::SmolStr;
use tracing::{debug, warn};

use super::{
    Subscriber,
    place::{Held, Reading},
};
use crate::{
    inbox::{Failed, FailurePolicy, Judged, Limits, NO_END},
    ports::{RecordedEvent, StoreError, answered},
};

/// Next thing to do after a failure.
pub(super) enum After {
    /// The event is handled again after a wait.
    Again(Duration),
    /// The checkpoint has moved past it.
    Parked,
    /// The checkpoint was elsewhere.
    Elsewhere,
}

/// Outcome of counting a failure.
enum Counted {
    Failures(u32),
    Parked(u32),
    Elsewhere,
}

impl Subscriber {
    pub(super) fn limits(&self) -> Limits<'_> {
        let config = &*self.config;
        Limits {
            usual: FailurePolicy { max_failures: config.max_failures, backoff: config.backoff },
            kinds: &config.failures,
            max_postponed: config.max_postponed,
            store: FailurePolicy { max_failures: config.max_store_failures, backoff: config.store_backoff },
        }
    }

    /// Counts a failure of an event, in a transaction of its own since the handler's is gone, and parks the event at its last
    /// one.
    pub(super) async fn failed(
        &self,
        event: &RecordedEvent,
        from: u64,
        failed: Failed,
        reading: &mut Reading,
    ) -> Result<After, StoreError> {
        if let Failed::Store(error @ (StoreError::Conflict(_) | StoreError::Unknown(_))) = &failed
            && reading.retries < self.config.store_retries
        {
            debug!(subscriber = %self.name, event = %event.message.id, %error, "event is handled again");
            reading.retries += 1;
            return Ok(After::Again(Duration::ZERO));
        }
        reading.retries = 0;
        let Judged { why, policy, after } = self.limits().judge(failed)?;
        let counted = reading.counted.take();
        let failures = match counted {
            Some(failures) if failures < policy.max_failures => failures,
            _ => match self.count(event, from, &why, counted, policy.max_failures).await? {
                Counted::Failures(failures) => {
                    reading.failed = Some((event.position(), self.entry(&event.message)));
                    failures
                }
                Counted::Parked(failures) => {
                    self.tell_parked(event, failures, &why);
                    let id = event.message.id;
                    let parked = reading.parked.get_or_insert_default();
                    parked.insert(event.stream().clone(), Held { first: id, last: id, goes_on: false });
                    return Ok(After::Parked);
                }
                Counted::Elsewhere => return Ok(After::Elsewhere),
            },
        };
        warn!(
            subscriber = %self.name, event = %event.message.id, position = event.position(), failures, error = %why,
            "event failed and is handled again"
        );
        Ok(After::Again(after.unwrap_or_else(|| policy.backoff.delay(failures.saturating_sub(1), &*self.random))))
    }

    /// Counts a failure of the first event after a start before it is handled, since it may have ended the process before.
    /// Returns how many that makes; `None` if it was one too many, and the event is parked, or the checkpoint is elsewhere.
    pub(super) async fn begun(&self, event: &RecordedEvent, from: u64) -> Result<Option<u32>, StoreError> {
        let limit = self.config.failures_max().saturating_add(1);
        Ok(match self.count(event, from, NO_END, None, limit).await? {
            Counted::Failures(failures) => Some(failures),
            Counted::Parked(failures) => {
                self.tell_parked(event, failures, NO_END);
                None
            }
            Counted::Elsewhere => None,
        })
    }

    fn tell_parked(&self, event: &RecordedEvent, failures: u32, why: &str) {
        let (message, stream, position) = (event.message.id, event.stream(), event.position());
        warn!(
            subscriber = %self.name, %message, %stream, position, failures, error = %why,
            "event is parked: what comes behind it waits until it is redriven or discarded"
        );
    }

    /// Counts a failure, unless it was counted before, and parks the event if that is one too many: the checkpoint moves past
    /// it in the same transaction.
    async fn count(
        &self,
        event: &RecordedEvent,
        from: u64,
        why: &str,
        counted: Option<u32>,
        failures_max: u32,
    ) -> Result<Counted, StoreError> {
        let entry = self.entry(&event.message);
        let count = async {
            let mut tx = self.store.begin().await?;
            if tx.checkpoint(&self.name).await?.unwrap_or(0) != from {
                return Ok(Counted::Elsewhere);
            }
            let failures = match counted {
                Some(failures) => failures,
                None => tx.inbox_failed(&entry, why).await?,
            };
            let parks = failures >= failures_max;
            if parks {
                tx.inbox_bury(&entry, &event.message, &SmolStr::from(why)).await?;
                tx.set_checkpoint(&self.name, event.position()).await?;
            }
            tx.commit().await?;
            Ok(if parks { Counted::Parked(failures) } else { Counted::Failures(failures) })
        };
        answered(&*self.clock, self.config.store_limit, count).await
    }
}
