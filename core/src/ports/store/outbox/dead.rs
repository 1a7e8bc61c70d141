use std::{fmt, str::FromStr};

use smol_str::SmolStr;

use super::OutboxRow;
use crate::{ids::MessageId, ports::Timestamp};

/// An outbox row that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadRow {
    /// The row as it stood when it died.
    pub row: OutboxRow,
    /// Reason for giving it up.
    pub reason: SmolStr,
    /// Time at which it was given up, by the store's clock.
    pub died_at: Timestamp,
}

impl DeadRow {
    /// Its place among the dead rows of its store: behind all that died before it.
    pub fn place(&self) -> DeadPlace {
        DeadPlace { died_at: self.died_at, sequence: self.row.message.sequence }
    }
}

/// Place of a dead row among those of its store, for the next page to go on behind. One that is redriven and dies again
/// has another place, behind the others.
///
/// As text it is one word, which a tool hands to its user and takes back:
///
/// ```
/// use seaworthy_core::ports::DeadPlace;
///
/// let place: DeadPlace = "1700000000000000.42".parse()?;
/// assert_eq!(place.to_string(), "1700000000000000.42");
/// assert!("yesterday".parse::<DeadPlace>().is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeadPlace {
    /// Time at which the row died, by the store's clock.
    pub died_at: Timestamp,
    /// Its position in the store's commit order.
    pub sequence: u64,
}

impl fmt::Display for DeadPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.died_at.as_micros(), self.sequence)
    }
}

impl FromStr for DeadPlace {
    type Err = InvalidPlace;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.split_once('.').and_then(|(died_at, sequence)| {
            let died_at = Timestamp::from_micros(died_at.parse().ok()?);
            Some(Self { died_at, sequence: sequence.parse().ok()? })
        });
        parts.ok_or_else(|| InvalidPlace(text.into()))
    }
}

/// A text that names no [place of a dead row](DeadPlace).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no place of a dead row: give back one that a list ended with, such as 1700000000000000.42")]
pub struct InvalidPlace(SmolStr);

/// Asks for dead rows of an outbox: all that meet what it says, and that lie behind a place. The same request lists them, a
/// page at a time, [redrives](crate::outbox::redrive) them, or [discards](crate::outbox::discard) them.
///
/// ```
/// use seaworthy_core::ports::{DeadRow, DeadRowRequest, Store, StoreError};
///
/// /// What the broker refused of a topic, however much it is.
/// async fn refused(topic: &str, store: &dyn Store) -> Result<Vec<DeadRow>, StoreError> {
///     let mut rows = Vec::new();
///     let mut request = DeadRowRequest::new(100).of_topic(topic);
///     loop {
///         let page = store.dead_rows(&request).await?;
///         let Some(last) = page.last() else { return Ok(rows) };
///         request = request.after(last.place());
///         rows.extend(page);
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeadRowRequest {
    /// Messages to look for; any where `None`.
    pub only: Option<Vec<MessageId>>,
    /// Type of the messages; any where `None`.
    pub kind: Option<SmolStr>,
    /// Topic of the messages; any where `None`.
    pub topic: Option<SmolStr>,
    /// Partition key of the messages; any where `None`.
    pub key: Option<SmolStr>,
    /// Text that the reason contains; any where `None`.
    pub reason: Option<SmolStr>,
    /// Earliest time at which they died, by the store's clock; any where `None`.
    pub died_from: Option<Timestamp>,
    /// Latest time at which they died, by the store's clock; any where `None`.
    pub died_until: Option<Timestamp>,
    /// The place behind which to look; all of them where `None`.
    pub after: Option<DeadPlace>,
    /// Largest number of rows.
    pub limit: usize,
}

impl DeadRowRequest {
    /// Dead rows of any kind, those that died first.
    pub fn new(limit: usize) -> Self {
        Self {
            only: None,
            kind: None,
            topic: None,
            key: None,
            reason: None,
            died_from: None,
            died_until: None,
            after: None,
            limit,
        }
    }

    /// Takes rows of these messages only.
    pub fn only(mut self, messages: impl Into<Vec<MessageId>>) -> Self {
        self.only = Some(messages.into());
        self
    }

    /// Takes rows of this type of message only.
    pub fn of_kind(mut self, kind: impl Into<SmolStr>) -> Self {
        self.kind = Some(kind.into());
        self
    }

    /// Takes rows of this topic only.
    pub fn of_topic(mut self, topic: impl Into<SmolStr>) -> Self {
        self.topic = Some(topic.into());
        self
    }

    /// Takes rows of this partition key only.
    pub fn of_key(mut self, key: impl Into<SmolStr>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Takes rows only whose reason contains this text, letter by letter.
    pub fn because(mut self, reason: impl Into<SmolStr>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// Takes rows that died at this time or later only.
    pub fn died_from(mut self, from: Timestamp) -> Self {
        self.died_from = Some(from);
        self
    }

    /// Takes rows that died at this time or earlier only.
    pub fn died_until(mut self, until: Timestamp) -> Self {
        self.died_until = Some(until);
        self
    }

    /// Takes rows behind this [place](DeadRow::place) only: behind the last one of the page before.
    pub fn after(mut self, place: DeadPlace) -> Self {
        self.after = Some(place);
        self
    }

    /// Returns `true` if a row is one of those that are asked for, the limit aside.
    pub fn asks_for(&self, dead: &DeadRow) -> bool {
        let message = &dead.row.message;
        self.after.is_none_or(|after| after < dead.place())
            && self.only.as_ref().is_none_or(|only| only.contains(&message.id))
            && self.kind.as_ref().is_none_or(|kind| *kind == message.kind)
            && self.topic.as_ref().is_none_or(|topic| *topic == message.topic)
            && self.key.as_ref().is_none_or(|key| *key == message.partition_key)
            && self.reason.as_ref().is_none_or(|reason| dead.reason.contains(&**reason))
            && self.died_from.is_none_or(|from| from <= dead.died_at)
            && self.died_until.is_none_or(|until| dead.died_at <= until)
    }
}
