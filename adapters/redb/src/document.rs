//! Documents: what the store keeps, as JSON that a person can read.
//!
//! Each is an object of two members: `v`, the version of its format, and `d`, the thing itself. A program that meets a version
//! which it does not know says so and leaves the document alone.

use bytes::Bytes;
use seaworthy_core::{
    ids::MessageId,
    message::{Message, MessageBuilder},
    ports::{StoreError, Timestamp},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use smol_str::format_smolstr;

/// Version of the format of documents that this program writes, and the latest that it reads.
pub(crate) const VERSION: u32 = 1;

#[derive(Serialize)]
struct Written<'a, T> {
    v: u32,
    d: &'a T,
}

#[derive(Deserialize)]
struct Read<T> {
    v: u32,
    d: T,
}

#[derive(Deserialize)]
struct Marked {
    v: u32,
}

/// Returns a document as bytes.
///
/// # Errors
/// [`StoreError::Refused`] for what has no JSON form.
pub(crate) fn encode<T: Serialize>(document: &T) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(&Written { v: VERSION, d: document })
        .map_err(|error| StoreError::Refused(format_smolstr!("a document has no JSON form: {error}")))
}

/// Reads a document.
///
/// # Errors
/// Reason why it can't be read, with what to do.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    match serde_json::from_slice::<Read<T>>(bytes) {
        Ok(Read { v: VERSION, d }) => Ok(d),
        // Also where a later format happens to have the shape of this one.
        Ok(Read { v, .. }) => Err(unknown(v)),
        Err(error) => match serde_json::from_slice::<Marked>(bytes) {
            Ok(Marked { v }) if v != VERSION => Err(unknown(v)),
            _ => Err(format!("{error}: mend it, or delete it")),
        },
    }
}

/// Returns the message in a document that can't be read, as far as it says one, for people to look at: one of a later format says
/// most of it as a rule.
pub(crate) fn salvage(bytes: &[u8]) -> Option<(Value, Message)> {
    let Value::Object(mut whole) = serde_json::from_slice(bytes).ok()? else { return None };
    let document = whole.remove("d")?;
    let found = document.get("message")?;
    if let Ok(message) = serde_json::from_value(found.clone()) {
        return Some((document, message));
    }
    let text = |name: &str| found.get(name).and_then(Value::as_str).unwrap_or_default();
    let id = MessageId(text("id").parse().ok()?);
    let time = found.get("time").and_then(Value::as_i64).map_or(Timestamp::EPOCH, Timestamp::from_micros);
    let builder = MessageBuilder::new(text("source"), text("type"), text("subject")).topic(text("topic"));
    let mut message = builder.partition_key(text("partition_key")).build(id, time);
    message.sequence = found.get("sequence").and_then(Value::as_u64).unwrap_or(0);
    Some((document, message))
}

fn unknown(version: u32) -> String {
    format!("it has format {version}, this program knows {VERSION}: deploy a newer program")
}

/// Bytes that somebody else has encoded, written as what they are: JSON, text, or base64.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Payload(#[serde(with = "seaworthy_core::payload")] pub(crate) Bytes);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_read_as_it_was_written_and_a_person_can_read_it_too() {
        let document = Payload(Bytes::from_static(br#"{"order": 17}"#));
        let bytes = encode(&document).unwrap();
        assert_eq!(bytes, br#"{"v":1,"d":{"json":{"order": 17}}}"#);
        assert_eq!(decode::<Payload>(&bytes).unwrap(), document);
    }

    #[test]
    fn a_later_format_is_told_from_what_is_broken() {
        for later in [&br#"{"v":2,"d":{"json":1}}"#[..], br#"{"v":2,"d":"else"}"#, br#"{"v":2}"#] {
            let why = decode::<Payload>(later).unwrap_err();
            assert!(why.contains("format 2, this program knows 1"), "{why}");
        }
        for broken in [&b""[..], b"{", br#"{"v":1,"d":3}"#, b"\xff"] {
            let why = decode::<Payload>(broken).unwrap_err();
            assert!(why.ends_with("mend it, or delete it"), "{why}");
        }
    }
}
