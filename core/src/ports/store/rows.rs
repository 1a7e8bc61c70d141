use std::{
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// One row that a transaction changed in a table of the user's own.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RowChange {
    /// Name of the table.
    pub table: SmolStr,
    /// The names of its columns, in the order of the values.
    pub columns: Arc<[SmolStr]>,
    /// Values of the row before; `None` where the row is new.
    pub before: Option<Arc<[Cell]>>,
    /// Values of the row afterwards; `None` where the row was deleted.
    pub after: Option<Arc<[Cell]>>,
}

/// One value of a row.
///
/// Closed on purpose: these are the kinds of values that a database has, and whoever reads rows meets them all.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cell {
    /// SQL `NULL`: no value.
    Null,
    /// A whole number; truth is `1`, its opposite `0`.
    Integer(i64),
    /// A floating-point number.
    Real(#[serde(with = "real")] f64),
    /// Text, which is UTF-8.
    Text(SmolStr),
    /// Anything else, as it is stored.
    Blob(#[serde(with = "crate::payload")] Bytes),
}

impl PartialEq for Cell {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Integer(one), Self::Integer(other)) => one == other,
            // By their bits, so that equality is one and hashes agree with it.
            (Self::Real(one), Self::Real(other)) => one.to_bits() == other.to_bits(),
            (Self::Text(one), Self::Text(other)) => one == other,
            (Self::Blob(one), Self::Blob(other)) => one == other,
            _ => false,
        }
    }
}

impl Eq for Cell {}

impl Hash for Cell {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Null => state.write_u8(0),
            Self::Integer(value) => {
                state.write_u8(1);
                value.hash(state);
            }
            Self::Real(value) => {
                state.write_u8(2);
                value.to_bits().hash(state);
            }
            Self::Text(value) => {
                state.write_u8(3);
                value.hash(state);
            }
            Self::Blob(value) => {
                state.write_u8(4);
                value.hash(state);
            }
        }
    }
}

/// As a person would write it down; a blob as hexadecimal digits.
impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Integer(value) => value.fmt(f),
            Self::Real(value) => value.fmt(f),
            Self::Text(value) => f.write_str(value),
            Self::Blob(value) => value.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
        }
    }
}

/// A floating-point number as text: what a JSON number would lose of it, down to the bits of one that is none, is kept.
mod real {
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        if value.is_nan() {
            serializer.collect_str(&format_args!("{:#018x}", value.to_bits()))
        } else {
            serializer.collect_str(&format_args!("{value:?}"))
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        let text = String::deserialize(deserializer)?;
        let value = match text.strip_prefix("0x") {
            Some(bits) => u64::from_str_radix(bits, 16).ok().map(f64::from_bits),
            None => text.parse().ok(),
        };
        value.ok_or_else(|| de::Error::invalid_value(de::Unexpected::Str(&text), &"a number as text"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_read_back_to_the_bit() {
        let reals = [0.1, -0.0, f64::MIN_POSITIVE, f64::MAX, 1e23, f64::INFINITY, f64::NAN, f64::from_bits(!0)];
        let blobs = [&b"{}"[..], b"\xff"].map(|bytes| Cell::Blob(Bytes::from_static(bytes)));
        let others = [Cell::Null, Cell::Integer(i64::MIN), Cell::Text("a".into())];
        for cell in reals.map(Cell::Real).into_iter().chain(blobs).chain(others) {
            let text = serde_json::to_string(&cell).expect("plain data");
            assert_eq!(serde_json::from_str::<Cell>(&text).expect("its own"), cell, "{text}");
        }
        assert_eq!(serde_json::to_string(&Cell::Real(0.1)).expect("plain data"), r#"{"real":"0.1"}"#);
    }
}
