//! The store port on SQLite.

mod config;
mod error;
mod store;
mod transaction;

mod columns;
mod envelope;
mod files;
mod schema;
mod writer;

mod checkpoints;
mod documents;
mod inbox;
mod outbox;
mod participants;
mod saga;

pub use config::{Blocking, SqliteConfig, Synchronous};
pub use error::OpenError;
pub use store::SqliteStore;
pub use transaction::SqliteTransaction;
