//! The redb adapter: one test program, one topic a module.

mod conformance;
mod crash;
mod documents;
mod errors;
mod latest_time;
mod outbox;
mod support;
mod transactions;
mod unread;
