//! Bodies of documents, messages and requests as JSON.

use bytes::Bytes;
use serde::Serialize;

/// Writes a value as JSON.
///
/// # Panics
/// If the value has no JSON form, as a map with keys that are no text. Whatever this crate keeps and sends has one.
pub fn encode<T: Serialize>(value: &T) -> Bytes {
    serde_json::to_vec(value).expect("what is kept and sent are structs of strings and numbers").into()
}

/// A whole number of 64 bits: as text where it is larger than what every JSON tool keeps exactly, so that it may pass
/// through one. For `#[serde(with = "..")]`.
pub mod whole_number {
    use std::fmt;

    use serde::{Deserializer, Serializer, de};

    /// 2⁵³ - 1, the largest number up to which a double holds every whole one.
    const EXACT_MAX: u64 = (1 << 53) - 1;

    struct Written;

    impl de::Visitor<'_> for Written {
        type Value = u64;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a whole number, also as text")
        }

        fn visit_u64<E: de::Error>(self, number: u64) -> Result<u64, E> {
            Ok(number)
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<u64, E> {
            text.parse().map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
        }
    }

    /// Writes the number.
    ///
    /// # Errors
    /// The serializer's own.
    pub fn serialize<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        if *number <= EXACT_MAX { serializer.serialize_u64(*number) } else { serializer.collect_str(number) }
    }

    /// Reads a number, or the text of one.
    ///
    /// # Errors
    /// The deserializer's own, or if it is neither.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        deserializer.deserialize_any(Written)
    }
}
