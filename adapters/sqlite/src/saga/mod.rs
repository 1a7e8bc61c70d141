//! Sagas: instances, their owners and their logs.

mod acquire;
mod instances;
mod list;
mod log;
mod row;
mod signal;

#[cfg(test)]
pub(crate) use acquire::DUE;
pub(crate) use acquire::acquire;
#[cfg(test)]
pub(crate) use instances::FORGOTTEN;
pub(crate) use instances::{by_key, entries, purge, purge_sagas, renew};
pub(crate) use list::list;
pub(crate) use log::{append, create};
pub(crate) use row::instance;
pub(crate) use signal::signal;
