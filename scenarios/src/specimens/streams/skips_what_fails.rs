//! A subscriber that wants to be held up by nobody: an event that it can't handle it notes in the log, and goes on with the
//! next. What failed was the store, for a moment, and the event is lost to this projection for good.
//!
//! Threads: one subscriber. An error in its transaction is enough.
//!
//! Mechanism: a failure that is over soon is taken for one that never is, and what is given up stands nowhere.
//!
//! Violates: `statements-have-each-event`, `projections-complete` or `projections-are-folds`.
//!
//! Right: [`Subscriber`](seaworthy_core::events::Subscriber) tries again, so many times, then parks the event with its reason
//! and lets later events of that stream wait behind it.

use seaworthy_core::inbox::{Handler as _, HandlerError};
use seaworthy_event_store::{messages::STATEMENTS, projections::Statements};
use tracing::warn;

use super::{follow, pass};
use crate::event_store::EventStore;

/// The bank with this mistake.
pub(super) fn twin() -> EventStore {
    let about = "an event that can't be entered in a statement now is passed over";
    EventStore::with_mistake("skips-what-fails", about, STATEMENTS, |ports| {
        Box::pin(follow(ports, STATEMENTS, |ports, event| async move {
            let entered = async {
                let mut tx = ports.store.begin().await?;
                Statements.handle(&mut *tx, &event.message).await?;
                pass(&mut *tx, STATEMENTS, &event).await?;
                Ok::<_, HandlerError>(tx.commit().await?)
            };
            if let Err(error) = entered.await {
                warn!(event = %event.message.id, %error, "event is skipped");
                let mut tx = ports.store.begin().await?;
                pass(&mut *tx, STATEMENTS, &event).await?;
                tx.commit().await?;
            }
            Ok(())
        }))
    })
}
