use tracing::{Instrument, info, info_span};

use crate::ports::{RepublishRequest, Store, StoreError, Timestamp};

/// Number of rows that one transaction makes pending: a fraction of a second on any store.
const BATCH: usize = 500;

/// Publishes once more what was dispatched since a moment, by the store's clock, and is still there: for the day on which a
/// broker has lost what it had acknowledged. Returns how many rows are pending again; the relays that run send them.
///
/// Messages keep their ids, so consumers drop those that they had, and each key goes out in commit order, before what of it
/// waits meanwhile. What was purged can't be sent again: [`OutboxRetention::keep`](super::OutboxRetention::keep) says how far
/// back this reaches. Call it before the consumers' retention is over: where a consumer has handled and forgotten a later
/// message of a key, it takes a lost one of that key for a duplicate.
///
/// ```
/// use std::time::Duration;
/// use seaworthy_core::{outbox, ports::{Store, StoreError}};
///
/// /// The broker came back with the disk of two hours ago.
/// async fn send_again(store: &dyn Store) -> Result<u64, StoreError> {
///     let since = store.now().await?.before(Duration::from_secs(2 * 3_600));
///     outbox::republish_since(store, since).await
/// }
/// ```
///
/// # Errors
/// Any [`StoreError`]; rows of earlier batches stay pending. To go on from there, call [`republish`] with the moments that
/// the log names; this again would send the first ones twice more, which harms nobody.
///
/// # Cancellation
/// That of [`republish`].
pub async fn republish_since(store: &dyn Store, since: Timestamp) -> Result<u64, StoreError> {
    let until = store.now().await?;
    republish(store, &RepublishRequest::new(since, until, usize::MAX)).await
}

/// Publishes once more what was dispatched in a span of time, up to the limit of the request, as [`republish_since`] does.
/// It can be repeated as it is, by an operator or after an error: it goes on where it was, since what was republished and
/// dispatched lies behind the span.
///
/// # Errors
/// Any [`StoreError`]; rows of earlier batches stay pending.
///
/// # Cancellation
/// A call that is dropped has made whole batches pending. It has no limit of time of its own: whoever has one drops it, with
/// [`Clock::limit`](crate::ports::Clock::limit) beside it, and calls it again.
pub async fn republish(store: &dyn Store, rows: &RepublishRequest) -> Result<u64, StoreError> {
    let (since, until) = (rows.since, rows.until);
    let work = async {
        info!("dispatched outbox rows are published once more");
        let (mut total, mut left) = (0, rows.limit);
        while left > 0 {
            let limit = left.min(BATCH);
            let pending = store.republish(&RepublishRequest { limit, ..rows.clone() }).await?.len();
            total += pending as u64;
            left -= pending;
            if pending < limit {
                break;
            }
        }
        info!(total, "dispatched outbox rows are pending again");
        Ok(total)
    };
    work.instrument(info_span!("outbox.republish", %since, %until, topic = rows.topic.as_deref())).await
}
