//! The SQLite adapter: one test program, one topic a module.

mod conformance;
mod crash;
mod errors;
mod latest_time;
mod long_dead;
mod long_past;
mod older_files;
mod outbox;
mod parameters;
mod processes;
mod schema;
mod settings;
mod support;
mod transactions;
mod wrappers;
