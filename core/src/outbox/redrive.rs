use std::time::Duration;

use tracing::{Instrument, info, info_span};

use crate::{
    ids::{List, MessageId},
    ports::{PurgeRequest, RedriveRequest, Store, StoreError},
};

/// Number of rows that one transaction brings back or deletes: a fraction of a second on any store.
const BATCH: usize = 500;

/// Makes dead rows pending again, all of them or `only` those of some events, and returns how many. They keep their
/// event ids, so consumers that had them already notice. Rows that die again meanwhile are not brought back twice.
///
/// Redrive before the consumers' retention is over: what they have purged up to a position counts as seen, and under
/// [`WhenDead::SkipDead`](crate::ports::WhenDead::SkipDead) a dead row's position may lie below it.
///
/// # Errors
/// Any [`StoreError`]; rows of earlier batches stay redriven.
pub async fn redrive(store: &dyn Store, only: Option<&[MessageId]>) -> Result<u64, StoreError> {
    let span = info_span!("outbox.redrive", only = only.map(|only| display(List(only))));
    bring_back(store, only).instrument(span).await
}

async fn bring_back(store: &dyn Store, only: Option<&[MessageId]>) -> Result<u64, StoreError> {
    let mut total = 0;
    match only {
        Some(events) => {
            for events in events.chunks(BATCH) {
                let request = RedriveRequest { only: Some(events.to_vec()), limit: events.len() };
                total += store.redrive(&request).await?.len() as u64;
            }
        }
        None => {
            // A relay may bury the same rows again while this runs: what was dead at the start is the measure.
            let dead = store.backlog().await?.outbox_dead;
            while total < dead {
                let limit = usize::try_from(dead - total).unwrap_or(BATCH).min(BATCH);
                let redriven = store.redrive(&RedriveRequest { only: None, limit }).await?.len() as u64;
                total += redriven;
                if redriven < limit as u64 {
                    break;
                }
            }
        }
    }
    info!(total, "dead outbox rows are pending again");
    Ok(total)
}

/// Deletes rows that have been dead for `older_than`, by the store's clock, and returns how many. Their messages are
/// lost: an operator's decision, never a routine.
///
/// # Errors
/// Any [`StoreError`]; rows of earlier batches stay deleted.
pub async fn purge_dead(store: &dyn Store, older_than: Duration) -> Result<u64, StoreError> {
    let purge = async {
        let mut total = 0;
        loop {
            let purged = store.purge_dead(&PurgeRequest { older_than, limit: BATCH }).await?.len() as u64;
            total += purged;
            if purged < BATCH as u64 {
                info!(total, "dead outbox rows are deleted");
                return Ok(total);
            }
        }
    };
    purge.instrument(info_span!("outbox.purge_dead", ?older_than)).await
}
