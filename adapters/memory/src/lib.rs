//! seaworthy's store, broker and external services in memory: what unit tests of handlers, relays and sagas run on, and
//! what the simulator puts its faults around.
//!
//! Each is a pure model (no task, no clock of its own, no fault, no draw) and a thin async type that gives it the port of
//! [`seaworthy_core`]. Nothing here needs the simulator, its `cfg` or a runtime: any executor will do.
//!
//! | module | what it is | when you need it |
//! |---|---|---|
//! | [`store`] | a store with snapshot isolation: documents, outbox, inbox, sagas, events | to test a handler or a relay without a database |
//! | [`broker`] | consumer groups, order by key, redelivery | to test producers and consumers together |
//! | [`external`] | other people's services, with a ledger of what they did | to test a step that calls one |
//!
//! [`ManualClock`] is the clock that a test moves. All of it is lost with the process: a service that means to keep anything takes another adapter.
//!
//! ```
//! use seaworthy_core::{
//!     conformance::block_on,
//!     ports::{Expected, Store},
//! };
//! use seaworthy_memory::{ManualClock, store::MemoryStore};
//!
//! # fn main() -> Result<(), seaworthy_core::ports::StoreError> {
//! block_on(async {
//!     let store = MemoryStore::new(ManualClock::new());
//!     let mut tx = store.begin().await?;
//!     tx.put("orders", "order-17", Expected::Absent, "confirmed".into()).await?;
//!     tx.commit().await?;
//!     let mut tx = store.begin().await?;
//!     assert_eq!(tx.get("orders", "order-17").await?.expect("committed").body, "confirmed");
//!     Ok(())
//! })
//! # }
//! ```

pub mod broker;
pub mod external;
pub mod store;

mod clock;
mod lookup;

pub use clock::ManualClock;
pub use lookup::Lookup;
