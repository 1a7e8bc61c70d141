use std::{sync::Arc, time::Duration};

use tracing::{Instrument, debug_span};

use crate::{
    ports::{Clock, Part, PurgeRequest, Store, StoreError},
    settings::{Checks, InvalidSetting},
    stop::Stop,
    sweep::{can_sweep, in_batches, tell, until_stop},
};

/// Deletes dispatched rows after a while, in bounded batches, beside running relays. Nothing else is ever deleted: a row
/// that is pending, claimed or dead stays however old it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutboxRetention {
    /// Duration for which a dispatched row is kept, by the store's clock. Default 7 days: long enough to look up what
    /// was sent last week, short enough for the table to stay small.
    pub keep: Duration,
    /// Number of rows that one transaction deletes. Default 1,000: milliseconds, so that staging never waits for long.
    pub batch: usize,
    /// Pause between two sweeps. Default 1 minute.
    pub every: Duration,
}

impl Default for OutboxRetention {
    fn default() -> Self {
        Self { keep: Duration::from_secs(7 * 24 * 3_600), batch: 1_000, every: Duration::from_secs(60) }
    }
}

impl OutboxRetention {
    /// Sets the duration for which a dispatched row is kept, by the store's clock.
    #[must_use]
    pub fn keep(mut self, keep: Duration) -> Self {
        self.keep = keep;
        self
    }

    /// Sets the number of rows that one transaction deletes.
    #[must_use]
    pub fn batch(mut self, batch: usize) -> Self {
        self.batch = batch;
        self
    }

    /// Sets the pause between two sweeps.
    #[must_use]
    pub fn every(mut self, every: Duration) -> Self {
        self.every = every;
        self
    }
}

impl OutboxRetention {
    /// Checks that these settings can work. [`run`](Self::run) asks when it begins.
    ///
    /// # Errors
    /// The first [`InvalidSetting`], which says what to change.
    pub fn check(&self) -> Result<(), InvalidSetting> {
        let checks = Checks::new("OutboxRetention");
        checks.positive("batch", self.batch, "a sweep that deletes nothing lets the table grow for ever")?;
        checks.lasting("every", self.every, "sweeps without a pause never rest")
    }

    /// Sweeps until a stop is asked for. An error of the store ends a sweep, not the loop; that it has no
    /// [outbox](Part::Outbox), or a setting that can't work, ends both, with an error in the log.
    pub async fn run(self, store: Arc<dyn Store>, clock: Arc<dyn Clock>, stop: Stop) {
        if can_sweep("outbox", self.check(), &*store, Part::Outbox) {
            let sweep = || async { tell("outbox", self.swept(&*store, &stop, Some(&*clock)).await) };
            until_stop(&*clock, &stop, self.every, sweep).await;
        }
    }

    /// Deletes all dispatched rows that are old enough, batch by batch, and returns how many. A stop ends it between two
    /// batches.
    ///
    /// # Errors
    /// Any [`StoreError`]; what earlier batches deleted stays deleted.
    pub async fn sweep(&self, store: &dyn Store, stop: &Stop) -> Result<u64, StoreError> {
        self.swept(store, stop, None).await
    }

    async fn swept(&self, store: &dyn Store, stop: &Stop, clock: Option<&dyn Clock>) -> Result<u64, StoreError> {
        let sweep = in_batches(self.batch, stop, clock, |limit| async move {
            Ok(store.purge_dispatched(&PurgeRequest { older_than: self.keep, limit }).await?.len() as u64)
        });
        sweep.instrument(debug_span!("outbox.retention")).await
    }
}
