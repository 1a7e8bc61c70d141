//! The service of search was made from that of statements, and still has its subscriber's name. Two subscribers of one name are
//! two replicas of one: each event has its effect with whichever comes first, and not with the other.
//!
//! Threads: two subscribers. No fault is needed.
//!
//! Mechanism: a checkpoint stands for all that was made of the log up to there, and here for half of it.
//!
//! Violates: `stands-still`, `projections-complete` or `projections-are-folds`.
//!
//! Right: a [`Subscriber`](seaworthy_core::events::Subscriber) has a name of its own.

use seaworthy_event_store::{
    messages::{SEARCH, STATEMENTS},
    parts::{follow, on_both},
    projections::Search,
};

use crate::event_store::EventStore;

/// The bank with this mistake.
pub(super) fn twin() -> EventStore {
    let about = "search and statements have one checkpoint, and each sees a part of the events";
    let search = |ports| -> futures_util::future::BoxFuture<'static, ()> {
        Box::pin(follow(ports, STATEMENTS, on_both(Search)))
    };
    EventStore::with_mistake("shared-checkpoint", about, SEARCH, search)
}
