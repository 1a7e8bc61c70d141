mod options;
mod seeds;

use super::{Campaign, Progress, Runner, SweepError, search};
use crate::scenario::{Scenario, Topology};

pub use options::SweepOptions;
pub use seeds::Seeds;

use seeds::SeedSearch;

/// Runs many seeds on all cores and says what was found.
///
/// `progress` is called on this thread, about ten times a second and once at the end. The sweep ends early when
/// `options.search.stop` is set; what was found until then is returned, marked as interrupted. It ends, too, where two runs of
/// one plan differ: then [`Campaign::twice`] says how, and no number of seeds means anything.
///
/// # Errors
/// [`SweepError`] where there is nothing to run, or a plan can't be honoured.
pub fn sweep<R: Runner>(
    runner: &R,
    options: &SweepOptions,
    progress: &dyn Fn(&Progress),
) -> Result<Campaign, SweepError> {
    let total = options.check()?;
    let scenario = runner.scenario();
    let topology = scenario.topology();
    let kinds = |topology: &Topology| {
        let mut kinds: Vec<_> = options.profiles.iter().flat_map(|profile| profile.fault_kinds(topology)).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds.retain(|kind| !options.without_faults.contains(kind));
        kinds
    };
    let enabled = kinds(&topology);
    let group_holds = topology.group_holds;
    let bears_all = topology.fails_for_good().restores().next_release().confirms_unroutable();
    let mut undeclared = kinds(&bears_all);
    undeclared.retain(|kind| !enabled.contains(kind));
    let mut blank = Campaign::new(scenario.name(), options.profiles.clone(), options.seeds.base(), enabled);
    blank.without_faults.clone_from(&options.without_faults);
    (blank.undeclared, blank.group_holds) = (undeclared, group_holds);
    let SweepOptions { seeds, profiles, without_faults, shard, .. } = options;
    let plans = SeedSearch::new(scenario, seeds, profiles, without_faults, *shard);
    search(runner, &plans, blank, &options.search, total, progress)
}
