use bytes::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
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
        from_json(&self.data).map_err(|error| DecodeError {
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

/// Deserializes a value from JSON. Its text is checked once as a whole, which takes a fraction of the time that one
/// string after the other does.
pub(crate) fn from_json<'a, T: Deserialize<'a>>(json: &'a [u8]) -> serde_json::Result<T> {
    match std::str::from_utf8(json) {
        Ok(text) => serde_json::from_str(text),
        // The decoder says where.
        Err(_) => serde_json::from_slice(json),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_read_as_text_and_what_is_no_text_is_an_error_with_its_place() {
        assert_eq!(from_json::<Vec<String>>("[\"é\"]".as_bytes()).expect("it is JSON"), ["é"]);
        let error = from_json::<String>(b"\"a\xff\"").expect_err("it is no text");
        assert!(error.is_syntax() && error.line() == 1 && error.column() > 1, "{error}");
    }
}
