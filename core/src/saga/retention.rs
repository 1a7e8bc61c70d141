use std::{sync::Arc, time::Duration};

use tracing::{Instrument, debug_span};

use crate::{
    ports::{Clock, Part, Ports, PurgeRequest, Store, StoreError},
    settings::{Checks, InvalidSetting},
    stop::Stop,
    sweep::{Around, BATCH_LIMIT, Turns, in_batches, tell},
};

/// Deletes the logs of sagas that ended long ago, and much later the sagas themselves, in bounded batches, beside running
/// orchestrators. A saga that has not ended keeps its log, however old it is.
///
/// A saga without a log still keeps its business key taken, so that nobody starts it a second time. Once the saga is deleted as
/// well its key is free again. Ids of operations and messages are made of definition and key, so another saga under the key
/// has those of the first: participants and consumers that have not [forgotten](crate::participant::OperationRetention) them
/// take them for repetitions. A key that is to be used anew is better made another one.
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
    /// Duration for which a saga that has ended keeps its business key taken, by the store's clock; for ever where `None`.
    /// Default 365 days: beyond what anybody asks for again, and short enough for the table not to grow for ever.
    pub keep_sagas: Option<Duration>,
    /// Number of logs, and of sagas, that one transaction deletes. Default 1,000.
    pub batch: usize,
    /// Pause between two sweeps. Default 1 minute.
    pub every: Duration,
    /// Time that the store has for one batch in a loop. Default 1 minute: what has not ended by then may never do.
    pub batch_limit: Duration,
}

impl Default for SagaRetention {
    fn default() -> Self {
        let day = Duration::from_secs(24 * 3_600);
        Self {
            keep_logs: day * 7,
            keep_sagas: Some(day * 365),
            batch: 1_000,
            every: Duration::from_secs(60),
            batch_limit: BATCH_LIMIT,
        }
    }
}

impl SagaRetention {
    /// Sets the duration for which the log of a saga that has ended is kept.
    #[must_use]
    pub fn keep_logs(mut self, keep_logs: Duration) -> Self {
        self.keep_logs = keep_logs;
        self
    }

    /// Sets the duration for which a saga that has ended keeps its business key taken: for ever where `None`.
    #[must_use]
    pub fn keep_sagas(mut self, keep_sagas: impl Into<Option<Duration>>) -> Self {
        self.keep_sagas = keep_sagas.into();
        self
    }

    /// Sets the number of logs, and of sagas, that one transaction deletes.
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
        let checks = Checks::new("SagaRetention");
        checks.positive("batch", self.batch, "a sweep that deletes nothing lets the tables grow for ever")?;
        checks.lasting("every", self.every, "sweeps without a pause never rest")?;
        checks.lasting("batch_limit", self.batch_limit, "no batch would ever be done in time")?;
        let keep_sagas = self.keep_sagas.unwrap_or(Duration::MAX);
        let cure = format_args!("a saga is deleted after its log, so keep it for {:?} or longer", self.keep_logs);
        checks.hold(keep_sagas >= self.keep_logs, "keep_sagas", format_args!("{keep_sagas:?}"), cure)
    }

    /// Sweeps until a stop is asked for. An error of the store ends a sweep, not the loop; that it has no
    /// [sagas](Part::Sagas), or a setting that can't work, ends both, with an error in the log
    /// and to the process.
    pub async fn run(self, ports: Ports) {
        self.run_around(ports.into()).await;
    }

    /// Sweeps as [`run`](Self::run) does, outside a process: nobody hears but by the log where it ends at once.
    pub async fn run_from_parts(self, store: Arc<dyn Store>, clock: Arc<dyn Clock>, stop: Stop) {
        self.run_around(Around::from_parts(store, clock, stop)).await;
    }

    async fn run_around(self, around: Around) {
        if around.can_sweep("sagas", self.check(), Part::Sagas) {
            let turns = around.turns(self.batch_limit);
            let sweep = || async { tell("sagas", self.swept(&*around.store, &around.stop, turns).await) };
            around.until_stop(self.every, sweep).await;
        }
    }

    /// Deletes all logs, and then all sagas, that are old enough, batch by batch, and returns how many of both. A stop ends it
    /// between two batches.
    ///
    /// # Errors
    /// Any [`StoreError`]; what earlier batches deleted stays deleted.
    pub async fn sweep(&self, store: &dyn Store, stop: &Stop) -> Result<u64, StoreError> {
        self.swept(store, stop, None).await
    }

    async fn swept(&self, store: &dyn Store, stop: &Stop, turns: Option<Turns<'_>>) -> Result<u64, StoreError> {
        let sweep = async {
            let logs = in_batches(self.batch, stop, turns, |limit| async move {
                store.purge_saga_logs(&PurgeRequest { older_than: self.keep_logs, limit }).await
            });
            let logs = logs.await?;
            let Some(older_than) = self.keep_sagas else { return Ok(logs) };
            let sagas = in_batches(self.batch, stop, turns, |limit| async move {
                store.purge_sagas(&PurgeRequest { older_than, limit }).await
            });
            Ok(logs + sagas.await?)
        };
        sweep.instrument(debug_span!("saga.retention")).await
    }
}
