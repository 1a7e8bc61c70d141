//! The store port of `seaworthy-core` on SQLite: documents, outbox, inbox, sagas, participants' operations and
//! checkpoints in one file, beside your own tables.
//!
//! [`SqliteStore::open`] brings a file up to date and returns a store; [`SqliteStore::open_in_memory`] is for tests and
//! simulation. The same code runs on tokio in production and inside a single-threaded simulation: nothing here blocks
//! while it waits for another task, and all time comes from the clock port.
//!
//! # Your own tables
//!
//! A transaction lends its [`rusqlite::Connection`], so statements of your own commit together with the messages, inbox
//! rows and log entries that belong to them. Here an order is a row of your own, confirmed in an inbox handler's or a
//! step's transaction:
//!
//! ```
//! use rusqlite::Connection;
//! use seaworthy_core::ports::{StoreError, Transaction, connection};
//!
//! /// Confirms an order and stages what tells of it, both or neither.
//! async fn confirm(tx: &mut dyn Transaction, order: i64, confirmed: &Message) -> Result<(), StoreError> {
//!     let sql: &mut Connection = connection(tx).await?;
//!     let changed = sql
//!         .prepare_cached("UPDATE orders SET state = 'confirmed' WHERE id = ?1 AND state = 'pending'")
//!         .and_then(|mut update| update.execute([order]))
//!         .map_err(|error| seaworthy_sqlite::store_error("confirm order", &error))?;
//!     if changed == 1 {
//!         tx.stage(confirmed).await?;
//!     }
//!     Ok(())
//! }
//! # use std::{sync::Arc, time::Duration};
//! # use seaworthy_core::{message::{Message, MessageBuilder}, ports::{Clock, Store, Timestamp}};
//! # use seaworthy_sqlite::{SqliteConfig, SqliteStore};
//! # use uuid::Uuid;
//! # struct Epoch;
//! # #[async_trait::async_trait]
//! # impl Clock for Epoch {
//! #     fn now(&self) -> Timestamp { Timestamp::EPOCH }
//! #     async fn sleep(&self, _: Duration) {}
//! # }
//! # fn message() -> Message {
//! #     MessageBuilder::new("orders", "order.confirmed", "17").derive(Uuid::from_u128(1), &["confirm"], Timestamp::EPOCH)
//! # }
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! # let store = SqliteStore::open_in_memory(Arc::new(Epoch), SqliteConfig::simulation())?;
//!
//! // When the service starts: tables of your own live in the same file.
//! let mut tx = store.begin().await?;
//! connection::<Connection>(&mut *tx)
//!     .await?
//!     .execute_batch("CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, state TEXT NOT NULL)")?;
//! # connection::<Connection>(&mut *tx).await?.execute_batch("INSERT INTO orders VALUES (17, 'pending')")?;
//! tx.commit().await?;
//!
//! // Twice, as after a redelivery: the order is confirmed once and told of once.
//! for _ in 0..2 {
//!     let mut tx = store.begin().await?;
//!     confirm(&mut *tx, 17, &message()).await?;
//!     tx.commit().await?;
//! }
//! assert_eq!(store.backlog().await?.outbox_unsettled, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! In a simulation a judge sees your tables too, without a word in this code: a scenario declares what they mean
//! (`OutboxTable`, `InboxTable`, `EffectTable` and `Conserved` in `seaworthy_sim::scenario`). The store then watches them
//! by temporary triggers on its connection ([`Store::watch`](seaworthy_core::ports::Store::watch)). What no declaration
//! can say is said with [`Transaction::observe`](seaworthy_core::ports::Transaction::observe).
//!
//! # What a simulation on SQLite can't show
//!
//! SQLite has one writer, and a transaction of this store holds it from its first moment to its last. A service that is
//! to run on Postgres meets more there: two open transactions that both read before either writes (lost updates, write
//! skew, check then insert), sequences that commit out of order, deadlocks between rows. None of them can occur here, so a
//! campaign on this store says nothing about them. The simulated store has snapshot isolation: there write skew shows, and
//! a lost update is a `Conflict`.
//!
//! # What an error means
//!
//! | SQLite says | the store says | applied? |
//! |---|---|---|
//! | unique key or version taken, `BUSY_SNAPSHOT` | `Conflict` | no |
//! | `BUSY`, `LOCKED` (another process), `FULL`, `READONLY`, `CANTOPEN`, `NOMEM`; `IOERR` in a statement | `Unavailable` | no |
//! | any other constraint, a missing table, a malformed value, `CORRUPT` | `Refused` | no |
//! | `IOERR`, or anything unexpected, at `COMMIT` | `Unknown` | nobody knows |
//!
//! The last line is about the write-ahead log: when writing or syncing it fails in a commit, this process goes on with
//! the old state, but the commit mark may have reached the disk, and a process that recovers the log after a crash would
//! then see the new state. Before that point SQLite rolls back, and a transaction that met an error can't be committed
//! any more.
//!
//! # Map
//! | item | what it is | when you need it |
//! |---|---|---|
//! | [`SqliteStore`] | the store | always |
//! | [`SqliteConfig`], [`Synchronous`], [`Blocking`] | settings, each default justified | before production, and for [`SqliteConfig::simulation`] |
//! | [`OpenError`] | why a file can't be opened | when a service starts |
//! | [`SqliteTransaction`] | a transaction as its own type | to call [`SqliteTransaction::connection`] without a cast |
//! | [`store_error`] | what an error of your own statement means | around your own SQL |
//!
//! In the code: `files` opens connections, `pragmas` sets them up, `schema` migrates, `writer` guards commits; `in_memory`
//! takes a database in memory back to its beginning, `recycled` keeps it for the next simulation; `composed` names a user's
//! tables in SQL, `watch` tells what changed in them. `documents`, `outbox`, `inbox`, `saga`, `participants`,
//! `checkpoints` and `events` hold the statements of one part of the port each; `transaction` and `store` run them.

mod config;
mod epoch;
mod error;
mod store;
mod transaction;

mod columns;
mod composed;
mod envelope;
mod files;
mod in_memory;
mod latest;
mod pragmas;
mod recycled;
mod schema;
mod watch;
mod writer;

mod census;
mod checkpoints;
mod documents;
mod events;
mod inbox;
mod outbox;
mod participants;
mod saga;

pub use config::{Blocking, SqliteConfig, Synchronous};
pub use error::{OpenError, in_statement as store_error};
pub use store::SqliteStore;
pub use transaction::SqliteTransaction;
