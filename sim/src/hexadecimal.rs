//! Numbers of 64 bits in JSON: as strings, because most tools read a JSON number as a double and lose what is beyond
//! 2^53. A seed that lost its last digits is another run.

use std::fmt;

use serde::{Deserializer, Serializer, de};

/// Sixteen hexadecimal digits after `0x`.
pub(crate) fn print(value: u64) -> String {
    format!("{value:#018x}")
}

/// A number as people write it: decimal, or hexadecimal with `0x`.
pub(crate) fn parse(text: &str) -> Option<u64> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        // Rust's parser would take a sign after the prefix.
        Some(digits) if digits.starts_with('+') => None,
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// Serializes a number in hexadecimal, for `#[serde(serialize_with)]`.
pub(crate) fn serialize<S: Serializer>(value: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&print(*value))
}

/// For `#[serde(deserialize_with)]`: a string, or a number as older versions wrote it.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    deserializer.deserialize_any(Number)
}

/// The same for a number that may be missing.
pub(crate) mod optional {
    use super::{Deserializer, Number, Serializer, de, fmt, print};

    pub(crate) fn serialize<S: Serializer>(value: &Option<u64>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => serializer.serialize_some(&print(*value)),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
        deserializer.deserialize_option(Optional)
    }

    struct Optional;

    impl<'de> de::Visitor<'de> for Optional {
        type Value = Option<u64>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            Number.expecting(f)
        }

        fn visit_none<E: de::Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
            deserializer.deserialize_any(Number).map(Some)
        }
    }
}

struct Number;

impl de::Visitor<'_> for Number {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number below 2^64 as a string, like \"0x000000000000002a\"")
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<u64, E> {
        Ok(value)
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<u64, E> {
        Err(E::custom(format!("{value} has lost its last digits: a tool read a number of 64 bits as a double")))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<u64, E> {
        parse(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

#[cfg(test)]
mod tests {
    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    struct Numbers {
        #[serde(with = "super")]
        one: u64,
        #[serde(with = "super::optional")]
        other: Option<u64>,
    }

    #[test]
    fn numbers_are_written_as_strings_and_read_as_either() {
        let numbers = Numbers { one: u64::MAX, other: Some(7) };
        let text = serde_json::to_string(&numbers).expect("plain data");
        assert_eq!(text, r#"{"one":"0xffffffffffffffff","other":"0x0000000000000007"}"#);
        let read = |text: &str| serde_json::from_str::<Numbers>(text);
        assert_eq!(read(&text).expect("its own"), numbers);
        assert_eq!(read(r#"{"one":18446744073709551615,"other":"7"}"#).expect("older"), numbers);
        assert_eq!(read(r#"{"one":"0xFF","other":null}"#).expect("by hand"), Numbers { one: 255, other: None });
        for wrong in [r#""0x""#, r#""0x+1""#, r#""-1""#, "-1", r#""12 ""#, "true"] {
            let error = read(&format!(r#"{{"one":{wrong},"other":null}}"#)).expect_err(wrong).to_string();
            assert!(error.contains("a number below 2^64 as a string"), "{wrong}: {error}");
        }
        let error = read(r#"{"one":1.6184226688143868e19,"other":null}"#).expect_err("a double").to_string();
        assert!(error.contains("has lost its last digits"), "{error}");
    }
}
