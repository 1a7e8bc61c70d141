use std::{sync::Arc, time::Duration};

use smol_str::SmolStr;
use tracing::{Instrument, debug_span};

use crate::{
    ports::{Clock, InboxPurgeRequest, Part, Ports, Store, StoreError},
    settings::{Checks, InvalidSetting},
    stop::Stop,
    sweep::{Around, BATCH_LIMIT, Turns, in_batches, tell},
};

/// Duration for which watermarks and counts of failures are kept, unless somebody says otherwise: beyond what anybody replays by
/// hand.
const KEEP_WATERMARKS: Duration = Duration::from_secs(30 * 24 * 3_600);

/// A retention that forgets a message while the broker may still deliver it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{what} are kept for {keep:?}, but the broker may deliver a message again for {redelivery_window:?}: keep them longer"
)]
pub struct RetentionError {
    /// Name of that which was to be kept: inbox rows, watermarks, or counts of failures.
    pub what: &'static str,
    /// Duration for which they were to be kept.
    pub keep: Duration,
    /// Duration in which the broker may deliver a message again.
    pub redelivery_window: Duration,
}

/// Deletes rows of messages that were handled long ago, in bounded batches, beside running consumers. Dead letters stay.
///
/// The store raises the watermark of each source and key past what it deletes, so that even a later duplicate is noticed:
/// for as long as [watermarks are kept](Self::keep_watermarks), since there is one for each key that ever was.
///
/// A message that failed and never came again, because the broker has dropped it or its topic is gone, leaves a count of its
/// failures. That goes once it is [old enough](Self::keep_failures); the count of a message that is still tried is as young as its
/// last failure.
///
/// [Subscribers](crate::events::Subscriber) count failures in the same way, and are swept by their names as consumers are.
///
/// ```
/// use std::time::Duration;
/// use seaworthy_core::inbox::InboxRetention;
///
/// let (day, hour) = (Duration::from_secs(24 * 3_600), Duration::from_secs(3_600));
/// assert!(InboxRetention::new(day, hour).is_ok());
/// assert!(InboxRetention::new(hour, day).is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InboxRetention {
    keep: Duration,
    keep_watermarks: Duration,
    keep_failures: Duration,
    redelivery_window: Duration,
    batch: usize,
    every: Duration,
    batch_limit: Duration,
}

impl InboxRetention {
    /// Keeps rows for `keep`, by the store's clock. `redelivery_window` is the longest time after a message was first
    /// handled, or failed last, in which the broker may deliver it again, dead-letter replays of its own included.
    ///
    /// A sweep deletes 1,000 rows in one transaction, and there is one each minute. Watermarks are kept for 30 days after
    /// they were raised last, counts of failures for 30 days after the last one, or both as long as rows where that is longer.
    ///
    /// # Errors
    /// [`RetentionError`] unless rows are kept for longer than that.
    pub fn new(keep: Duration, redelivery_window: Duration) -> Result<Self, RetentionError> {
        if keep <= redelivery_window {
            return Err(RetentionError { what: "inbox rows", keep, redelivery_window });
        }
        let every = Duration::from_secs(60);
        Ok(Self {
            keep,
            keep_watermarks: keep.max(KEEP_WATERMARKS),
            keep_failures: keep.max(KEEP_WATERMARKS),
            redelivery_window,
            batch: 1_000,
            every,
            batch_limit: BATCH_LIMIT,
        })
    }

    /// Keeps the watermark of a source and key for `keep` after rows of it were deleted last, by the store's clock. A message
    /// that comes again later than that is handled a second time.
    ///
    /// # Errors
    /// [`RetentionError`] unless that is longer than the redelivery window.
    pub fn keep_watermarks(mut self, keep: Duration) -> Result<Self, RetentionError> {
        let redelivery_window = self.redelivery_window;
        if keep <= redelivery_window {
            return Err(RetentionError { what: "watermarks", keep, redelivery_window });
        }
        self.keep_watermarks = keep;
        Ok(self)
    }

    /// Keeps the count of a message's failures for `keep` after the last one, by the store's clock, unless the message comes to an
    /// end before. A message that comes again later than that is a first one; or a duplicate, for all that is known, where a later
    /// message of its key was handled, so that it is lost: with a line at `WARN`.
    ///
    /// # Errors
    /// [`RetentionError`] unless that is longer than the redelivery window.
    pub fn keep_failures(mut self, keep: Duration) -> Result<Self, RetentionError> {
        let redelivery_window = self.redelivery_window;
        if keep <= redelivery_window {
            return Err(RetentionError { what: "counts of failures", keep, redelivery_window });
        }
        self.keep_failures = keep;
        Ok(self)
    }

