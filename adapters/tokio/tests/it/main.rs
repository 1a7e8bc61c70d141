//! The tokio adapter: one test program, one topic a module.

mod broker;
mod conformance;
mod process;
