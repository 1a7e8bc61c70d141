//! From a failure to its story: shrink the plan, keep it as a file, say how to replay it.

use std::path::Path;

use seaworthy_sim::{
    explore::{Campaign, Failure as Found, ShrinkOptions, Source, shrink, write_plan},
    plan::{Plan, generate},
    scenario::{Scenario, Workload},
    story::{Pointers, tell},
    world::RunOptions,
};

use super::{
    Failure,
    arguments::{RunArguments, StoreKind},
    interrupt::Interrupt,
    progress, terminal,
};

/// Events that shrinking may cost: about half a minute.
const SHRINK_EVENTS: u64 = 20_000_000;
/// Other failures that are named.
const NAMED_MAX: usize = 8;

/// Tells the first failure whole and names the others.
pub(super) fn tell_all<S: Scenario>(
    scenario: &S,
    campaign: &Campaign,
    arguments: &RunArguments,
    run: &RunOptions,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    let Some(first) = campaign.failures.first() else { return Ok(()) };
    say!();
    tell_one(scenario, campaign, first, arguments, run, interrupt)?;
    let others = &campaign.failures[1..];
    if !others.is_empty() {
        say!("\n{}", terminal::strong("other failures"));
    }
    for failure in others.iter().take(NAMED_MAX) {
        say!("  {}: {} ({})", failure.violation.invariant, failure.violation.sentence, failure.source);
    }
    let unnamed = campaign.failed.saturating_sub(1 + others.len().min(NAMED_MAX) as u64);
    if unnamed > 0 {
        say!("  and {unnamed} more");
    }
    Ok(())
}

fn tell_one<S: Scenario>(
    scenario: &S,
    campaign: &Campaign,
    failure: &Found,
    arguments: &RunArguments,
    run: &RunOptions,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    let Source::Seed { seed, profile } = failure.source else {
        say!("{}: {}", failure.source, failure.violation.sentence);
        return Ok(());
    };
    let plan = generate(scenario, seed, profile);
    let runs = SHRINK_EVENTS * campaign.runs.max(1) / campaign.events.max(1);
    let options = ShrinkOptions {
        runs: runs.clamp(16, ShrinkOptions::default().runs),
        run: run.clone(),
        stop: interrupt.stop.clone(),
    };
    let bar = progress::of_shrinking();
    let shrunk = shrink(scenario, &plan, &failure.violation, &options, &|now| progress::show_shrinking(&bar, now));
    bar.finish_and_clear();
    let file = arguments
        .plans
        .join(campaign.scenario.as_str())
        .join(format!("{}-{seed:016x}.json", failure.violation.invariant));
    match shrunk {
        Ok(shrunk) => {
            say!("{}", size(&plan, &shrunk.plan, shrunk.runs));
            // What was found is told also where it can't be kept.
            let kept = write_plan(&file, &shrunk.plan);
            let replay = match kept {
                Ok(()) => replay_line(&file.display().to_string(), arguments.store, None),
                Err(_) => {
                    let seed = format!("{seed:#018x} --scenario {} --profile {profile}", scenario.name());
                    replay_line(&seed, arguments.store, arguments.orders.as_deref())
                }
            };
            let file = file.display().to_string();
            let pointers = Pointers { plan_file: kept.is_ok().then_some(&*file), replay: &replay };
            say_part!("{}", tell(&shrunk.plan, &shrunk.report, pointers, terminal::style()));
            kept?;
        }
        Err(error) => {
            let kept = write_plan(&file, &plan);
            say!("{} {}", terminal::bad("violated"), failure.violation.invariant);
            say!("  {}\nit can't be shrunk: {error}", failure.violation.sentence);
            kept?;
            say!("replay {}", replay_line(&file.display().to_string(), arguments.store, None));
        }
    }
    Ok(())
}

/// What to paste to see the failure again: a plan holds its orders, and neither a plan nor a seed knows the store.
fn replay_line(what: &str, store: StoreKind, orders: Option<&Path>) -> String {
    let orders = orders.map(|orders| format!(" --orders {}", orders.display())).unwrap_or_default();
    let store = if store == StoreKind::Memory { "" } else { " --store sqlite" };
    format!("seaworthy replay {what}{orders}{store}")
}

fn size<W: Workload>(before: &Plan<W>, after: &Plan<W>, runs: u64) -> String {
    format!(
        "shrunk in {runs} runs from {} to {}\n",
        count(before.faults.len(), before.workload.len()),
        count(after.faults.len(), after.workload.len()),
    )
}

fn count(faults: usize, items: usize) -> String {
    let plural = |number: usize, noun: &str| format!("{number} {noun}{}", if number == 1 { "" } else { "s" });
    format!("{} and {}", plural(faults, "fault"), plural(items, "order"))
}
