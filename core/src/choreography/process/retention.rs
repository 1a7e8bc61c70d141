use std::{sync::Arc, time::Duration};

use smol_str::SmolStr;
use tracing::{Instrument, debug_span};

use super::instance::End;
use crate::{
    message::from_json,
    ports::{Clock, Expected, Part, Store, StoreError},
    settings::{Checks, InvalidSetting},
    stop::Stop,
    sweep::{can_sweep, tell, until_stop},
};

/// Forgets processes that have ended long ago, in bounded batches, beside the process manager.
///
/// A process that has ended leaves a note, so that whatever comes late is dropped. Once the note is forgotten, a late event
/// would begin a new process: keep it for longer than any message of its business transaction may be under way.
///
/// ```
/// use std::time::Duration;
/// use seaworthy_core::choreography::ProcessRetention;
///
/// let week = Duration::from_secs(7 * 24 * 3_600);
/// assert_eq!(ProcessRetention::new("process.shipments", week).check(), Ok(()));
/// assert!(ProcessRetention::new("process.shipments", Duration::ZERO).check().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessRetention {
    collection: SmolStr,
    keep: Duration,
    batch: usize,
    every: Duration,
}

impl ProcessRetention {
    /// Keeps the notes of a [collection](super::ProcessManager::collection) for `keep` after the end, by the store's clock. A
    /// sweep reads 1,000 processes in one transaction and deletes those of them that are old enough, and there is one each
    /// hour.
    pub fn new(collection: impl Into<SmolStr>, keep: Duration) -> Self {
        Self { collection: collection.into(), keep, batch: 1_000, every: Duration::from_secs(3_600) }
    }

    /// Sets the number of processes that a transaction reads.
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
        let checks = Checks::new("ProcessRetention");
        checks.lasting("keep", self.keep, "a late event would begin a process that has just ended once more")?;
        checks.positive("batch", self.batch, "a sweep that reads nothing lets the collection grow for ever")?;
        checks.lasting("every", self.every, "sweeps without a pause never rest")
    }

    /// Sweeps until a stop is asked for. An error of the store ends a sweep, not the loop; that it has no
    /// [documents](Part::Documents), or a setting that can't work, ends both, with an error in the log.
    pub async fn run(self, store: Arc<dyn Store>, clock: Arc<dyn Clock>, stop: Stop) {
        if can_sweep("processes", self.check(), &*store, Part::Documents) {
            let sweep = || async { tell("processes", self.swept(&*store, &stop, Some(&*clock)).await) };
            until_stop(&*clock, &stop, self.every, sweep).await;
        }
    }

    /// Forgets all processes that ended long enough ago, batch by batch, and returns how many. A stop ends it between two
    /// batches.
    ///
    /// # Errors
    /// Any [`StoreError`]; what earlier batches deleted stays deleted.
    pub async fn sweep(&self, store: &dyn Store, stop: &Stop) -> Result<u64, StoreError> {
        self.swept(store, stop, None).await
    }

    /// A loop gives its `clock`, and lets others go on between two batches.
    async fn swept(&self, store: &dyn Store, stop: &Stop, clock: Option<&dyn Clock>) -> Result<u64, StoreError> {
        let sweep = async {
            let (mut after, mut forgotten) = (None, 0);
            while !stop.is_set() {
                let (read, old, last) = self.page(store, after.as_deref()).await?;
                forgotten += old;
                if read < self.batch.max(1) {
                    break;
                }
                after = last;
                if let Some(clock) = clock {
                    clock.yield_now().await;
                }
            }
            Ok(forgotten)
        };
        sweep.instrument(debug_span!("process.retention")).await
    }

    /// One transaction: how many were read, how many of them forgotten, and the last.
    async fn page(&self, store: &dyn Store, after: Option<&str>) -> Result<(usize, u64, Option<SmolStr>), StoreError> {
        let mut tx = store.begin().await?;
        let page = tx.scan(&self.collection, after, self.batch.max(1)).await?;
        let now = tx.now().await?;
        let mut old = 0;
        for (id, document) in &page {
            let end = from_json::<End>(&document.body).ok().and_then(|end| end.ended_at);
            if end.is_some_and(|ended| ended + self.keep <= now) {
                tx.delete(&self.collection, id, Expected::Version(document.version)).await?;
                old += 1;
            }
        }
        let last = page.last().map(|(id, _)| id.clone());
        if old > 0 {
            tx.commit().await?;
        }
        Ok((page.len(), old, last))
    }
}
