//! Failures of a message: each is counted, and the last one buries it.

use std::{collections::BTreeMap, time::Duration};

use smol_str::{SmolStr, ToSmolStr as _};
use tracing::{debug, error, warn};

use super::{
    Consumer, FailurePolicy,
    attempt::{Again, Failed, say_seen},
    batch::DeliveryOutcome,
};
use crate::{
    cut::cut,
    message::Message,
    ports::{Delivery, InboxEntry, InboxInsert, Seen, StoreError, answered},
};

/// Reason of a failure that was counted before anything could fail.
pub(crate) const NO_END: &str =
    "its handling comes to no end: it may have ended its process each time, or outlasted its delivery";

/// Limits by which failures are judged.
pub(crate) struct Limits<'a> {
    pub(crate) usual: FailurePolicy,
    pub(crate) kinds: &'a BTreeMap<SmolStr, FailurePolicy>,
    pub(crate) max_postponed: u32,
    pub(crate) store: FailurePolicy,
}

/// Meaning of a failure for its message.
pub(crate) struct Judged {
    pub(crate) why: SmolStr,
    pub(crate) policy: FailurePolicy,
    /// Delay that the handler has asked for, if it has.
    pub(crate) after: Option<Duration>,
}

impl Limits<'_> {
    /// Judges a failure. One of a store that can't be reached says nothing about the message, and is given back as its error.
    pub(crate) fn judge(&self, failed: Failed) -> Result<Judged, StoreError> {
        let usual = self.usual;
        let (why, policy, after) = match failed {
            Failed::Own { why, again } => match again {
                Again::Usual => (why, usual, None),
                Again::Kind(kind) => (why, self.kinds.get(kind).copied().unwrap_or(usual), None),
                Again::After(delay) => (why, FailurePolicy { max_failures: self.max_postponed, ..usual }, Some(delay)),
                Again::Never => (why, FailurePolicy { max_failures: 0, ..usual }, None),
            },
            Failed::Store(error) | Failed::Unanswered(error) => (error.to_smolstr(), self.store, None),
            Failed::Unreachable(why) => return Err(StoreError::Unavailable(why)),
        };
        Ok(Judged { why: cut(why), policy, after })
    }
}

impl Consumer {
    /// Counts a failure, in a transaction of its own since the handler's is gone, and buries the message at its last one.
    ///
    /// What the store fails with may be its own fault, so it takes more of that; but a store that can count has not failed
    /// for everybody, so it counts. `counted`: this failure was counted before it came, as that many.
    pub(super) async fn failed(
        &self,
        entry: &InboxEntry,
        delivery: &Delivery,
        failed: Failed,
        counted: Option<u32>,
    ) -> DeliveryOutcome {
        let config = &*self.config;
        let limits = Limits {
            usual: FailurePolicy { max_failures: config.max_failures, backoff: config.backoff },
            kinds: &config.failures,
            max_postponed: config.max_postponed,
            store: FailurePolicy { max_failures: config.max_store_failures, backoff: config.store_backoff },
        };
        let Ok(Judged { why, policy, after }) = limits.judge(failed) else { return DeliveryOutcome::StoreDown };
        let FailurePolicy { max_failures: failures_max, backoff } = policy;
        let settled = match counted {
            Some(failures) if failures < failures_max => Ok((failures, false)),
            _ => self.count(entry, &delivery.message, &why, counted, failures_max).await,
        };
        match settled {
            Ok((failures, true)) => {
                let message = &delivery.message.id;
                warn!(consumer = %self.name, %message, failures, error = %why, "message is a dead letter");
                DeliveryOutcome::Done
            }
            Ok((failures, false)) => {
                warn!(failures, error = %why, "message failed and comes again");
                DeliveryOutcome::Later(
                    after.unwrap_or_else(|| backoff.delay(failures.saturating_sub(1), &*self.random)),
                )
            }
            Err(error) => self.uncounted(delivery, error, &why),
        }
    }

    /// Drops a message that has expired, or keeps it as a dead letter where that is asked for.
    pub(super) async fn expired(&self, entry: &InboxEntry, delivery: &Delivery) -> DeliveryOutcome {
        if !self.config.bury_expired {
            warn!("message has expired and is dropped");
            return DeliveryOutcome::Done;
        }
        match self.seen(entry).await {
            Ok(None) => {
                let failed = Failed::Own { why: SmolStr::new_static("expired"), again: Again::Never };
                self.failed(entry, delivery, failed, None).await
            }
            Ok(Some(seen)) => {
                say_seen(entry, seen);
                DeliveryOutcome::Done
            }
            Err(error) => self.uncounted(delivery, error, "expired"),
        }
    }

    /// Returns how it is known that a message was handled or given up, if it was.
    async fn seen(&self, entry: &InboxEntry) -> Result<Option<Seen>, StoreError> {
        let look = async {
            let mut tx = self.store.begin().await?;
            // Nothing is kept of the row that this may insert.
            Ok(match tx.inbox_insert(entry).await? {
                InboxInsert::First => None,
                InboxInsert::Duplicate(seen) => Some(seen),
            })
        };
        answered(&*self.clock, self.config.store_limit, look).await
    }

    /// Counts a failure before the handling of a message that has come to no end so often that it may end its process. How
    /// many failures that makes; or what to do instead, which is to bury it if it is one too many.
    pub(super) async fn begun(&self, entry: &InboxEntry, delivery: &Delivery) -> Result<u32, DeliveryOutcome> {
        let limit = self.config.failures_max().saturating_add(1);
        match self.count(entry, &delivery.message, NO_END, None, limit).await {
            Ok((failures, true)) => {
                let message = &delivery.message.id;
                warn!(consumer = %self.name, %message, failures, error = NO_END, "message is a dead letter");
                Err(DeliveryOutcome::Done)
            }
            Ok((failures, false)) => Ok(failures),
            Err(error) => Err(self.uncounted(delivery, error, NO_END)),
        }
    }

    fn uncounted(&self, delivery: &Delivery, error: StoreError, why: &str) -> DeliveryOutcome {
        DeliveryOutcome::Later(match error {
            StoreError::Unavailable(_) => return DeliveryOutcome::StoreDown,
            error @ StoreError::Refused(_) => {
                error!(%error, failed = %why, "the store refuses to count the failure: the message comes again");
                self.config.store_backoff.delay(delivery.redeliveries, &*self.random)
            }
            // Handled elsewhere meanwhile, or counted or not: the next delivery finds out.
            error => {
                debug!(%error, "the failure could not be counted");
                self.config.store_backoff.delay(0, &*self.random)
            }
        })
    }

    /// Counts a failure, unless it was counted before; returns the number of failures so far, and `true` if the message
    /// was buried.
    async fn count(
        &self,
        entry: &InboxEntry,
        message: &Message,
        why: &str,
        counted: Option<u32>,
        failures_max: u32,
    ) -> Result<(u32, bool), StoreError> {
        let count = async {
            let mut tx = self.store.begin().await?;
            let failures = match counted {
                Some(failures) => failures,
                None => tx.inbox_failed(entry, why).await?,
            };
            let bury = failures >= failures_max;
            if bury {
                tx.inbox_bury(entry, message, why).await?;
            }
            tx.commit().await?;
            Ok((failures, bury))
        };
        answered(&*self.clock, self.config.store_limit, count).await
    }
}
