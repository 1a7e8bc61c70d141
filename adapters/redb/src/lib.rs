//! The store port of `seaworthy-core` on redb, an embedded key-value database: documents in tables, and indexes beside them that
//! the adapter keeps itself. One file, one process, pure Rust.
//!
//! [`RedbStore::open`] opens a file or makes it; [`RedbStore::open_in_memory`] is for tests and simulation. The same code runs on
//! tokio in production and inside a single-threaded simulation: nothing here blocks while it waits for another task, and all time
//! comes from the clock port.
//!
//! # Why redb
//!
//! What a store of this port needs of a database is one transaction over all its tables, commits that outlast a kill and a loss of
//! power, and nothing that a deterministic simulation can't have. redb and fjall are both of pure Rust and well kept.
//!
//! | | redb 4 | fjall 3 |
//! |---|---|---|
//! | transactions over several tables | yes: one writer, readers on snapshots beside it | yes: one writer, or optimistic |
//! | a commit waits for the disk | by default | when asked: `PersistMode::SyncAll` |
//! | crash safety | pages are never written in place; the root is swapped last, with checksums | a journal, replayed |
//! | threads of its own | none | flushing and compaction, in the background |
//! | in memory | yes, behind a trait of five methods | no |
//! | files | one | a folder |
//! | suited for | more reads than writes | more writes than reads |
//!
//! Threads that compact when they see fit can't run inside a simulation whose every schedule is a function of its seed, and without
//! a database in memory a campaign of thousands of short runs would be one of files. That decided it; fjall takes more writes a
//! second.
//!
//! # Documents
//!
//! Whatever the core keeps is a document: JSON of the shape `{"v":1,"d":{..}}`, where `v` is the version of its format. Payloads,
//! records of logs and bodies of documents stand in it as what they are: JSON as JSON, text as text, anything else as base64
//! ([`seaworthy_core::payload`]). Keys are bytes that sort like their parts. What has to be found otherwise - what is due, what is
//! dead, what is old - has an entry in an index table, written in the same transaction by one function which says for each
//! document what belongs to it.
//!
//! | table | key | document |
//! |---|---|---|
//! | `seaworthy_documents` | collection, id | version, body |
//! | `seaworthy_outbox_messages` | sequence | the message as it was staged |
//! | `seaworthy_outbox` | sequence | state, lane, moment, attempts, claim, error |
//! | `seaworthy_inbox` | consumer, message | state, failures, source, epoch, key, sequence |
//! | `seaworthy_dead_letters` | number | the whole message, the reason, when it failed |
//! | `seaworthy_watermarks` | consumer, source, epoch, key | sequence, when it was raised |
//! | `seaworthy_sagas` | number | the saga, its lease, its outcome |
//! | `seaworthy_saga_log` | saga's number, sequence | epoch, time, record |
//! | `seaworthy_operations` | operation | state, when it was written |
//! | `seaworthy_checkpoints` | consumer | position |
//! | `seaworthy_events` | position | version, event |
//! | `seaworthy_event_snapshots` | stream | version, state |
//! | `seaworthy_meta` | name | the format of the tables, the epoch, the latest time |
//!
//! # Tables of your own
//!
//! A transaction lends its [`redb::WriteTransaction`]: what is written to tables of your own commits with the messages, inbox rows
//! and log entries that belong to it.
//!
//! ```
//! use redb::{TableDefinition, WriteTransaction};
//! use seaworthy_core::ports::{StoreError, Transaction, connection};
//!
//! const ORDERS: TableDefinition<u64, &str> = TableDefinition::new("orders");
//!
//! /// Confirms an order and stages what tells of it, both or neither.
//! async fn confirm(tx: &mut dyn Transaction, order: u64, confirmed: &Message) -> Result<(), StoreError> {
//!     let own: &mut WriteTransaction = connection(tx).await?;
//!     let before = {
//!         let mut orders = own.open_table(ORDERS).map_err(|error| seaworthy_redb::store_error("open orders", error))?;
//!         let before = orders.insert(order, "confirmed").map_err(|error| seaworthy_redb::store_error("confirm", error))?;
//!         before.map(|state| state.value().to_owned())
//!     };
//!     if before.as_deref() != Some("confirmed") {
//!         tx.stage(confirmed).await?;
//!     }
//!     Ok(())
//! }
//! # use std::{sync::Arc, time::Duration};
//! # use seaworthy_core::{message::{Message, MessageBuilder}, ports::{Clock, Store, Timestamp}};
//! # use seaworthy_redb::{RedbConfig, RedbStore};
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
//! # let store = RedbStore::open_in_memory(Arc::new(Epoch), RedbConfig::simulation())?;
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
//! A judge in a simulation does not see these tables ([`Store::watch`](seaworthy_core::ports::Store::watch) is refused): keep as
//! documents what is to be judged, or say it with [`Transaction::observe`](seaworthy_core::ports::Transaction::observe).
//!
//! # Blocking
//!
//! redb works on the thread that calls it. Statements work on pages that are mostly in its cache and block for as long as the disk
//! takes where they are not; a commit writes and waits for the disk, for which the runtime is told to move other tasks away
//! ([`Blocking`]). [`RedbStore::open`], and dropping the last handle, read and write the file too.
//!
//! # What an error means
//!
//! | redb says | the store says | applied? |
//! |---|---|---|
//! | (the store itself finds a version, key or fence taken) | `Conflict` | no |
//! | an I/O error in a statement, a full disk among them; `PreviousIo`, `DatabaseClosed` | `Unavailable` | no |
//! | a document that can't be read, `Corrupted`, a table of another type, a value of more than 3 GiB | `Refused` | no |
//! | an I/O error, or anything unexpected, at the commit | `Unknown` | nobody knows |
//!
//! After an I/O error redb works on the file no more. The store opens it anew by itself when the next transaction begins, and says
//! so at `WARN`: what was committed is there, and of a commit that failed all or nothing.
//!
//! # Map
//! | item | what it is | when you need it |
//! |---|---|---|
//! | [`RedbStore`] | the store | always |
//! | [`RedbConfig`], [`Synchronous`], [`Blocking`] | settings, each default justified | before production, and for [`RedbConfig::simulation`] |
//! | [`OpenError`] | why a file can't be opened | when a service starts |
//! | [`RedbTransaction`] | a transaction as its own type | to call [`RedbTransaction::transaction`] without a cast |
//! | [`store_error`] | what an error of your own operation means | around your own tables |
//!
//! In the code: `key` makes keys, `document` encodes, `tables` names the tables, `view` reads and writes them, `indexed` keeps index
//! entries with their documents; `backend` notes what fails, `database` opens, `files` shares a file among its handles; `documents`,
//! `outbox`, `inbox`, `saga`, `participants`, `checkpoints` and `events` hold one part of the port each; `transaction` and `store`
//! run them.

mod config;
mod error;
mod store;
mod transaction;

mod backend;
mod database;
mod document;
mod files;
mod indexed;
mod key;
mod latest;
mod meta;
mod tables;
mod view;

mod census;
mod checkpoints;
mod documents;
mod events;
mod inbox;
mod outbox;
mod participants;
mod saga;

pub use config::{Blocking, RedbConfig, Synchronous};
pub use error::{OpenError, in_statement as store_error};
pub use store::RedbStore;
pub use transaction::RedbTransaction;