    /// Sets the number of rows, of watermarks and of counts of failures, that a transaction deletes.
    pub fn batch(mut self, batch: usize) -> Self {
        self.batch = batch;
        self
    }

    /// Waits `every` between two sweeps.
    pub fn every(mut self, every: Duration) -> Self {
        self.every = every;
        self
    }

    /// Sets the time that the store has for one batch in a loop: then the sweep goes on at its next turn.
    pub fn batch_limit(mut self, batch_limit: Duration) -> Self {
        self.batch_limit = batch_limit;
        self
    }

    /// Checks that these settings can work. [`run`](Self::run) asks when it begins.
    ///
    /// # Errors
    /// The first [`InvalidSetting`], which says what to change.
    pub fn check(&self) -> Result<(), InvalidSetting> {
        let checks = Checks::new("InboxRetention");
        checks.positive("batch", self.batch, "a sweep that deletes nothing lets the table grow for ever")?;
        checks.lasting("every", self.every, "sweeps without a pause never rest")?;
        checks.lasting("batch_limit", self.batch_limit, "no batch would ever be done in time")
    }

    /// Sweeps the rows of these consumers, and of [subscribers](crate::events::Subscriber) by their names, until a stop is asked for. An error of the store ends a sweep, not the loop; that
    /// it has no [inbox](Part::Inbox), or a setting that can't work, ends both, with an error in the log
    /// and to the process.
    pub async fn run(self, consumers: Vec<SmolStr>, ports: Ports) {
        self.run_around(consumers, ports.into()).await;
    }

    /// Sweeps as [`run`](Self::run) does, outside a process: nobody hears but by the log where it ends at once.
    pub async fn run_from_parts(
        self,
        consumers: Vec<SmolStr>,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        stop: Stop,
    ) {
        self.run_around(consumers, Around::from_parts(store, clock, stop)).await;
    }

    async fn run_around(self, consumers: Vec<SmolStr>, around: Around) {
        if !around.can_sweep("inbox", self.check(), Part::Inbox) {
            return;
        }
        let sweep = || async {
            for consumer in &consumers {
                let turns = around.turns(self.batch_limit);
                let swept = self.swept(consumer, &*around.store, &around.stop, turns).await;
                tell(&format!("inbox of {consumer}"), swept);
            }
        };
        around.until_stop(self.every, sweep).await;
    }

    /// Deletes all rows and watermarks of a consumer that are old enough, batch by batch, and returns how many. A stop ends it
    /// between two batches.
    ///
    /// # Errors
    /// Any [`StoreError`]; what earlier batches deleted stays deleted.
    pub async fn sweep(&self, consumer: &str, store: &dyn Store, stop: &Stop) -> Result<u64, StoreError> {
        self.swept(consumer, store, stop, None).await
    }

    async fn swept(
        &self,
        consumer: &str,
        store: &dyn Store,
        stop: &Stop,
        turns: Option<Turns<'_>>,
    ) -> Result<u64, StoreError> {
        let sweep = in_batches(self.batch, stop, turns, |limit| async move {
            let rows = InboxPurgeRequest::new(self.keep, limit);
            let request = rows.watermarks_older_than(self.keep_watermarks).failures_older_than(self.keep_failures);
            store.purge_inbox(consumer, &request).await
        });
        sweep.instrument(debug_span!("inbox.retention", consumer)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retention_no_longer_than_the_redelivery_window_is_refused() {
        let window = Duration::from_secs(3_600);
        let error = |what, keep| RetentionError { what, keep, redelivery_window: window };
        let refused = |keep| InboxRetention::new(keep, window) == Err(error("inbox rows", keep));
        assert!(refused(Duration::ZERO));
        assert!(refused(window));
        let longer = window + Duration::from_nanos(1);
        let retention = InboxRetention::new(longer, window).unwrap();
        assert_eq!(retention.keep_watermarks(window), Err(error("watermarks", window)));
        assert!(retention.keep_watermarks(longer).is_ok());
        assert_eq!(retention.keep_failures(window), Err(error("counts of failures", window)));
        assert!(retention.keep_failures(longer).is_ok());
    }
}
