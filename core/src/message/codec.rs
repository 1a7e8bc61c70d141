use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};
use smol_str::SmolStr;

use super::Message;

/// A payload that can't be encoded, such as a map whose keys are no strings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("can't encode the payload of {kind}: {reason}")]
pub struct EncodeError {
    /// The type of the message.
    pub kind: SmolStr,
    /// Message of the encoder.
    pub reason: String,
}

/// A payload that is not what its message's type promises. In a handler, `?` makes the message a dead letter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("can't decode the payload of {kind}: {reason}")]
pub struct DecodeError {
    /// The type of the message.
    pub kind: SmolStr,
    /// Message of the decoder. It names a place in the payload, not its content.
    pub reason: String,
}

impl Message {
    /// The payload, decoded from JSON.
    ///
    /// # Errors
    /// [`DecodeError`] if it is not JSON of this shape.
    ///
    /// ```
    /// use seaworthy_core::{message::MessageBuilder, ports::Timestamp};
    ///
    /// let message = MessageBuilder::new("orders", "order.confirmed", "order-17")
    ///     .json(&[1, 2])?
    ///     .derive(uuid::Uuid::from_u128(7), &[], Timestamp::EPOCH);
    /// assert_eq!(message.json::<Vec<u32>>(), Ok(vec![1, 2]));
    /// assert!(message.json::<String>().is_err());
    /// # Ok::<(), seaworthy_core::message::EncodeError>(())
    /// ```
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        serde_json::from_slice(&self.data).map_err(|error| DecodeError {
            kind: self.kind.clone(),
            // The decoder's own words may quote the payload, which is not for logs and error columns.
            reason: format!("{:?} error at line {}, column {}", error.classify(), error.line(), error.column()),
        })
    }
}

/// A payload of a message of type `kind`, in JSON.
pub(crate) fn to_json<T: Serialize + ?Sized>(kind: &SmolStr, payload: &T) -> Result<Bytes, EncodeError> {
    serde_json::to_vec(payload)
        .map(Bytes::from)
        .map_err(|error| EncodeError { kind: kind.clone(), reason: error.to_string() })
}
