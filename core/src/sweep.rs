//! Loops of all that keeps tables small: sweeps with a pause between two, each in batches.

use std::time::Duration;

use tracing::{debug, error, warn};

use crate::{
    ports::{Clock, Part, Store, StoreError},
    settings::InvalidSetting,
    stop::Stop,
    wake::pause,
};

/// Returns `true` if a retention can work by its settings and its store has the part that it sweeps; says in the log what is
/// wrong if not. Waiting would not help.
pub(crate) fn can_sweep(what: &str, settings: Result<(), InvalidSetting>, store: &dyn Store, part: Part) -> bool {
    if let Err(error) = settings {
        error!(what, %error, "retention ends: its settings can't work");
        return false;
    }
    if let Err(error) = store.parts().require(&[part]) {
        error!(what, %error, "retention ends: its store lacks what it needs");
        return false;
    }
    true
}

/// Sweeps until a stop is asked for, and waits between two sweeps.
pub(crate) async fn until_stop<F: Future<Output = ()>>(
    clock: &dyn Clock,
    stop: &Stop,
    every: Duration,
    mut sweep: impl FnMut() -> F,
) {
    while !stop.is_set() {
        sweep().await;
        if !pause(clock, stop, every).await {
            break;
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

/// Purges batch by batch until one is not full, or a stop is asked for. Returns how much. A loop gives its `clock`, and lets
/// others go on between two batches: a store in the process may never have it wait.
pub(crate) async fn in_batches<F: Future<Output = Result<u64, StoreError>>>(
    batch: usize,
    stop: &Stop,
    clock: Option<&dyn Clock>,
    mut purge: impl FnMut(usize) -> F,
) -> Result<u64, StoreError> {
    let limit = batch.max(1);
    let mut total = 0;
    while !stop.is_set() {
        let purged = purge(limit).await?;
        total += purged;
        if purged < limit as u64 {
            break;
        }
        if let Some(clock) = clock {
            clock.yield_now().await;
        }
    }
    Ok(total)
}
