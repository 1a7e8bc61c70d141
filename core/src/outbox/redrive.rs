use std::collections::BTreeMap;

use tracing::{Instrument, field::display, info, info_span};

use crate::{
    ids::{List, MessageId},
    ports::{DeadRow, DeadRowRequest, Store, StoreError},
};

/// Number of rows that one transaction brings back, and that one page has: a fraction of a second on any store.
const BATCH: usize = 500;

/// Makes dead rows pending again, up to the limit of the request, and returns how many. They keep their event ids, so
/// consumers that had them already notice. Rows that die again meanwhile are not brought back twice: they lie behind those
/// that were not tried, so the next call goes on with these.
///
/// Redrive before the consumers' retention is over: what they have purged up to a position counts as seen, and under
/// [`WhenDead::SkipDead`](crate::ports::WhenDead::SkipDead) a dead row's position may lie below it.
///
/// ```
/// use seaworthy_core::{outbox, ports::{DeadRowRequest, Store, StoreError}};
///
/// /// The topic is there now.
/// async fn send_invoices(store: &dyn Store) -> Result<u64, StoreError> {
///     let refused = DeadRowRequest::new(100_000).of_topic("invoices").because("no such topic");
///     outbox::redrive(store, &refused).await
/// }
/// ```
///
/// # Errors
/// Any [`StoreError`]; rows of earlier batches stay redriven, and to repeat the call is right in any case.
///
/// # Cancellation
/// A call that is dropped has brought back whole batches. It has no limit of time of its own: whoever has one drops it, with
/// [`Clock::limit`](crate::ports::Clock::limit) beside it, and calls it again.
pub async fn redrive(store: &dyn Store, rows: &DeadRowRequest) -> Result<u64, StoreError> {
    let only = rows.only.as_deref().map(|only| display(List(only)));
    bring_back(store, rows).instrument(info_span!("outbox.redrive", only)).await
}

async fn bring_back(store: &dyn Store, rows: &DeadRowRequest) -> Result<u64, StoreError> {
    let mut request = rows.clone();
    // A relay may bury again what was brought back while this runs: what has died by now is the measure.
    let now = store.now().await?;
    request.died_until = Some(rows.died_until.map_or(now, |until| until.min(now)));
    let mut total = 0;
    let mut left = rows.limit;
    while left > 0 {
        request.limit = left.min(BATCH);
        let page = store.dead_rows(&request).await?;
        let Some(last) = page.last() else { break };
        let is_last = page.len() < request.limit;
        request.limit = page.len();
        let redriven = store.redrive(&request).await?.len();
        total += redriven as u64;
        left -= page.len();
        if is_last {
            break;
        }
        request.after = Some(last.place());
    }
    info!(total, "dead outbox rows are pending again");
    Ok(total)
}

/// Deletes dead rows: their messages are lost, which is an operator's decision and never a routine. Those of one call, up
/// to the limit of the request, go in one transaction, so either all that it returns are gone or none. Each is named in the
/// log with the reason for which it was dead, since nothing else tells of it any more.
///
/// ```
/// use seaworthy_core::{outbox, ports::{DeadRowRequest, Store, StoreError}};
///
/// /// Nobody needs these any more.
/// async fn forget_reminders(store: &dyn Store) -> Result<(), StoreError> {
///     let reminders = DeadRowRequest::new(500).of_kind("reminder.due");
///     while outbox::discard(store, &reminders).await?.len() == 500 {}
///     Ok(())
/// }
/// ```
///
/// # Errors
/// Any [`StoreError`]. Nothing was deleted, except that after [`StoreError::Unknown`] it may have been; to repeat the call is
/// right in any case.
///
/// # Cancellation
/// A call that is dropped before its end has deleted all of them or none. It has no limit of time of its own: whoever has one drops it,
/// with [`Clock::limit`](crate::ports::Clock::limit) beside it, and calls it again.
pub async fn discard(store: &dyn Store, rows: &DeadRowRequest) -> Result<Vec<MessageId>, StoreError> {
    let work = async {
        let found = store.dead_rows(rows).await?;
        if found.is_empty() {
            return Ok(Vec::new());
        }
        let discarded = store.purge_dead(&DeadRowRequest { limit: found.len(), ..rows.clone() }).await?;
        let found: BTreeMap<MessageId, DeadRow> = found.into_iter().map(|dead| (dead.row.message.id, dead)).collect();
        for message in &discarded {
            // Where another operator was at work meanwhile, one that was not looked at may have moved up.
            let dead = found.get(message);
            let (kind, reason) = (dead.map(|dead| &dead.row.message.kind), dead.map(|dead| &dead.reason));
            info!(%message, kind = kind.map(display), reason = reason.map(display), "dead outbox row is discarded");
        }
        Ok(discarded)
    };
    work.instrument(info_span!("outbox.discard")).await
}
