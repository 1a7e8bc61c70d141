//! Messages as [CloudEvents 1.0](https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md): one JSON document
//! with its payload inside ("structured mode"), or attributes as text beside the payload, for the headers of HTTP, Kafka
//! or AMQP ("binary mode").
//!
//! | attribute | field of [`Message`] | where it is missing in what is read |
//! |---|---|---|
//! | `id` | `id` | an error |
//! | `source`, `type` | `source`, `kind` | an error |
//! | `subject` | `subject` | none |
//! | `time` (RFC 3339, microseconds) | `time`, where it is not [`Timestamp::EPOCH`] | [`Timestamp::EPOCH`] |
//! | `datacontenttype` | `content_type` | `application/json` |
//! | `partitionkey` | `partition_key` | the subject, or else the id |
//! | `topic` | `topic` | the source |
//! | `sequence` | `sequence`, where it is not 0 | 0: no place in an order |
//! | `gap` | `gap`, where it is not 0 | 0 |
//! | `correlationid` | `correlation_id` | the id |
//! | `causationid`, `traceparent` | `causation_id`, `traceparent` | none |
//! | `notbefore`, `expirytime` (RFC 3339) | `schedule` | none |
//! | all others, `dataschema` included | [`headers`](Message::headers) | |
//!
//! Messages have UUIDs. An `id` that is none, as in most foreign events, becomes UUIDv5 of source and id, the same each
//! time, and is kept as the header `originalid`; written again, the event has its own id. `correlationid`, `causationid`
//! and a `sequence` that is no number are treated likewise. What a foreign event carries as a number or a boolean is kept
//! as its text.
//!
//! ```
//! use seaworthy_core::message::cloud_events;
//!
//! let event = br#"{
//!     "specversion": "1.0", "id": "A234-1234-1234", "source": "/mycontext", "type": "com.example.someevent",
//!     "time": "2018-04-05T17:31:00Z", "comexampleextension1": "value", "datacontenttype": "text/xml", "data": "<a/>"
//! }"#;
//! let message = cloud_events::from_json(event)?;
//! assert_eq!((&*message.kind, &message.data[..]), ("com.example.someevent", &b"<a/>"[..]));
//! assert_eq!(message.headers.get("originalid"), Some("A234-1234-1234"));
//! assert_eq!(message.headers.get("comexampleextension1"), Some("value"));
//! assert_eq!(cloud_events::from_json(&cloud_events::to_json(&message)?)?, message);
//! # Ok::<(), cloud_events::CloudEventError>(())
//! ```

mod attributes;
mod json;

use smol_str::SmolStr;

pub use attributes::{attributes, from_attributes};
pub use json::{from_json, to_json};

#[expect(unused_imports, reason = "named in the documentation")]
use super::Message;
#[expect(unused_imports, reason = "named in the documentation")]
use crate::time::Timestamp;

/// The media type of [`to_json`].
pub const MEDIA_TYPE: &str = "application/cloudevents+json";

/// Error of turning an event into a message, or a message into an event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CloudEventError {
    /// Not JSON, or another JSON value than an object.
    #[error("not a CloudEvent in JSON: {0}")]
    Json(SmolStr),
    /// An attribute that every event has.
    #[error("a CloudEvent has the attribute {0:?}, and it is not empty")]
    Missing(&'static str),
    /// Another version than 1.0.
    #[error("specversion {0:?}; expected \"1.0\"")]
    Version(SmolStr),
    /// An attribute that is not what it has to be.
    #[error("attribute {name:?}: {why}")]
    Attribute {
        /// Name of the attribute.
        name: SmolStr,
        /// Description of what is wrong with it.
        why: SmolStr,
    },
}

impl CloudEventError {
    fn attribute(name: impl Into<SmolStr>, why: impl Into<SmolStr>) -> Self {
        Self::Attribute { name: name.into(), why: why.into() }
    }
}
