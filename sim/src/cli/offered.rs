use std::path::Path;

use super::CliError;
use crate::{catalogue::Entry, scenario::StoreFactory};

/// A store for `--store`.
pub(super) struct NamedStore {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) factory: StoreFactory,
}

/// An option of `run` and `replay` that reads the workload from a file.
pub(super) struct Input {
    pub(super) option: &'static str,
    pub(super) about: &'static str,
    pub(super) read: Box<ReadInput>,
}

/// Makes the scenario of this name with the workload of this file.
type ReadInput = dyn Fn(&Path, &str) -> Result<Entry, CliError>;
