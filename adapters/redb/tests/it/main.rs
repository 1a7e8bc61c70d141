//! The redb adapter: one test program, one topic a module.

mod conformance;
mod documents;
mod errors;
mod support;
mod transactions;
mod unread;
