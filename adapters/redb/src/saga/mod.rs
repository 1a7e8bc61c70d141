//! Sagas: documents, their owners and their logs.

mod acquire;
mod list;
mod log;
mod purge;
mod record;
mod signal;

pub(crate) use acquire::{acquire, believe, renew};
pub(crate) use list::{census, counts, list};
pub(crate) use log::{append, create, entries};
pub(crate) use purge::{purge_logs, purge_sagas};
#[cfg(test)]
pub(crate) use record::Saga;
pub(crate) use record::{by_key, instance};
pub(crate) use signal::signal;

use crate::{
    tables::Table,
    view::{Result, malformed},
};

/// The number at the end of a key.
fn number_in(table: Table, key: &[u8]) -> Result<u64> {
    key.last_chunk().map(|bytes| u64::from_be_bytes(*bytes)).ok_or_else(|| malformed(table, key))
}
