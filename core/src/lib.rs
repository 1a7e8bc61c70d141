//! Sagas, transactional outbox, relay, inbox and aggregates behind ports.
//!
//! The crate has no backend: it reads no clock, draws no randomness and does no I/O but through its [`ports`]. The same
//! code runs in production on an adapter and, unchanged, in the simulator of `seaworthy-sim`.
//!
//! | module | what it is | when you need it |
//! |---|---|---|
//! | [`prelude`] | what nearly every service needs, in one `use` | always |
//! | [`ports`] | store, broker, clock, externals, randomness, tasks, requests | always: everything below is built on them |
//! | [`boot`] | ports, name and incarnation of a process, and its own death | where a process wants to know who it is |
//! | [`saga`] | typed and dynamic definitions, the orchestrator, recovery, operator verbs | to keep several steps all done or all undone |
//! | [`participant`] | idempotency and tombstones for the steps of somebody's saga | where a step changes your own store |
//! | [`outbox`] | building messages, the relay, retention, redrive | to publish what a transaction committed |
//! | [`inbox`] | the consumer, handlers, dead letters, retention | to handle each message once |
//! | [`choreography`] | routers, commands, rejections | where domains answer each other by events |
//! | [`aggregate`] | state that records events on declared transitions, and their messages | to let events follow from state |
//! | [`events`] | streams of events, subscribers with a checkpoint each | to let state follow from events |
//! | [`message`], [`ids`] | the envelope, drawn and derived ids | when you stage a message yourself |
//! | [`metrics`] | figures for whoever watches a service | in production |
//! | [`payload`] | bytes in JSON that a person can read | to write messages and documents to a log or a file |
//! | [`settings`] | what is wrong with a configuration | where settings come from outside |
//! | [`backoff`](mod@backoff), [`wake`], [`stop`] | delays, hints, graceful stop | to run loops of your own beside |
//! | [`cut`](mod@cut) | texts of errors as they are kept | to write an adapter |
//! | `conformance` | what every adapter must do, as checks (feature `conformance`) | to write an adapter |

pub mod aggregate;
pub mod backoff;
pub mod boot;
pub mod choreography;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod cut;
pub mod events;
pub mod ids;
pub mod inbox;
pub mod message;
pub mod metrics;
pub mod outbox;
pub mod participant;
pub mod payload;
pub mod ports;
pub mod prelude;
pub mod saga;
pub mod settings;
mod startup;
pub mod stop;
mod sweep;
mod time;
pub mod wake;
