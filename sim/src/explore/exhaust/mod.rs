//! Every fault that can strike a small workload, and every pair of them.

mod lasting;
mod options;
mod plans;
mod repertoire;

use smol_str::SmolStr;

use super::{Campaign, Exhausted, Progress, Runner, SweepError, search};
use crate::{
    draw::Draw,
    plan::{FORMAT, Plan, Profile, Schedule, Workload, stream},
    scenario::Scenario,
};

pub use options::ExhaustOptions;
use plans::Exhaust;

/// So many seeds are looked through for one that draws a workload of the size that is asked for.
const SEEDS_MAX: u64 = 1_000;

/// Tries every fault that can strike a small workload: each port call of the run without faults with each verdict that it
/// can meet, and each outage, partition, pause, slow link and wrong clock, for a moment and for a minute from the start.
/// Then, for `k = 2`, each of these with each fault that can strike a later call of that very run. So recovery,
/// compensation and takeover are struck, too, which only the first fault leads to.
///
/// A call that waits for something to come, which never comes, has no end that could be struck: there only what strikes the
/// wait is tried, and its end beside each fault that lets it come.
///
/// Of pairs, those are left out that come to the same as another one: wherever in a transaction its process ends or is asked to
/// stop, it is lost or finished as a whole, so beside another fault that is tried at its begin and its commit, not at each
/// statement; after a call that leaves nothing a process ends as it does before the next one; and of the delays it is the longer
/// one. Each of them is tried alone, and [`all_pairs`](ExhaustOptions::all_pairs) leaves none of them out.
///
/// Of a verdict with parameters the ends are tried: at once and after every lease, nothing of a batch and one message of
/// it. A process comes back as its next release where there is [one](crate::scenario::Topology::next_release).
///
/// The plans are the same at every run, in the same order, and numbered from 1: the one without faults, those with one,
/// those with two. Each is made from its number when it is its turn. What is kept is a list of calls for each single
/// fault, however many pairs they make.
///
/// # Errors
/// [`SweepError`] where there is nothing to run, or a plan can't be honoured.
pub fn exhaust<R: Runner>(
    runner: &R,
    options: &ExhaustOptions,
    progress: &dyn Fn(&Progress),
) -> Result<Campaign, SweepError> {
    let ExhaustOptions { k, items, from, shard, .. } = *options;
    let base = match options.seed {
        Some(seed) => without_faults(runner.scenario(), seed, items)?,
        None => first_without_faults(runner.scenario(), items)?,
    };
    let seed = base.seed;
    let plans = Exhaust::new(runner, base, options)?;
    let all = plans.len();
    let share = shard.share(all) - plans.skipped().min(shard.share(all));
    if share == 0 {
        return Err(SweepError::NoPlans { all, from, shard });
    }
    let kinds = Profile::Everything.fault_kinds(&runner.scenario().topology()).into_iter();
    let kinds = kinds.filter(|kind| !options.without_faults.contains(kind));
    let mut blank = Campaign::new(runner.scenario().name(), Vec::new(), None, kinds);
    blank.without_faults.clone_from(&options.without_faults);
    let (single, double, left_out) = (plans.singles(), all - 1 - plans.singles(), plans.left_out());
    let items = items as u64;
    blank.exhausted = Some(Exhausted { k, seed, items, single, double, left_out, plans: share, next: None });
    let mut campaign = search(runner, &plans, blank, &options.search, Some(share), progress)?;
    if let Some(exhausted) = &mut campaign.exhausted
        && campaign.runs < share
    {
        exhausted.next = Some(shard.index(plans.skipped() + campaign.runs) + 1);
    }
    Ok(campaign)
}

/// The plan that all others add faults to.
///
/// # Errors
/// [`SweepError::TooFewItems`] where the seed draws fewer items.
pub(crate) fn without_faults<S: Scenario>(
    scenario: &S,
    seed: u64,
    items: usize,
) -> Result<Plan<S::Workload>, SweepError> {
    let workload = scenario.workload(&mut Draw::stream(seed, stream::WORKLOAD));
    let drawn = workload.len();
    if items == 0 || drawn < items {
        return Err(SweepError::TooFewItems { seed, drawn, wanted: items });
    }
    let (format, schedule) = (SmolStr::new_static(FORMAT), Schedule::default());
    let workload = workload.without(items..drawn);
    Ok(Plan { format, scenario: scenario.name().into(), seed, schedule, workload, faults: Vec::new() })
}

/// Draws the plan without faults of the first seed that draws as many items.
fn first_without_faults<S: Scenario>(scenario: &S, items: usize) -> Result<Plan<S::Workload>, SweepError> {
    let enough = (0..SEEDS_MAX).find_map(|seed| without_faults(scenario, seed, items).ok());
    enough.map_or_else(|| without_faults(scenario, 0, items), Ok)
}
