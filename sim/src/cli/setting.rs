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
    /// The scenarios of these names, in this order. One that ends in a stroke is a family: all whose names begin with it.
    pub(super) fn scenarios(&self, names: &[String], chosen: &Chosen) -> Result<Vec<Entry>, CliError> {
        let mut entries = Vec::with_capacity(names.len());
        for name in names {
            let of_family = |entry: &&Entry| name.ends_with('/') && entry.name().starts_with(name.as_str());
            let family: Vec<&str> = self.catalogue.entries().iter().filter(of_family).map(Entry::name).collect();
            let members = if family.is_empty() { vec![name.as_str()] } else { family };
            for member in members {
                entries.push(self.scenario(member, chosen)?);
            }
        }
        Ok(entries)
    }

    /// The scenario of this name, with the workload of a file if one was chosen.
    pub(super) fn scenario(&self, name: &str, chosen: &Chosen) -> Result<Entry, CliError> {
        let entry = self.catalogue.find(name)?;
        match (&self.input, &chosen.input) {
            (Some(input), Some((_, path))) => (input.read)(path, name),
            _ => Ok(entry.clone()),
        }
    }
}
