use super::{
    CliError,
    arguments::Chosen,
    offered::{Input, NamedStore},
};
use crate::catalogue::{Catalogue, Entry};

/// Setting that the commands work in.
pub(super) struct Setting {
    pub(super) catalogue: Catalogue,
    pub(super) stores: Vec<NamedStore>,
    pub(super) input: Option<Input>,
}

impl Setting {
    /// The scenario of this name, with the workload of a file if one was chosen.
    pub(super) fn scenario(&self, name: &str, chosen: &Chosen) -> Result<Entry, CliError> {
        let entry = self.catalogue.find(name)?;
        match (&self.input, &chosen.input) {
            (Some(input), Some((_, path))) => (input.read)(path, name),
            _ => Ok(entry.clone()),
        }
    }
}
