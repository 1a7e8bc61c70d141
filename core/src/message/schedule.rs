use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// The time in which a message is of use: not before one moment, and not from another one on. Most messages have
/// neither.
///
/// An outbox publishes no message before its first moment, by the clock of the store. Such a message has no place in the
/// order of its key: it holds back no other message of the key, and none holds it back. Once it is published it is ordered
/// like any other, from there on.
///
/// A message that has expired is not published any more and not handled any more: relays and consumers drop it, with a
/// warning that names it. A consumer may keep it as a dead letter
/// ([`ConsumerConfig::bury_expired`](crate::inbox::ConsumerConfig::bury_expired)).
///
/// ```
/// use std::time::Duration;
/// use seaworthy_core::{message::MessageBuilder, ports::Timestamp};
///
/// let tomorrow = Timestamp::from_millis(1_700_000_000_000) + Duration::from_secs(86_400);
/// let reminder = MessageBuilder::new("orders", "payment.due", "order-17")
///     .not_before(tomorrow)
///     .expires(tomorrow + Duration::from_secs(3_600))
///     .derive(uuid::Uuid::from_u128(7), &["reminder"], Timestamp::EPOCH);
/// assert!(!reminder.schedule.has_expired(tomorrow));
/// assert!(reminder.schedule.has_expired(tomorrow + Duration::from_secs(3_600)));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// Moment before which it is not published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// Moment from which on it is neither published nor handled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
}

impl Schedule {
    /// No moments: published at once, of use for ever.
    pub const NONE: Self = Self { not_before: None, expires: None };

    /// Returns `true` if it names no moment. Most messages have none.
    pub fn is_none(&self) -> bool {
        *self == Self::NONE
    }

    /// Returns `true` if the message is of no use any more.
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }
}

impl Hash for Schedule {
    /// Leaves no trace where it says nothing: the hash of a message without moments is what it was before there were any.
    fn hash<H: Hasher>(&self, state: &mut H) {
        if !self.is_none() {
            (self.not_before, self.expires).hash(state);
        }
    }
}
