//! Retention: what was settled is deleted after a while, so that a service which runs for months stays small.

use std::{pin::pin, time::Duration};

use futures_util::future::{Either, select};
use seaworthy_core::{
    inbox, outbox,
    ports::{Ports, StoreError},
    saga::SagaRetention,
};
use smol_str::SmolStr;
use tracing::warn;

use crate::settings::Settings;

/// Time that one sweep may take. What it leaves is deleted by the next one; a store that does not answer holds up no sweep after.
const SWEEP_LIMIT: Duration = Duration::from_secs(300);

/// Deletes dispatched outbox rows, handled inbox rows of `consumers`, the logs of ended sagas and in the end these sagas,
/// until a stop is asked for. An error ends a sweep, not the loop.
pub async fn keep_tidy(ports: Ports, settings: Settings, consumers: Vec<SmolStr>) {
    let outbox = outbox::OutboxRetention::default().keep(settings.keep).batch(settings.sweep_batch);
    let inbox = inbox::InboxRetention::new(settings.keep_inbox, settings.redelivery_window)
        .and_then(|retention| retention.keep_watermarks(settings.keep_watermarks))
        .expect("the settings keep inbox rows and watermarks for longer than the broker's redelivery window")
        .batch(settings.sweep_batch);
    let sagas = SagaRetention::default().keep_logs(settings.keep).keep_sagas(settings.keep_sagas);
    let sagas = sagas.batch(settings.sweep_batch);
    for sweep in 0.. {
        let rest = settings.sweep.delay(sweep, &*ports.random);
        match select(pin!(ports.stop.wait()), ports.clock.idle(rest)).await {
            Either::Left(_) => return,
            Either::Right(_) => {}
        }
        let sweep = pin!(sweep_once(&ports, &outbox, &inbox, &sagas, &consumers));
        match select(sweep, ports.clock.limit(SWEEP_LIMIT)).await {
            Either::Left((Ok(()), _)) => {}
            Either::Left((Err(error), _)) => warn!(%error, "what is kept no longer is deleted at the next turn"),
            Either::Right(_) => {
                warn!(limit = ?SWEEP_LIMIT, "a sweep was not done in time, and goes on at the next turn")
            }
        }
    }
}

async fn sweep_once(
    ports: &Ports,
    outbox: &outbox::OutboxRetention,
    inbox: &inbox::InboxRetention,
    sagas: &SagaRetention,
    consumers: &[SmolStr],
) -> Result<(), StoreError> {
    outbox.sweep(&*ports.store, &ports.stop).await?;
    for consumer in consumers {
        inbox.sweep(consumer, &*ports.store, &ports.stop).await?;
    }
    sagas.sweep(&*ports.store, &ports.stop).await?;
    Ok(())
}
