use std::{
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

use bytes::Bytes;
use smol_str::SmolStr;

/// One row that a transaction changed in a table of the user's own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RowChange {
    /// Name of the table.
    pub table: SmolStr,
    /// The names of its columns, in the order of the values.
    pub columns: Arc<[SmolStr]>,
    /// Its values before; `None` where the row is new.
    pub before: Option<Arc<[Cell]>>,
    /// Its values afterwards; `None` where the row was deleted.
    pub after: Option<Arc<[Cell]>>,
}

/// One value of a row.
#[derive(Clone, Debug)]
pub enum Cell {
    /// SQL `NULL`: no value.
    Null,
    /// A whole number; truth is `1`, its opposite `0`.
    Integer(i64),
    /// A floating-point number.
    Real(f64),
    /// Text, which is UTF-8.
    Text(SmolStr),
    /// Anything else, as it is stored.
    Blob(Bytes),
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
