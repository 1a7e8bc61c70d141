use std::{sync::Arc, time::Duration};

use tracing::{Instrument, debug_span};

use crate::{
    ports::{Clock, Part, Ports, PurgeRequest, Store, StoreError},
    settings::{Checks, InvalidSetting},
    stop::Stop,
    sweep::{Around, BATCH_LIMIT, Turns, in_batches, tell},
};

/// Forgets operations that were carried out, or compensated, long ago, in bounded batches, beside those who take part in
/// sagas.
///
/// Whoever asks for an operation that was forgotten carries it out once more, and whoever compensates one leaves a tombstone
/// and undoes nothing. So operations are kept for longer than any saga that asks for them is under way: one that waits for
/// an operator is, too.
///
/// ```
/// use std::time::Duration;
/// use seaworthy_core::participant::OperationRetention;
///
/// let day = Duration::from_secs(24 * 3_600);
/// assert_eq!(OperationRetention::new(day * 90, day * 30).check(), Ok(()));
/// assert!(OperationRetention::new(day, day * 30).check().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperationRetention {
    keep: Duration,
    longest_saga: Duration,
    batch: usize,
    every: Duration,
    batch_limit: Duration,
}

impl OperationRetention {
    /// Keeps operations for `keep` after they were written last, by the store's clock. `longest_saga` is the longest time that
    /// a saga which asks for them is under way, stuck for an operator included.
    ///
    /// A sweep deletes 1,000 of them in one transaction, and there is one each minute.
    pub fn new(keep: Duration, longest_saga: Duration) -> Self {
        Self { keep, longest_saga, batch: 1_000, every: Duration::from_secs(60), batch_limit: BATCH_LIMIT }
    }

    /// Sets the number of operations that a transaction deletes.
    #[must_use]
    pub fn batch(mut self, batch: usize) -> Self {
        self.batch = batch;
        self
    }

    /// Waits `every` between two sweeps.
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
        let checks = Checks::new("OperationRetention");
        checks.positive("batch", self.batch, "a sweep that deletes nothing lets the table grow for ever")?;
        checks.lasting("every", self.every, "sweeps without a pause never rest")?;
        checks.lasting("batch_limit", self.batch_limit, "no batch would ever be done in time")?;
        let cure = format_args!("a saga may ask again for {:?}, so keep operations for longer", self.longest_saga);
        checks.hold(self.keep > self.longest_saga, "keep", format_args!("{:?}", self.keep), cure)
    }

    /// Sweeps until a stop is asked for. An error of the store ends a sweep, not the loop; that it has no
    /// [operations](Part::Operations), or a setting that can't work, ends both, with an error in the log
    /// and to the process.
    pub async fn run(self, ports: Ports) {
        self.run_around(ports.into()).await;
    }

    /// Sweeps as [`run`](Self::run) does, outside a process: nobody hears but by the log where it ends at once.
    pub async fn run_from_parts(self, store: Arc<dyn Store>, clock: Arc<dyn Clock>, stop: Stop) {
        self.run_around(Around::from_parts(store, clock, stop)).await;
    }

    async fn run_around(self, around: Around) {
        if around.can_sweep("operations", self.check(), Part::Operations) {
            let turns = around.turns(self.batch_limit);
            let sweep = || async { tell("operations", self.swept(&*around.store, &around.stop, turns).await) };
            around.until_stop(self.every, sweep).await;
        }
    }

    /// Forgets all operations that are old enough, batch by batch, and returns how many. A stop ends it between two batches.
    ///
    /// # Errors
    /// Any [`StoreError`]; what earlier batches deleted stays deleted.
    pub async fn sweep(&self, store: &dyn Store, stop: &Stop) -> Result<u64, StoreError> {
        self.swept(store, stop, None).await
    }

    async fn swept(&self, store: &dyn Store, stop: &Stop, turns: Option<Turns<'_>>) -> Result<u64, StoreError> {
        let sweep = in_batches(self.batch, stop, turns, |limit| async move {
            store.purge_operations(&PurgeRequest { older_than: self.keep, limit }).await
        });
        sweep.instrument(debug_span!("participant.retention")).await
    }
}
