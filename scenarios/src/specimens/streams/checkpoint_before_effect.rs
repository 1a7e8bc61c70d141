//! A subscriber that moves its checkpoint in one transaction, so that nothing is done twice, and has the effect in the next.
//! Whoever dies between the two never has it.
//!
//! Threads: one subscriber. A crash is enough, or an error of the second transaction.
//!
//! Mechanism: the place in the log is not part of what it is the place of.
//!
//! Violates: `projections-are-folds`, `projections-complete` and `statements-have-each-event`.
//!
//! Right: [`Subscriber`](seaworthy_core::events::Subscriber) has effect and checkpoint in one transaction.

use seaworthy_core::inbox::Handler as _;
use seaworthy_event_store::{messages::STATEMENTS, projections::Statements};

use super::{follow, pass};
use crate::event_store::EventStore;

/// The bank with this mistake.
pub(super) fn twin() -> EventStore {
    let about = "the checkpoint of statements moves in a transaction before that of the effect";
    EventStore::with_mistake("checkpoint-before-effect", about, STATEMENTS, |ports| {
        Box::pin(follow(ports, STATEMENTS, |ports, event| async move {
            let mut tx = ports.store.begin().await?;
            pass(&mut *tx, STATEMENTS, &event).await?;
            tx.commit().await?;
            let mut tx = ports.store.begin().await?;
            Statements.handle(&mut *tx, &event.message).await?;
            Ok(tx.commit().await?)
        }))
    })
}
