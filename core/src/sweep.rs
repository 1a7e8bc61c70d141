//! Loops of all that keeps tables small: sweeps with a pause between two, each in batches.

use std::{sync::Arc, time::Duration};

use tracing::{debug, warn};

use crate::{
    ports::{Clock, Part, Ports, Scopes, Store, StoreError, answered},
    settings::InvalidSetting,
    startup::can_run,
    stop::Stop,
    wake::pause,
};

/// Time that a store has for one batch of a sweep, unless somebody says otherwise: a minute is a thousand rows on a disk that
/// has next to nothing left.
pub(crate) const BATCH_LIMIT: Duration = Duration::from_secs(60);

/// Surroundings of a retention's loop.
pub(crate) struct Around {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) stop: Stop,
    /// Hears that the loop has ended, if it is one of a process.
    process: Scopes,
}

impl From<Ports> for Around {
    fn from(ports: Ports) -> Self {
        let Ports { store, clock, stop, spawner, .. } = ports;
        Self { store, clock, stop, process: Some(spawner) }
    }
}

impl Around {
    /// A loop outside a process.
    pub(crate) fn from_parts(store: Arc<dyn Store>, clock: Arc<dyn Clock>, stop: Stop) -> Self {
        Self { store, clock, stop, process: None }
    }

    /// Returns `true` if a retention can work by its settings and its store has the part that it sweeps.
    pub(crate) fn can_sweep(&self, what: &str, settings: Result<(), InvalidSetting>, part: Part) -> bool {
        can_run(format_args!("retention of {what}"), self.process.as_deref(), settings, &*self.store, &[part])
    }

    /// Sweeps until a stop is asked for, and waits between two sweeps.
    pub(crate) async fn until_stop<F: Future<Output = ()>>(&self, every: Duration, mut sweep: impl FnMut() -> F) {
        while !self.stop.is_set() {
            sweep().await;
            if !pause(&*self.clock, &self.stop, every).await {
                break;
            }
        }
    }

    /// Returns the terms on which a sweep of this loop works off its batches.
    pub(crate) fn turns(&self, limit: Duration) -> Option<Turns<'_>> {
        Some(Turns { clock: &*self.clock, limit })
    }
}

/// Terms of a sweep beside others: it lets these go on between two batches, since a store in the process may never have it wait,
/// and the store has so long for each batch and no longer.
#[derive(Clone, Copy)]
pub(crate) struct Turns<'a> {
    clock: &'a dyn Clock,
    limit: Duration,
}

impl Turns<'_> {
    /// Waits for a batch, on these terms if there are any.
    pub(crate) async fn take<T>(
        turns: Option<Self>,
        batch: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        match turns {
            Some(Self { clock, limit }) => answered(clock, limit, batch).await,
            None => batch.await,
        }
    }

    /// Lets others go on.
    pub(crate) async fn give(turns: Option<Self>) {
        if let Some(Self { clock, .. }) = turns {
            clock.yield_now().await;
        }
    }
}

/// Says what came of a sweep. An error ends it, and is no reason to end the loop.
pub(crate) fn tell(what: &str, swept: Result<u64, StoreError>) {
    match swept {
        Ok(0) => {}
        Ok(purged) => debug!(what, purged, "what is past its retention is deleted"),
        Err(error) => warn!(what, %error, "retention is tried again at its next turn"),
    }
}

/// Purges batch by batch until one is not full, or a stop is asked for. Returns how much. A loop gives its `turns`.
pub(crate) async fn in_batches<F: Future<Output = Result<u64, StoreError>>>(
    batch: usize,
    stop: &Stop,
    turns: Option<Turns<'_>>,
    mut purge: impl FnMut(usize) -> F,
) -> Result<u64, StoreError> {
    let limit = batch.max(1);
    let mut total = 0;
    while !stop.is_set() {
        let purged = Turns::take(turns, purge(limit)).await?;
        total += purged;
        if purged < limit as u64 {
            break;
        }
        Turns::give(turns).await;
    }
    Ok(total)
}
