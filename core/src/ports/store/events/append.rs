use smol_str::SmolStr;

use crate::message::Message;

/// Events to append to a stream.
///
/// ```
/// use seaworthy_core::{
///     message::MessageBuilder,
///     ports::{EventAppend, ExpectedVersion, Ports, StoreError},
/// };
///
/// async fn open(ports: &Ports) -> Result<(), StoreError> {
///     let opened = MessageBuilder::new("bank", "account.opened", "17").draw(&*ports.clock, &*ports.random);
///     let mut tx = ports.store.begin().await?;
///     let appended =
///         tx.append_events(&EventAppend::new("account-17", ExpectedVersion::NoStream, vec![opened])).await?;
///     assert_eq!(appended.version, 1);
///     tx.commit().await
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventAppend {
    /// Name of the stream, for example `account-17`.
    pub stream: SmolStr,
    /// Condition under which the events are appended.
    pub expected: ExpectedVersion,
    /// Events in their order. An event's id is the message's. What is recorded has the stream for its partition key, its
    /// position for its sequence and the epoch of the store, whatever is in these fields here.
    pub events: Vec<Message>,
}

impl EventAppend {
    /// Events for the end of a stream, if it is as expected.
    pub fn new(stream: impl Into<SmolStr>, expected: ExpectedVersion, events: Vec<Message>) -> Self {
        Self { stream: stream.into(), expected, events }
    }
}

/// Condition on the end of a stream, for optimistic concurrency: an appender that has decided by what a stream held says
/// up to where it has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ExpectedVersion {
    /// Its last event has this version; `0` is the same as [`NoStream`](Self::NoStream).
    Exact(u64),
    /// Any content, for events that don't depend on it.
    Any,
    /// It holds nothing yet.
    NoStream,
}

impl ExpectedVersion {
    /// Returns `true` if a stream whose last event has this version, `0` if it has none, is as expected.
    pub const fn holds(self, version: u64) -> bool {
        match self {
            Self::Exact(expected) => expected == version,
            Self::Any => true,
            Self::NoStream => version == 0,
        }
    }
}

/// Places of events that were appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Version of the stream's last event now; `0` if it holds none.
    pub version: u64,
    /// Position of each event that was appended, in their order.
    pub positions: Vec<u64>,
}
