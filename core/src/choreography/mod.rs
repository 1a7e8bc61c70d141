//! Choreography: domains that answer each other by events and commands, without anybody who directs them.
//!
//! | part | what it is | when you need it |
//! |---|---|---|
//! | [`Domain`] | the names of a domain's events and commands, and its topics | always |
//! | [`Router`], [`Translator`] | translates events of one domain into commands for others | between two domains |
//! | [`Command`], [`ExpectedSequence`] | a command for one aggregate, and the version that it was decided on | in a translator |
//! | [`Destinations`], [`DestinationStates`] | the aggregates that a translation depends on, and the place of their states | where commands depend on the state of others |
//! | [`CommandHandlers`] | the destination: its aggregates decide, refuse or are at another version | in each domain that takes commands |
//! | [`Rejection`], [`RejectionHandlers`] | the way back: the source undoes what a rejected command stood for | in each domain whose events lead to commands |
//! | [`SourcedCommandHandlers`], [`SourcedRejectionHandlers`] | both ends, for aggregates that are [a fold of their events](crate::events::Sourced) | where those take the place of aggregates that keep their state |
//! | [`FollowUp`], [`Escalations`] | dead letter, escalation, revocation, abort | for rejections that nobody expects |
//! | [`ProcessManager`], [`Reaction`] | listens to several domains, remembers, sets timers | where one event is not enough to decide |
//! | [`ProcessRetention`] | forgets processes that ended long ago | beside each process manager |
//!
//! # The way of an event
//! ```text
//! player ──funds.reserved──► router ──seat.player──► table ──player.seated──► ..
//!   ▲                         ▲   │ again, on fresh states   │
//!   │                         └───┴──────── stale ◄──────────┤
//!   └──────────── command.rejected: table_full ◄─────────────┘
//! ```
//! A router handles an event in one transaction: it fetches the states of the destinations that its translator has declared,
//! and stages a message for each command. Each is delivered, tried again, and refused alone; those for one aggregate are
//! sent in order and expect its versions one after the other. A command that was decided on an old state ([`ExpectedSequence::Exact`]) changes nothing and comes back to the router,
//! which translates the event again for that one command, after a pause and a bounded number of times. A command that is
//! rejected goes back to the aggregate that the event was about, once, with its reason.
//!
//! Order and versions of several commands for one aggregate hold as long as nobody else writes it meanwhile: if somebody does,
//! the first one may be stale and come later, and the second one find just the version that it expects. Where the second must
//! not happen without the first, make one command of them.
//!
//! All ids are derived: of a command from event, destination, place and attempt, of an answer from its command. Every message
//! names the one that caused it and shares its correlation id, so what follows from one event is a tree. A command carries
//! the event that it follows from in a header, in base64: a router needs no store of events, and a large event with many
//! commands travels with each of them.
//!
//! A late event or command never moves an aggregate out of a terminal state, if the handlers know
//! [which states are terminal](CommandHandlersBuilder::ended_when).
//!
//! There are no transactions over several domains here: each is consistent in itself at any time, and all of them together once
//! messages have come to rest.
//!
//! # An event that leads to a command
//! The smallest router, an example of many guides: a hero who has killed a dragon gets an ancient item.
//!
//! ```
//! use seaworthy_core::choreography::{Command, Destinations, Domain, Router};
//! use seaworthy_core::{message::MessageBuilder, ports::Timestamp};
//! use serde::{Deserialize, Serialize};
//!
//! struct Heroes;
//!
//! impl Domain for Heroes {
//!     const NAME: &'static str = "heroes";
//!     const EVENTS: &'static [&'static str] = &["hero.killed_dragon", "hero.found_item"];
//!     const COMMANDS: &'static [&'static str] = &["drop_ancient_item"];
//! }
//!
//! #[derive(Serialize, Deserialize)]
//! struct KilledDragon {
//!     hero: String,
//!     dragon: String,
//! }
//!
//! #[derive(Serialize)]
//! struct DropAncientItem {
//!     item: u32,
//! }
//!
//! let router = Router::builder("ancient-items")
//!     .source::<Heroes>()
//!     .translate("hero.killed_dragon", |event: &KilledDragon| {
//!         Ok(vec![Command::new::<Heroes>("drop_ancient_item", &*event.hero, &DropAncientItem { item: 17 })?])
//!     })
//!     .build()?;
//!
//! // It is pure, so a test needs no store.
//! let killed = MessageBuilder::new("heroes", "hero.killed_dragon", "siegfried")
//!     .json(&KilledDragon { hero: "siegfried".into(), dragon: "fafnir".into() })?
//!     .derive(uuid::Uuid::from_u128(1), &[], Timestamp::EPOCH);
//! let commands = router.handle(&killed, &Destinations::none())?;
//! assert_eq!(commands[0].destination().to_string(), "heroes/siegfried");
//! let sent = router.split(&killed, commands, Timestamp::EPOCH)?;
//! assert_eq!((sent[0].topic.as_str(), sent[0].causation_id), ("heroes.commands", Some(killed.id)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Source patterns: choreographed sagas and the splitter (Hohpe and Woolf), optimistic concurrency by expected versions,
//! process managers.

mod command;
mod command_handlers;
mod destination;
mod destinations;
mod domain;
mod ended;
mod error;
mod escalation;
mod follow_up;
mod process;
mod rejection;
mod rejection_handlers;
mod route;
mod router;
mod sent;
mod split;
mod stale;
mod translator;

pub use command::{Command, ExpectedSequence};
pub use command_handlers::{
    CommandHandlers, CommandHandlersBuilder, SourcedCommandHandlers, SourcedCommandHandlersBuilder, waits_for_turn,
};
pub use destination::Destination;
pub use destinations::{DestinationState, DestinationStates, Destinations, DocumentsOf, OwnDocuments};
pub use domain::{Domain, RegistrationError};
pub use error::TranslateError;
pub use escalation::Escalations;
pub use follow_up::{FollowUp, REVOKED};
pub use process::{OrderError, ProcessManager, ProcessManagerBuilder, ProcessOutcome, ProcessRetention, Reaction};
pub use rejection::{REJECTED, Rejection, RejectionReason};
pub use rejection_handlers::{
    RejectionHandlers, RejectionHandlersBuilder, SourcedRejectionHandlers, SourcedRejectionHandlersBuilder,
    rejected_letters,
};
pub use router::{NoSource, Router, RouterBuilder};
pub use sent::{CARRIED_EVENT, carried_event};
pub use translator::Translator;
