//! The outbox: staging inside a transaction, and the relay's side of it.

mod candidate;
mod claim;
mod due;
mod lane;
mod retention;
mod settle;
mod stage;
mod tail;

pub(crate) use claim::claim;
pub(crate) use due::next_available;
pub(crate) use retention::{dead_rows, purge_dead, purge_dispatched, redrive};
pub(crate) use settle::settle;
pub(crate) use stage::stage;
pub(crate) use tail::{bury_unread, mark, settled_to, tail};

#[cfg(test)]
mod tests;
