use super::Scenario;
use crate::{
    invariants::{Invariant, protocol},
    topology::Topology,
};

/// Returns all invariants that judge a run of this workload: those of the protocol that the topology leaves in, then the
/// scenario's own. One of its own takes the place of the protocol's of the same name.
///
/// ```
/// use seaworthy_sim::scenario::{Scenario, judges};
///
/// fn names<S: Scenario>(scenario: &S, workload: &S::Workload) -> Vec<&'static str> {
///     judges(scenario, &scenario.topology(), workload).iter().map(|invariant| invariant.name()).collect()
/// }
/// ```
pub fn judges<S: Scenario>(scenario: &S, topology: &Topology, workload: &S::Workload) -> Vec<Box<dyn Invariant>> {
    let own = scenario.invariants(workload);
    if topology.judges_itself {
        return own;
    }
    // Asked for once each: this is done for each run.
    let own_names: Vec<&str> = own.iter().map(|own| own.name()).collect();
    let mut all = protocol(topology);
    all.retain(|stock| {
        let name = stock.name();
        !own_names.contains(&name) && !topology.left_out.iter().any(|left_out| left_out == name)
    });
    all.extend(own);
    all
}
