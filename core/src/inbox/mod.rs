//! The inbox: a message's effect and the note that it was handled are one transaction, so that a broker which delivers
//! at least once has its effect exactly once.
//!
//! | part | what it is | when you need it |
//! |---|---|---|
//! | [`Handler`], [`Handlers`] | what a service does with a message, by its type | always |
//! | [`Consumer`] | receives, handles in one transaction, acknowledges after the commit | one or more for each consumer group |
//! | [`InboxRetention`] | deletes old rows, no sooner than the broker may still redeliver | one in every deployment |
//! | [`Consumer::redrive`] | handles dead letters again | when an operator says so |
//! | [`ask_redrive`] | asks a consumer, wherever it runs, to do so | in a tool that has no handlers |
//! | [`discard`] | drops dead letters unhandled | when an operator says so |
//!
//! # What becomes of a message
//! | what happens | the message |
//! |---|---|
//! | the handler succeeds and the transaction commits | is acknowledged |
//! | it has expired | is dropped with a warning, or becomes a dead letter where the consumer is told so |
//! | it was handled before | is acknowledged, without running the handler |
//! | the store can't be reached | comes again after a pause of the consumer; nothing is counted against it |
//! | the store conflicts, or the commit's outcome is unknown | is handled again at once, on a fresh snapshot; what fails so several times in a row is a failure of the store |
//! | the store fails at what this message does, and counts the failure | comes again; at the last such failure, of which there may be more, it becomes a dead letter |
//! | its process ends each time before it is handled | is counted before it is handled, once the broker has delivered it several times; then as above |
//! | the handler waits for an answer of the store as its limit ends, where another transaction holds what it asks for | as the one before: the store has failed, and not the handler |
//! | the handler panics, or is not done within its limit | as below: its consumer goes on with others |
//! | the handler can't have what it needs for the moment | comes again after a backoff; at the last failure it becomes a dead letter |
//! | the handler gives its failure a kind of its own | comes again, or not, as the [policy](FailurePolicy) for that kind says |
//! | the handler postpones it | comes again after that time; at the last of several failures it becomes a dead letter |
//! | its payload can't be decoded, or the handler refuses it | becomes a dead letter at once |
//! | its type is unknown | comes again later, for a newer version of the service to handle |
//! | its type is ignored by name | is acknowledged |
//!
//! A message that waits holds back the later ones of its partition key, so that none overtakes it. A dead letter keeps
//! the whole message, counts as seen, and lets its key go on.

mod attempt;
mod batch;
mod config;
mod consumer;
mod discard;
mod extension;
mod failure;
mod handler;
mod policy;
mod redrive;
mod retention;
mod workers;

pub(crate) use attempt::{Failed, apart, handle_within, timed};
pub use config::ConsumerConfig;
pub use consumer::Consumer;
pub use discard::discard;
pub(crate) use failure::{Judged, Limits, NO_END};
pub use handler::{DuplicateHandler, Handler, HandlerError, Handlers, HandlersBuilder};
pub use policy::FailurePolicy;
pub use redrive::{Redriven, ask_redrive};
pub use retention::{InboxRetention, RetentionError};
