//! Failures of a campaign, told.

use std::fs;

use crate::{
    catalogue::{Case, Entry},
    cli::{
        Failure,
        arguments::{Chosen, RunArguments},
        invocation::replay_line,
        progress, terminal,
    },
    explore::{Campaign, Failure as Found, ShrinkOptions, Source, SweepOptions},
    teller::{Place, Teller},
};

/// Other failures that are named.
const NAMED_MAX: usize = 8;

/// Tells the first failure whole and names the others.
pub(super) fn tell_all(
    entry: &Entry,
    campaign: &Campaign,
    arguments: &RunArguments,
    chosen: &Chosen,
    options: &SweepOptions,
) -> Result<(), Failure> {
    let Some(first) = campaign.failures.first() else { return Ok(()) };
    say!();
    tell_one(entry, campaign, first, arguments, chosen, options)?;
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

/// Tells one failure whole. What was found is told also where its plan can't be kept, which is an error all the same.
pub(super) fn tell_one(
    entry: &Entry,
    campaign: &Campaign,
    failure: &Found,
    arguments: &RunArguments,
    chosen: &Chosen,
    options: &SweepOptions,
) -> Result<(), Failure> {
    let case = case(entry, campaign, failure)?;
    let bar = progress::of_shrinking();
    let shrink = Teller::shrink_options(campaign);
    let teller = Teller {
        place: Place { plans: &arguments.plans, corpus: &arguments.corpus, keep: arguments.keep },
        style: chosen.style,
        shrink: ShrinkOptions { run: options.run.clone(), stop: options.stop.clone(), ..shrink },
        replay: &|again| replay_line(again, entry.name(), chosen),
        progress: &|now| progress::show_shrinking(&bar, now, entry.noun()),
    };
    let told = teller.tell(&*case, failure);
    bar.finish_and_clear();
    say_part!("{}", told.text);
    match told.trouble {
        Some(error) => Err(error.into()),
        None => Ok(()),
    }
}

fn case<'e>(entry: &'e Entry, campaign: &Campaign, failure: &Found) -> Result<Box<dyn Case + 'e>, Failure> {
    match &failure.source {
        Source::Seed { seed, profile } => Ok(entry.draw_without(*seed, *profile, &campaign.without_faults)),
        Source::File(path) => Ok(entry.read(&fs::read_to_string(path)?)?),
    }
}
