//! Aggregates: state that says what happened to it, saved together with the messages that tell others.
//!
//! | part | what it is | when you need it |
//! |---|---|---|
//! | [`Aggregate`], [`DomainEvent`] | your state, and what can happen to it | always |
//! | [`Tracked`] | a loaded aggregate, with the events of its changes | to change one |
//! | [`MessageMap`] | which event becomes which message | once, when the process is built |
//! | [`Repository`] | loads, saves, stages the messages | always |
//! | [`Persistence`] | where the state is stored | to keep it in tables of your own instead of [`InDocuments`] |
//!
//! An event is recorded where a declared transition happens, by comparing the state before and after a change. So a
//! write that changes nothing records nothing, and no code path can change the state and forget the event.
//!
//! ```
//! use seaworthy_core::aggregate::{Aggregate, Cause, DomainEvent, MessageMap, Repository, Tracked};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
//! struct Order {
//!     id: String,
//!     confirmed: bool,
//! }
//!
//! enum OrderEvent {
//!     Placed,
//!     Confirmed { order: String },
//! }
//!
//! impl DomainEvent for OrderEvent {
//!     const NAMES: &'static [&'static str] = &["Placed", "Confirmed"];
//!
//!     fn name(&self) -> &'static str {
//!         match self {
//!             Self::Placed => "Placed",
//!             Self::Confirmed { .. } => "Confirmed",
//!         }
//!     }
//! }
//!
//! impl Aggregate for Order {
//!     const NAME: &'static str = "order";
//!     type Event = OrderEvent;
//!
//!     fn id(&self) -> &str {
//!         &self.id
//!     }
//!
//!     fn transition(before: Option<&Self>, after: &Self) -> Option<OrderEvent> {
//!         match before {
//!             None => Some(OrderEvent::Placed),
//!             Some(before) if !before.confirmed && after.confirmed => {
//!                 Some(OrderEvent::Confirmed { order: after.id.clone() })
//!             }
//!             Some(_) => None,
//!         }
//!     }
//! }
//!
//! let mut order = Tracked::new(Order { id: "17".into(), confirmed: false });
//! order.change(|order| order.confirmed = true);
//! order.change(|order| order.confirmed = true);
//! assert_eq!(order.events().iter().map(DomainEvent::name).collect::<Vec<_>>(), ["Placed", "Confirmed"]);
//!
//! let messages = MessageMap::builder("orders")
//!     .publish("Confirmed", "order.confirmed", |event| match event {
//!         OrderEvent::Confirmed { order } => serde_json::json!({ "order": order }),
//!         OrderEvent::Placed => serde_json::Value::Null,
//!     })
//!     .ignore("Placed")
//!     .build()?;
//! # use seaworthy_core::ports::Ports;
//! async fn place(ports: Ports, messages: MessageMap<OrderEvent>, order: Tracked<Order>) {
//!     let orders = Repository::new(messages, ports.clock.clone(), ports.random.clone());
//!     let mut tx = ports.store.begin().await.unwrap();
//!     orders.save(&mut *tx, order, Cause::New).await.unwrap();
//!     tx.commit().await.unwrap();
//! }
//! # Ok::<(), seaworthy_core::aggregate::MapError>(())
//! ```

mod error;
mod message_map;
mod persistence;
mod repository;
mod tracked;

pub use error::{AggregateError, UpdateError};
pub use message_map::{MapError, MessageMap, MessageMapBuilder};
pub use persistence::{InDocuments, Persistence};
pub use repository::{Cause, Repository};
pub use tracked::Tracked;

/// Domain event: something that happened to an aggregate.
pub trait DomainEvent: Send + Sync + 'static {
    /// The names of all events of this type, so that a missing registration is found when the process is built and not
    /// when the event first happens.
    const NAMES: &'static [&'static str];

    /// Returns the name of this event, one of [`DomainEvent::NAMES`].
    fn name(&self) -> &'static str;
}

/// State that is changed as one, with an id and declared transitions.
pub trait Aggregate: Clone + PartialEq + Send + Sync + 'static {
    /// Name of the aggregate type, for example `order`: the collection of its documents.
    const NAME: &'static str;

    /// Domain events of the aggregate.
    type Event: DomainEvent;

    /// Returns the id of the aggregate, which never changes.
    fn id(&self) -> &str;

    /// The declared transition that a change amounts to, if it is one. `before` is `None` for a new aggregate. It is
    /// called once for each change that changed something.
    fn transition(before: Option<&Self>, after: &Self) -> Option<Self::Event>;
}
