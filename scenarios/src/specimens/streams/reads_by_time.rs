//! A subscriber that keeps the time of the last event that it has seen, and asks for what is later. An event that was made
//! before and recorded after it is never seen: its writer's clock was slow, or its transaction.
//!
//! Threads: two writers and one subscriber. Two transactions that overlap are enough.
//!
//! Mechanism: events are recorded in another order than that of their times, and no time says what has yet to come.
//!
//! Violates: `gap-read-past`, `projections-complete` or `projections-are-folds`.
//!
//! Right: [`read_events`](seaworthy_core::ports::EventStore::read_events) goes by positions, and never shows an event whose
//! predecessors may still commit.

use std::time::Duration;

use seaworthy_core::{
    inbox::{Handler as _, HandlerError},
    ports::Ports,
};
use seaworthy_event_store::{messages::STATEMENTS, projections::Statements};

use crate::event_store::EventStore;

/// All events that a run ever has.
const ALL: usize = 10_000;
const REST: Duration = Duration::from_millis(100);

/// The bank with this mistake.
pub(super) fn twin() -> EventStore {
    let about = "the checkpoint of statements is the time of the last event, and not its position";
    EventStore::with_mistake("reads-by-time", about, STATEMENTS, |ports| {
        Box::pin(async move {
            while !ports.stop.is_set() {
                // After an error it reads again.
                let _ = ports.try_scope(enter_later(&ports)).await;
                ports.clock.sleep(REST).await;
            }
        })
    })
}

/// Enters all events that are later than the last one, in one transaction.
async fn enter_later(ports: &Ports) -> Result<(), HandlerError> {
    let events = ports.store.read_events(0, ALL).await?;
    let mut tx = ports.store.begin().await?;
    let last = tx.checkpoint(STATEMENTS).await?.unwrap_or(0);
    let time = |event: &seaworthy_core::ports::RecordedEvent| event.message.time.as_micros().unsigned_abs();
    let later = events.iter().filter(|event| time(event) > last);
    let Some(latest) = later.clone().map(time).max() else { return Ok(()) };
    for event in later {
        Statements.handle(&mut *tx, &event.message).await?;
    }
    tx.set_checkpoint(STATEMENTS, latest).await?;
    Ok(tx.commit().await?)
}
