//! Payloads in JSON that a person can read, to the byte.
//!
//! By itself serde writes bytes as a list of numbers. With `#[serde(with = "seaworthy_core::payload")]` a field of
//! [`Bytes`] is written as what it mostly is:
//!
//! | bytes | written as |
//! |---|---|
//! | JSON on one line | `{"json":{"id":"order-17"}}`, as it is: order of the fields, spaces and digits are kept |
//! | any other text | `{"text":"a\nb"}` |
//! | anything else | `{"base64":"//4="}` |
//!
//! Whatever is read back is what was written. Formats that are not for people get the bytes.
//!
//! ```
//! use bytes::Bytes;
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Debug, PartialEq, Serialize, Deserialize)]
//! struct Letter {
//!     #[serde(with = "seaworthy_core::payload")]
//!     body: Bytes,
//! }
//!
//! let letter = Letter { body: Bytes::from_static(br#"{"to": "Ann", "copies": 1.50}"#) };
//! let text = serde_json::to_string(&letter)?;
//! assert_eq!(text, r#"{"body":{"json":{"to": "Ann", "copies": 1.50}}}"#);
//! assert_eq!(serde_json::from_str::<Letter>(&text)?, letter);
//! # Ok::<(), serde_json::Error>(())
//! ```

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::value::RawValue;

/// Form in which bytes are written.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Written<'a> {
    Json(&'a RawValue),
    Text(&'a str),
    Base64(String),
}

/// The same as it is read.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Read {
    Json(Box<RawValue>),
    Text(String),
    Base64(String),
}

impl<'a> Written<'a> {
    fn from_bytes(bytes: &'a [u8]) -> Self {
        let Ok(text) = std::str::from_utf8(bytes) else { return Self::Base64(STANDARD.encode(bytes)) };
        match serde_json::from_str::<&RawValue>(text) {
            // Space around a value is not part of it, and a line break would end the line of a file of such lines.
            Ok(json) if json.get().len() == text.len() && !text.contains(['\n', '\r']) => Self::Json(json),
            _ => Self::Text(text),
        }
    }
}

impl Read {
    fn into_bytes<E: de::Error>(self) -> Result<Bytes, E> {
        Ok(match self {
            Self::Json(json) => String::from(Box::<str>::from(json)).into(),
            Self::Text(text) => text.into(),
            Self::Base64(text) => STANDARD.decode(&text).map_err(E::custom)?.into(),
        })
    }
}

/// Serializes a payload, for `#[serde(serialize_with)]`.
///
/// # Errors
/// Any error of the serializer.
pub fn serialize<S: Serializer>(bytes: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
    if serializer.is_human_readable() {
        Written::from_bytes(bytes).serialize(serializer)
    } else {
        bytes.serialize(serializer)
    }
}

/// Deserializes a payload, for `#[serde(deserialize_with)]`.
///
/// # Errors
/// Any error of the deserializer, and one where what is called base64 is none.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
    if deserializer.is_human_readable() {
        Read::deserialize(deserializer)?.into_bytes()
    } else {
        Bytes::deserialize(deserializer)
    }
}

/// One payload, where serde wants a type.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Payload(#[serde(with = "self")] Bytes);

/// Serde functions for bytes that may be missing, then `null`: `#[serde(with = "seaworthy_core::payload::optional")]`.
pub mod optional {
    use super::{Bytes, Deserialize, Deserializer, Payload, Serialize, Serializer};

    /// Serializes an optional payload, for `#[serde(serialize_with)]`.
    ///
    /// # Errors
    /// Any error of the serializer.
    pub fn serialize<S: Serializer>(bytes: &Option<Bytes>, serializer: S) -> Result<S::Ok, S::Error> {
        bytes.clone().map(Payload).serialize(serializer)
    }

    /// Deserializes an optional payload, for `#[serde(deserialize_with)]`.
    ///
    /// # Errors
    /// As for [`deserialize`](super::deserialize()).
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Bytes>, D::Error> {
        Ok(Option::<Payload>::deserialize(deserializer)?.map(|payload| payload.0))
    }
}

/// Serde functions for a list of payloads: `#[serde(with = "seaworthy_core::payload::list")]`.
pub mod list {
    use super::{Bytes, Deserialize, Deserializer, Payload, Serializer};

    /// Serializes a list of payloads, for `#[serde(serialize_with)]`.
    ///
    /// # Errors
    /// Any error of the serializer.
    pub fn serialize<S: Serializer>(list: &[Bytes], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(list.iter().cloned().map(Payload))
    }

    /// Deserializes a list of payloads, for `#[serde(deserialize_with)]`.
    ///
    /// # Errors
    /// As for [`deserialize`](super::deserialize()).
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Bytes>, D::Error> {
        Ok(Vec::<Payload>::deserialize(deserializer)?.into_iter().map(|payload| payload.0).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(bytes: &[u8]) -> String {
        let text = serde_json::to_string(&Payload(Bytes::copy_from_slice(bytes))).expect("bytes can be written");
        let read: Payload = serde_json::from_str(&text).expect("its own");
        assert_eq!(read.0, bytes, "{text}");
        assert!(!text.contains('\n'), "{text}");
        text
    }

    #[test]
    fn json_is_written_as_it_is() {
        for json in ["{\"b\": 1.0,  \"a\":[ ]}", "{\"a\":1,\"a\":2}", "1e400", "\"\\ud800\"", "null", "0.10"] {
            assert_eq!(written(json.as_bytes()), format!("{{\"json\":{json}}}"));
        }
        let deep = "[".repeat(1_000) + &"]".repeat(1_000);
        assert_eq!(written(deep.as_bytes()), format!("{{\"json\":{deep}}}"));
    }

    #[test]
    fn text_and_what_is_none_have_forms_of_their_own() {
        assert_eq!(written(b""), "{\"text\":\"\"}");
        assert_eq!(written(b"hello"), "{\"text\":\"hello\"}");
        assert_eq!(written(b" 1"), "{\"text\":\" 1\"}", "space around a value would be lost");
        assert_eq!(written(b"[1,\n2]"), "{\"text\":\"[1,\\n2]\"}", "a line break would end the line");
        assert_eq!(written(b"\xff\xfe"), "{\"base64\":\"//4=\"}");
        assert!(serde_json::from_str::<Payload>("{\"base64\":\"/\"}").is_err());
    }

    #[test]
    fn one_that_may_be_missing_and_several_come_back_as_they_were() {
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        struct Held {
            #[serde(with = "optional")]
            one: Option<Bytes>,
            #[serde(with = "list")]
            several: Vec<Bytes>,
        }
        let missing = Held { one: None, several: vec![] };
        let held = Held { one: Some(Bytes::from_static(b"{}")), several: vec![Bytes::from_static(b"a"), Bytes::new()] };
        for (held, text) in [
            (missing, r#"{"one":null,"several":[]}"#),
            (held, r#"{"one":{"json":{}},"several":[{"text":"a"},{"text":""}]}"#),
        ] {
            assert_eq!(serde_json::to_string(&held).expect("bytes can be written"), text);
            assert_eq!(serde_json::from_str::<Held>(text).expect("its own"), held);
        }
    }
}
