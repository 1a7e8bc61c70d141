//! The tokio adapter: one test program, one topic a module.

mod acknowledged;
mod broker;
mod conformance;
mod external;
mod health;
mod process;
