use std::{sync::Arc, time::Duration};

use tracing::{Instrument, debug_span};

use crate::{
    ports::{Clock, Part, PurgeRequest, Store, StoreError},
    settings::{Checks, InvalidSetting},
    stop::Stop,
    sweep::{can_sweep, in_batches, tell, until_stop},
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
}

impl OperationRetention {
    /// Keeps operations for `keep` after they were written last, by the store's clock. `longest_saga` is the longest time that
    /// a saga which asks for them is under way, stuck for an operator included.
    ///
    /// A sweep deletes 1,000 of them in one transaction, and there is one each minute.
    pub fn new(keep: Duration, longest_saga: Duration) -> Self {
        Self { keep, longest_saga, batch: 1_000, every: Duration::from_secs(60) }
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

    /// Checks that these settings can work. [`run`](Self::run) asks when it begins.
    ///
    /// # Errors
    /// The first [`InvalidSetting`], which says what to change.
    pub fn check(&self) -> Result<(), InvalidSetting> {
        let checks = Checks::new("OperationRetention");
        checks.positive("batch", self.batch, "a sweep that deletes nothing lets the table grow for ever")?;
        checks.lasting("every", self.every, "sweeps without a pause never rest")?;
        let cure = format_args!("a saga may ask again for {:?}, so keep operations for longer", self.longest_saga);
        checks.hold(self.keep > self.longest_saga, "keep", format_args!("{:?}", self.keep), cure)
    }

    /// Sweeps until a stop is asked for. An error of the store ends a sweep, not the loop; that it has no
    /// [operations](Part::Operations), or a setting that can't work, ends both, with an error in the log.
    pub async fn run(self, store: Arc<dyn Store>, clock: Arc<dyn Clock>, stop: Stop) {
        if can_sweep("operations", self.check(), &*store, Part::Operations) {
            let sweep = || async { tell("operations", self.swept(&*store, &stop, Some(&*clock)).await) };
            until_stop(&*clock, &stop, self.every, sweep).await;
        }
    }

    /// Forgets all operations that are old enough, batch by batch, and returns how many. A stop ends it between two batches.
    ///
    /// # Errors
    /// Any [`StoreError`]; what earlier batches deleted stays deleted.
    pub async fn sweep(&self, store: &dyn Store, stop: &Stop) -> Result<u64, StoreError> {
        self.swept(store, stop, None).await
    }

    async fn swept(&self, store: &dyn Store, stop: &Stop, clock: Option<&dyn Clock>) -> Result<u64, StoreError> {
        let sweep = in_batches(self.batch, stop, clock, |limit| async move {
            store.purge_operations(&PurgeRequest { older_than: self.keep, limit }).await
        });
        sweep.instrument(debug_span!("participant.retention")).await
    }
}
