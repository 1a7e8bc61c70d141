use std::{sync::Arc, time::Duration};

use smol_str::SmolStr;
use tracing::{Instrument, debug_span};

use super::instance::End;
use crate::{
    message::from_json,
    ports::{Clock, Expected, Part, Ports, Store, StoreError},
    settings::{Checks, InvalidSetting},
    stop::Stop,
    sweep::{Around, BATCH_LIMIT, Turns, tell},
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
    batch_limit: Duration,
}

impl ProcessRetention {
    /// Keeps the notes of a [collection](super::ProcessManager::collection) for `keep` after the end, by the store's clock. A
    /// sweep reads 1,000 processes in one transaction and deletes those of them that are old enough, and there is one each
    /// hour.
    pub fn new(collection: impl Into<SmolStr>, keep: Duration) -> Self {
        Self {
            collection: collection.into(),
            keep,
            batch: 1_000,
            every: Duration::from_secs(3_600),
            batch_limit: BATCH_LIMIT,
        }
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
        let checks = Checks::new("ProcessRetention");
        checks.lasting("keep", self.keep, "a late event would begin a process that has just ended once more")?;
        checks.positive("batch", self.batch, "a sweep that reads nothing lets the collection grow for ever")?;
        checks.lasting("every", self.every, "sweeps without a pause never rest")?;
        checks.lasting("batch_limit", self.batch_limit, "no batch would ever be done in time")
    }

    /// Sweeps until a stop is asked for. An error of the store ends a sweep, not the loop; that it has no
    /// [documents](Part::Documents), or a setting that can't work, ends both, with an error in the log
    /// and to the process.
    pub async fn run(self, ports: Ports) {
        self.run_around(ports.into()).await;
    }

    /// Sweeps as [`run`](Self::run) does, outside a process: nobody hears but by the log where it ends at once.
    pub async fn run_from_parts(self, store: Arc<dyn Store>, clock: Arc<dyn Clock>, stop: Stop) {
        self.run_around(Around::from_parts(store, clock, stop)).await;
    }

    async fn run_around(self, around: Around) {
        if around.can_sweep("processes", self.check(), Part::Documents) {
            let turns = around.turns(self.batch_limit);
            let sweep = || async { tell("processes", self.swept(&*around.store, &around.stop, turns).await) };
            around.until_stop(self.every, sweep).await;
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

    /// A loop gives its `turns`.
    async fn swept(&self, store: &dyn Store, stop: &Stop, turns: Option<Turns<'_>>) -> Result<u64, StoreError> {
        let sweep = async {
            let (mut after, mut forgotten) = (None, 0);
            while !stop.is_set() {
                let (read, old, last) = Turns::take(turns, self.page(store, after.as_deref())).await?;
                forgotten += old;
                if read < self.batch.max(1) {
                    break;
                }
                after = last;
                Turns::give(turns).await;
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
