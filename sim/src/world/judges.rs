use super::RunOptions;
use crate::{
    invariants::{Dealt, Invariant},
    plan::Plan,
    scenario::{Scenario, judges},
    topology::Topology,
};

/// The invariants that judge a run of this plan with these options, told what the scenario does when nothing goes
/// wrong.
pub(crate) fn instructed<S: Scenario>(
    scenario: &S,
    topology: &Topology,
    plan: &Plan<S::Workload>,
    options: &RunOptions,
) -> Vec<Box<dyn Invariant>> {
    let mut invariants = judges(scenario, topology, &plan.workload);
    invariants.iter_mut().for_each(|invariant| invariant.pace(plan.schedule.longest_call()));
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
