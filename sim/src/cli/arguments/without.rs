use clap::Args;
use smol_str::SmolStr;

use crate::{
    catalogue::Entry,
    plan::{FaultKind, UnknownFault},
};

/// Names of invariants that are left out.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::cli) struct Without {
    /// Leaves out the invariant of this name; again or with commas for several
    #[arg(long = "without", value_name = "INVARIANT", value_delimiter = ',')]
    pub(in crate::cli) invariants: Vec<SmolStr>,
    /// Makes no plan with a fault of this kind, such as reject or broker_outage, and asks for none; again or with commas for
    /// several
    #[arg(long = "without-fault", value_name = "KIND", value_delimiter = ',', value_parser = kind)]
    pub(in crate::cli) faults: Vec<FaultKind>,
}

fn kind(text: &str) -> Result<FaultKind, UnknownFault> {
    text.parse()
}

impl Without {
    /// Checks that each invariant is one of these scenarios'. A name that nothing has would leave out nothing, and nobody
    /// would see it.
    ///
    /// # Errors
    /// A sentence that names the invariants that there are.
    pub(in crate::cli) fn check(&self, entries: &[Entry]) -> Result<(), String> {
        if self.invariants.is_empty() {
            return Ok(());
        }
        let mut known: Vec<&str> = Vec::new();
        for name in entries.iter().flat_map(Entry::invariants) {
            if !known.contains(&name) {
                known.push(name);
            }
        }
        match self.invariants.iter().find(|name| !known.contains(&name.as_str())) {
            Some(name) => Err(format!("--without {name}: there is no such invariant; there are {}", known.join(", "))),
            None => Ok(()),
        }
    }

    /// The same for a plan file, which has its own faults.
    ///
    /// # Errors
    /// Where a kind of fault is to be left out of it.
    pub(in crate::cli) fn of_file(&self) -> Result<(), &'static str> {
        match self.faults[..] {
            [] => Ok(()),
            _ => Err("--without-fault is about the faults that a seed draws; take them out of the plan file itself"),
        }
    }

    /// The words that say the same again, for a plan file or for a seed.
    pub(in crate::cli) fn words(&self, of_seed: bool) -> impl Iterator<Item = String> {
        let faults = if of_seed { &self.faults[..] } else { &[] };
        let invariants = self.invariants.iter().map(|name| format!("--without {name}"));
        invariants.chain(faults.iter().map(|kind| format!("--without-fault {}", kind.name())))
    }
}
