//! A projection that is built anew from the first event on, into the collection that is there and read. Each event is added to
//! what it was added to before.
//!
//! Threads: the subscriber that runs, and the one that builds. No fault is needed.
//!
//! Mechanism: the second subscriber has a checkpoint of its own, and not a place of its own.
//!
//! Violates: `projections-are-folds` and `balances-have-each-event`.
//!
//! Right: each of the [`Generations`](seaworthy_event_store::projections::Generations) has a
//! [`collection`](seaworthy_event_store::projections::collection) of its own, and readers change over.

use seaworthy_event_store::{
    messages::BALANCES,
    parts::on_both,
    projections::{Balances, balances_with, collection},
};

use crate::event_store::EventStore;

/// The bank with this mistake.
pub(super) fn twin() -> EventStore {
    let about = "balances are built anew into the collection that is there, and come to double";
    EventStore::with_mistake("rebuild-in-place", about, BALANCES, |ports| {
        Box::pin(balances_with(ports, |_| on_both(Balances(collection(1)))))
    })
}
