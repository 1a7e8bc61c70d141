use std::{sync::Arc, time::Duration};

use tracing::{Instrument, debug_span};

use crate::{
    ports::{Clock, Part, Ports, PurgeRequest, Store, StoreError},
    settings::{Checks, InvalidSetting},
    stop::Stop,
    sweep::{Around, BATCH_LIMIT, Turns, in_batches, tell},
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
    /// Time that the store has for one batch in a loop. Default 1 minute: what has not ended by then may never do.
    pub batch_limit: Duration,
}

impl Default for OutboxRetention {
    fn default() -> Self {
        Self {
            keep: Duration::from_secs(7 * 24 * 3_600),
            batch: 1_000,
            every: Duration::from_secs(60),
            batch_limit: BATCH_LIMIT,
        }
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
    /// Sets the time that the store has for one batch in a loop: then the sweep goes on at its next turn.
    #[must_use]
    pub fn batch_limit(mut self, batch_limit: Duration) -> Self {
        self.batch_limit = batch_limit;
        self
    }

    /// Checks that these settings can work. [`run`](Self::run) asks when it begins.
    ///
    /// # Errors
    /// The first [`InvalidSetting`], which says what to change.
    pub fn check(&self) -> Result<(), InvalidSetting> {
        let checks = Checks::new("OutboxRetention");
        checks.positive("batch", self.batch, "a sweep that deletes nothing lets the table grow for ever")?;
        checks.lasting("every", self.every, "sweeps without a pause never rest")?;
        checks.lasting("batch_limit", self.batch_limit, "no batch would ever be done in time")
    }

    /// Sweeps until a stop is asked for. An error of the store ends a sweep, not the loop; that it has no
    /// [outbox](Part::Outbox), or a setting that can't work, ends both, with an error in the log
    /// and to the process.
    pub async fn run(self, ports: Ports) {
        self.run_around(ports.into()).await;
    }

    /// Sweeps as [`run`](Self::run) does, outside a process: nobody hears but by the log where it ends at once.
    pub async fn run_from_parts(self, store: Arc<dyn Store>, clock: Arc<dyn Clock>, stop: Stop) {
        self.run_around(Around::from_parts(store, clock, stop)).await;
    }

    async fn run_around(self, around: Around) {
        if around.can_sweep("outbox", self.check(), Part::Outbox) {
            let turns = around.turns(self.batch_limit);
            let sweep = || async { tell("outbox", self.swept(&*around.store, &around.stop, turns).await) };
            around.until_stop(self.every, sweep).await;
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

    async fn swept(&self, store: &dyn Store, stop: &Stop, turns: Option<Turns<'_>>) -> Result<u64, StoreError> {
        let sweep = in_batches(self.batch, stop, turns, |limit| async move {
            Ok(store.purge_dispatched(&PurgeRequest { older_than: self.keep, limit }).await?.len() as u64)
        });
        sweep.instrument(debug_span!("outbox.retention")).await
    }
}
