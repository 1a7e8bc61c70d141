use super::RunOptions;
use crate::{
    invariants::{Dealt, Invariant},
    scenario::{Scenario, judges},
    topology::Topology,
};

/// The invariants that judge a run of this workload with these options, told what the scenario does when nothing goes
/// wrong.
pub(crate) fn instructed<S: Scenario>(
    scenario: &S,
    topology: &Topology,
    workload: &S::Workload,
    options: &RunOptions,
) -> Vec<Box<dyn Invariant>> {
    let mut invariants = judges(scenario, topology, workload);
    invariants.retain(|invariant| !options.without.iter().any(|name| name == invariant.name()));
    if let Some(practice) = &options.practice {
        invariants.iter_mut().for_each(|invariant| invariant.learn(practice));
    }
    invariants
}

/// Leaves out the groups of which nothing is expected.
pub(crate) fn without_observers(dealt: &mut Vec<Dealt>, topology: &Topology) {
    dealt.retain(|dealt| !topology.observers.contains(&dealt.group));
}
