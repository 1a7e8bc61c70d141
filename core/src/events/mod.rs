//! Events as the source of state: streams that are only appended to, and subscribers that each read all of them at a place
//! of their own.
//!
//! | part | what it is | when you need it |
//! |---|---|---|
//! | [`EventWrites`](crate::ports::EventWrites), [`EventStore`](crate::ports::EventStore) | streams of events in a store, and the log of all | always; a store has them as [a part](crate::ports::Part::Events) |
//! | [`Sourced`], [`Ledger`] | aggregates whose state is a fold of their events, decided, appended and published in one write | in place of [aggregates](crate::aggregate) that keep their state |
//! | [`Subscriber`] | reads the log and has the effect of each event once | for projections, and for what is to follow from events |
//!
//! Letters of a subscriber may be of events that have not failed: [`only_waits`] tells them apart.
//!
//! Handlers are those of an [inbox](crate::inbox): a [`Handler`](crate::inbox::Handler) for each type of event.
//!
//! ```
//! use async_trait::async_trait;
//! use seaworthy_core::{
//!     events::Subscriber,
//!     inbox::{Handler, HandlerError, Handlers},
//!     message::Message,
//!     ports::{Expected, Ports, Transaction},
//! };
//!
//! /// Counts the accounts that were opened.
//! struct CountAccounts;
//!
//! #[async_trait]
//! impl Handler for CountAccounts {
//!     async fn handle(&self, tx: &mut dyn Transaction, _: &Message) -> Result<(), HandlerError> {
//!         let before = tx.get("figures", "accounts").await?;
//!         let count: u64 = before.as_ref().map_or(0, |figure| serde_json::from_slice(&figure.body).unwrap_or(0));
//!         let expected = before.map_or(Expected::Absent, |figure| Expected::Version(figure.version));
//!         tx.put("figures", "accounts", expected, (count + 1).to_string().into()).await?;
//!         Ok(())
//!     }
//! }
//!
//! async fn figures(ports: Ports) {
//!     let handlers = Handlers::builder().on("account.opened", CountAccounts).build().expect("one for each type");
//!     Subscriber::new(&ports, "figures", handlers).run().await;
//! }
//! ```

mod attempt;
mod config;
mod failure;
mod ledger;
mod parked;
mod pass;
mod place;
mod run;
mod sourced;
mod subscriber;

pub use attempt::APPLIED;
pub use config::{SubscriberConfig, WhenParked};
pub use ledger::{Ledger, Loaded};
pub use place::only_waits;
pub use sourced::Sourced;
pub use subscriber::Subscriber;
