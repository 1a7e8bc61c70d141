//! Mistakes about a log of events and those who follow it: each is `event_store` with one service as it is often written by
//! hand.

mod appends_at_any_version;
mod checkpoint_after_effect;
mod checkpoint_before_effect;
mod no_inbox_behind_the_log;
mod reads_by_time;
mod rebuild_in_place;
mod shared_checkpoint;
mod skips_what_fails;

use std::time::Duration;

use seaworthy_core::{
    inbox::HandlerError,
    ports::{Ports, RecordedEvent, StoreError, Transaction},
};

use crate::event_store::EventStore;

/// The broken twins, in the order of the table of [`specimens`](super).
pub(super) fn twins() -> Vec<EventStore> {
    vec![
        checkpoint_after_effect::twin(),
        checkpoint_before_effect::twin(),
        reads_by_time::twin(),
        skips_what_fails::twin(),
        shared_checkpoint::twin(),
        rebuild_in_place::twin(),
        appends_at_any_version::twin(),
        no_inbox_behind_the_log::twin(),
    ]
}

/// Number of events that are read at a time.
const PAGE: usize = 16;
/// Pause where there is nothing to read, and after an error.
const REST: Duration = Duration::from_millis(200);

/// Follows the log by hand until a stop is asked for: reads from the checkpoint of this name, and hands one event after the
/// other to `handle`, which has its effect and moves the checkpoint in whatever way it does. After an error it reads again.
async fn follow<F>(ports: Ports, name: &str, handle: impl Fn(Ports, RecordedEvent) -> F)
where
    F: Future<Output = Result<(), HandlerError>>,
{
    while !ports.stop.is_set() {
        let page = ports.try_scope(read(&ports, name)).await;
        let mut is_idle = true;
        for event in page.unwrap_or_default() {
            if ports.try_scope(handle(ports.clone(), event)).await.is_err() {
                is_idle = true;
                break;
            }
            is_idle = false;
        }
        if is_idle {
            ports.clock.sleep(REST).await;
        }
    }
}

async fn read(ports: &Ports, name: &str) -> Result<Vec<RecordedEvent>, StoreError> {
    let from = ports.store.begin().await?.checkpoint(name).await?.unwrap_or(0);
    ports.store.read_events(from, PAGE).await
}

/// Moves a checkpoint past an event.
async fn pass(tx: &mut dyn Transaction, name: &str, event: &RecordedEvent) -> Result<(), StoreError> {
    tx.set_checkpoint(name, event.position()).await
}
