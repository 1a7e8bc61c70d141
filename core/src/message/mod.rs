//! The message envelope: CloudEvents attributes and the extensions that ordering and tracing need.
//!
//! [`cloud_events`] writes and reads a message as a CloudEvent in JSON. The `serde` form of [`Message`] is another one: it
//! has all fields and nothing else, the payload as [`payload`](crate::payload) writes it, for logs and for processes of one
//! build.

mod builder;
mod causation;
pub mod cloud_events;
mod codec;
mod headers;
mod schedule;
mod trace_context;

pub use builder::MessageBuilder;
pub(crate) use causation::Causation;
pub use codec::{DecodeError, EncodeError};
pub(crate) use codec::{from_json, to_json};
pub use headers::{HeaderError, Headers};
pub use schedule::Schedule;
pub use trace_context::TraceContext;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use smol_str::{SmolStr, format_smolstr};
use uuid::Uuid;

use crate::{ids::MessageId, time::Timestamp};

/// An integration message as it travels from outbox to inbox.
///
/// Fields are what [CloudEvents 1.0](https://github.com/cloudevents/spec) calls attributes; `partition_key`, `sequence` and
/// `traceparent` and the expiry are among its documented extensions, and `topic`, `gap`, `correlation_id`, `causation_id` and
/// [`headers`](Self::headers) are extensions of one's own. The payload is separate from the envelope, so no payload can
/// override an envelope field.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Message {
    /// CloudEvents `id`: the event's id, unchanged from commit to effect.
    pub id: MessageId,
    /// CloudEvents `source`: the service that committed the event, for example `orders`.
    pub source: SmolStr,
    /// CloudEvents `type`, for example `order.confirmed`.
    #[serde(rename = "type")]
    pub kind: SmolStr,
    /// Topic that the broker routes it by, for example `orders`. (The outbox table's `aggregatetype`.)
    pub topic: SmolStr,
    /// CloudEvents `subject`: the entity that the event is about, for example `order-17`. (`aggregateid`.)
    pub subject: SmolStr,
    /// CloudEvents `time`: when the event was staged, by the clock of the process that staged it.
    pub time: Timestamp,
    /// CloudEvents `datacontenttype`, the media type of [`data`](Self::data).
    pub content_type: SmolStr,
    /// Messages with the same key are delivered in commit order. Never used to deduplicate.
    pub partition_key: SmolStr,
    /// Position in the producer's commit order; `0` until the outbox has given it one. Gaps are normal.
    pub sequence: u64,
    /// Life of the producer's store in which it was staged, and [`sequence`](Self::sequence) counts: drawn when the store was
    /// made, and again when it was restored from a copy; `0` where nobody says. What the copy holds stays of its life. Of two
    /// epochs of one source neither is before the other.
    #[serde(default, skip_serializing_if = "is_untold")]
    pub epoch: u64,
    /// Number of earlier messages of its key that the producer had given up when it sent this one: a redrive may bring
    /// them later, or never. Only a relay that passes dead rows ([`SkipDead`](crate::ports::WhenDead::SkipDead)) leaves
    /// a gap.
    #[serde(default, skip_serializing_if = "is_closed")]
    pub gap: u32,
    /// Shared by all messages of one business transaction.
    pub correlation_id: Uuid,
    /// The message that caused this one, if one did.
    pub causation_id: Option<MessageId>,
    /// W3C trace context.
    pub traceparent: Option<SmolStr>,
    /// Further headers that travel with it: for people and tools, since nothing here looks at them.
    #[serde(default, skip_serializing_if = "Headers::is_empty")]
    pub headers: Headers,
    /// The time in which it is of use, where it is not of use always.
    #[serde(default, skip_serializing_if = "Schedule::is_none")]
    pub schedule: Schedule,
    /// Payload of the message.
    #[serde(with = "crate::payload")]
    pub data: Bytes,
}

impl Message {
    /// Key by which an outbox keeps its rows in order: the partition key. A message that is not to be published before some
    /// moment has one of its own, so that it waits for that moment alone, and nobody waits for it.
    pub fn order_key(&self) -> SmolStr {
        match self.schedule.not_before {
            None => self.partition_key.clone(),
            Some(_) => format_smolstr!("scheduled/{}", self.id),
        }
    }
}

/// Omits the field when zero, for compatibility with older messages.
fn is_untold(epoch: &u64) -> bool {
    *epoch == 0
}

/// Omits the field when zero, for compatibility with older messages.
fn is_closed(gap: &u32) -> bool {
    *gap == 0
}
