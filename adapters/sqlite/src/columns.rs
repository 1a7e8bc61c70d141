//! Conversions between ids, times and counts and their columns.

use bytes::Bytes;
use rusqlite::{
    Row, ToSql,
    types::{FromSqlError, ToSqlOutput, ValueRef},
};
use seaworthy_core::ports::{StoreError, Timestamp};
use smol_str::{SmolStr, format_smolstr};
use uuid::Uuid;

/// A UUID as the 36 characters that a column holds, without an allocation.
pub(crate) struct IdText([u8; 36]);

impl IdText {
    pub(crate) fn new(id: Uuid) -> Self {
        let mut text = [0; 36];
        id.hyphenated().encode_lower(&mut text);
        Self(text)
    }
}

impl ToSql for IdText {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Text(&self.0)))
    }
}

/// A count or position as SQLite's signed integer.
pub(crate) fn integer(value: u64, what: &str) -> Result<i64, StoreError> {
    i64::try_from(value).map_err(|_| {
        StoreError::Refused(format_smolstr!("{what} {value} is too large for sqlite: at most {}", i64::MAX))
    })
}

/// A limit as SQLite's signed integer; what is larger than that is no limit.
pub(crate) fn limit(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A time at which something becomes possible. `0` is kept for "at once", so real times are later.
pub(crate) fn moment(at: Timestamp) -> i64 {
    at.as_micros().max(1)
}

pub(crate) fn read_id(row: &Row<'_>, column: usize) -> rusqlite::Result<Uuid> {
    parse_id(row.get_ref(column)?, column)
}

pub(crate) fn read_optional_id(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Uuid>> {
    match row.get_ref(column)? {
        ValueRef::Null => Ok(None),
        value => parse_id(value, column).map(Some),
    }
}

fn parse_id(value: ValueRef<'_>, column: usize) -> rusqlite::Result<Uuid> {
    let text = value.as_str().map_err(|error| malformed(column, error))?;
    Uuid::parse_str(text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
    })
}

pub(crate) fn read_text(row: &Row<'_>, column: usize) -> rusqlite::Result<SmolStr> {
    row.get_ref(column)?.as_str().map(SmolStr::new).map_err(|error| malformed(column, error))
}

pub(crate) fn read_optional_text(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<SmolStr>> {
    let text = row.get_ref(column)?.as_str_or_null().map_err(|error| malformed(column, error))?;
    Ok(text.map(SmolStr::new))
}

pub(crate) fn read_bytes(row: &Row<'_>, column: usize) -> rusqlite::Result<Bytes> {
    row.get_ref(column)?.as_blob().map(Bytes::copy_from_slice).map_err(|error| malformed(column, error))
}

pub(crate) fn read_count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(|value| u64::try_from(value).unwrap_or(0))
}

pub(crate) fn read_time(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    row.get(column).map(Timestamp::from_micros)
}

pub(crate) fn malformed(column: usize, error: FromSqlError) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Null, Box::new(error))
}
