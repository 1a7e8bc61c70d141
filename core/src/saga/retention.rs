use std::{sync::Arc, time::Duration};

use tracing::{Instrument, debug, debug_span, error, warn};

use crate::{
    ports::{Clock, Part, PurgeRequest, Store, StoreError},
    settings::{Checks, InvalidSetting},
    stop::Stop,
    wake::pause,
};

/// Deletes the logs of sagas that ended long ago, in bounded batches, beside running orchestrators. A saga that has not ended
/// keeps its log, however old it is; one that has ended stays without, so that its business key stays taken.
///
/// ```
/// use std::time::Duration;
/// use seaworthy_core::saga::SagaRetention;
///
/// let retention = SagaRetention::default().keep_logs(Duration::from_secs(24 * 3_600));
/// assert_eq!(retention.check(), Ok(()));
/// assert!(retention.batch(0).check().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SagaRetention {
    /// Duration for which the log of a saga that has ended is kept, by the store's clock. Default 7 days: long enough to look up
    /// what went wrong last week.
    pub keep_logs: Duration,
    /// Number of logs that one transaction deletes. Default 1,000.
    pub batch: usize,
    /// Pause between two sweeps. Default 1 minute.
    pub every: Duration,
}

impl Default for SagaRetention {
    fn default() -> Self {
        Self { keep_logs: Duration::from_secs(7 * 24 * 3_600), batch: 1_000, every: Duration::from_secs(60) }
    }
}

impl SagaRetention {
    /// Sets the duration for which the log of a saga that has ended is kept.
    #[must_use]
    pub fn keep_logs(mut self, keep_logs: Duration) -> Self {
        self.keep_logs = keep_logs;
        self
    }

    /// Sets the number of logs that one transaction deletes.
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

    /// Checks that these settings can work. [`run`](Self::run) asks when it begins.
    ///
    /// # Errors
    /// The first [`InvalidSetting`], which says what to change.
    pub fn check(&self) -> Result<(), InvalidSetting> {
        let checks = Checks::new("SagaRetention");
        checks.positive("batch", self.batch, "a sweep that deletes nothing lets the tables grow for ever")?;
        checks.lasting("every", self.every, "sweeps without a pause never rest")
    }

    /// Sweeps until a stop is asked for. An error of the store ends a sweep, not the loop; that it has no
    /// [sagas](Part::Sagas), or a setting that can't work, ends both, with an error in the log.
    pub async fn run(self, store: Arc<dyn Store>, clock: Arc<dyn Clock>, stop: Stop) {
        if let Err(error) = self.check() {
            error!(%error, "saga retention ends: its settings can't work");
            return;
        }
        if let Err(error) = store.parts().require(&[Part::Sagas]) {
            error!(%error, "saga retention ends: its store lacks what it needs");
            return;
        }
        while !stop.is_set() {
            match self.sweep(&*store, &stop).await {
                Ok(0) => {}
                Ok(purged) => debug!(purged, "logs of sagas past their retention are deleted"),
                Err(error) => warn!(%error, "saga retention is tried again at its next turn"),
            }
            if !pause(&*clock, &stop, self.every).await {
                break;
            }
        }
    }

    /// Deletes all logs that are old enough, batch by batch, and returns of how many sagas. A stop ends it between two
    /// batches.
    ///
    /// # Errors
    /// Any [`StoreError`]; what earlier batches deleted stays deleted.
    pub async fn sweep(&self, store: &dyn Store, stop: &Stop) -> Result<u64, StoreError> {
        let limit = self.batch.max(1);
        let sweep = async {
            let mut total = 0;
            while !stop.is_set() {
                let purged = store.purge_saga_logs(&PurgeRequest { older_than: self.keep_logs, limit }).await?;
                total += purged;
                if purged < limit as u64 {
                    break;
                }
            }
            Ok(total)
        };
        sweep.instrument(debug_span!("saga.retention")).await
    }
}
