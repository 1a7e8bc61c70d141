use smol_str::SmolStr;

use super::{Disturbance, Fault, PlanError};
use crate::topology::Topology;

impl Fault {
    /// Checks that everything the fault names exists.
    ///
    /// # Errors
    /// [`PlanError::UnknownName`].
    pub(super) fn is_known_to(&self, topology: &Topology, index: usize) -> Result<(), PlanError> {
        let processes = || topology.processes.iter().map(|process| process.name.clone()).collect();
        let (kind, name, known): (_, _, Vec<SmolStr>) = match self {
            Self::Call(call) => ("process", &call.process, processes()),
            Self::Timed(timed) => match &timed.what {
                Disturbance::BrokerOutage => return Ok(()),
                Disturbance::StoreOutage { store } => ("store", store, topology.stores()),
                Disturbance::ExternalOutage { service } => {
                    ("service", service, topology.externals.iter().map(|external| external.name.clone()).collect())
                }
                Disturbance::Partition { process }
                | Disturbance::Pause { process }
                | Disturbance::SlowLink { process, .. }
                | Disturbance::ClockSkew { process, .. } => ("process", process, processes()),
            },
        };
        if known.contains(name) {
            return Ok(());
        }
        Err(PlanError::UnknownName { index, kind, name: name.to_string(), known: known.join(", ") })
    }
}
