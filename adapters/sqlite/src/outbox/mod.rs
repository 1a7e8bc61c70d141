//! The outbox: staging inside a transaction, and the relay's side of it.

mod candidate;
mod claim;
mod dead;
mod due;
mod lane;
mod republish;
mod retention;
mod settle;
mod stage;
mod tail;

pub(crate) use claim::claim;
pub(crate) use dead::{dead_rows, purge_dead, redrive};
pub(crate) use due::next_available;
pub(crate) use republish::republish;
pub(crate) use retention::purge_dispatched;
pub(crate) use settle::settle;
pub(crate) use stage::stage;
pub(crate) use tail::{attempt, bury_unread, mark, settled_to, tail};

#[cfg(test)]
mod tests;
