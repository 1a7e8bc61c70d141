//! The SQLite adapter: one test program, one topic a module.

mod conformance;
mod errors;
mod long_dead;
mod long_past;
mod older_files;
mod parameters;
mod processes;
mod schema;
mod settings;
mod support;
mod transactions;
mod wrappers;
