//! The suite that every [`Store`](crate::ports::Store) and [`Broker`](crate::ports::Broker) adapter has to pass
//! (feature `conformance`).
//!
//! It is for people who write an adapter. Describe yours with a [`StoreSubject`] or a [`BrokerSubject`] and let
//! [`store_conformance!`](crate::store_conformance) or [`broker_conformance!`](crate::broker_conformance) write one
//! test for each promise of the port:
//!
//! ```no_run
//! # mod adapter {
//! use std::{sync::Arc, time::Duration};
//! use seaworthy_core::{conformance::StoreSubject, ports::Store};
//!
//! struct MyStore;
//!
//! #[async_trait::async_trait]
//! impl StoreSubject for MyStore {
//!     async fn fresh(&self) -> Arc<dyn Store> {
//! #       unimplemented_here()
//!         // An empty store of its own for each check, for example in a temporary directory.
//!     }
//!     async fn advance(&self, by: Duration) {
//!         // A manual clock moves; a store on real time sleeps.
//!     }
//! }
//! # fn unimplemented_here() -> Arc<dyn Store> { loop {} }
//!
//! seaworthy_core::store_conformance!(MyStore, |check| {
//!     let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
//!     runtime.expect("a runtime").block_on(check)
//! });
//! # }
//! ```
//!
//! A store that has [some parts only](crate::ports::Parts) is held to these: checks of other parts are left out, which a
//! [`Report`] names, and what the store has not must be refused as [`Part::refusal`](crate::ports::Part::refusal) says.
//!
//! [`store_report`] and [`broker_report`] run all checks at once and return a [`Report`], for those who have another
//! place for it. Checks need no particular runtime: concurrency in them is several futures polled in turn.
//!
//! | module | what it holds |
//! |---|---|
//! | [`store`] | one check for each promise of the store port |
//! | [`broker`] | one check for each promise of the broker port |

mod block_on;
pub mod broker;
mod macros;
mod outcome;
mod poll;
mod report;
mod samples;
pub mod store;
mod subject;

pub use block_on::block_on;
pub use outcome::{BrokenPromise, CheckVerdict, Outcome};
pub use report::{Check, CheckReport, Report, assert_broker, assert_store, broker_report, store_report};
pub use subject::{BrokerSubject, StoreSubject};
