use smol_str::SmolStr;

use super::{Fault, PlanError, Target};
use crate::topology::Topology;

impl Fault {
    /// Checks that everything the fault names exists.
    ///
    /// # Errors
    /// [`PlanError::UnknownName`] if the topology has nothing of that kind by that name.
    pub(super) fn is_known_to(&self, topology: &Topology, index: usize) -> Result<(), PlanError> {
        let processes = || topology.processes.iter().map(|process| process.name.clone()).collect();
        let (kind, name, known): (_, _, Vec<SmolStr>) = match self.target() {
            Target::Broker => return Ok(()),
            Target::Store(name) => ("store", name, topology.stores()),
            Target::Service(name) => {
                ("service", name, topology.externals.iter().map(|external| external.name.clone()).collect())
            }
            Target::Topic(name) => ("topic", name, topology.topics()),
            Target::Process(name) => ("process", name, processes()),
        };
        if known.contains(&name) {
            return Ok(());
        }
        Err(PlanError::UnknownName { index, kind, name: name.to_string(), known: known.join(", ") })
    }
}
