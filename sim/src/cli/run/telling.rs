//! Failures of a campaign, told.

use std::fs;

use seaworthy_core::stop::Stop;

use crate::{
    catalogue::{Case, Entry},
    cli::{
        CliError,
        arguments::{Chosen, Places},
        invocation::replay_line,
        progress, terminal,
    },
    explore::{Campaign, FailedRun, ShrinkOptions, Source},
    teller::Teller,
    world::RunOptions,
};

/// Other failures that are named.
const NAMED_MAX: usize = 8;

/// Teller of the failures of a campaign.
pub(in crate::cli) struct Telling<'a> {
    pub(in crate::cli) places: &'a Places,
    pub(in crate::cli) chosen: &'a Chosen,
    /// Options of each run.
    pub(in crate::cli) run: &'a RunOptions,
    /// Ends what goes on.
    pub(in crate::cli) stop: &'a Stop,
}

impl Telling<'_> {
    /// Tells the first failure whole and names the others.
    pub(in crate::cli) fn all(&self, entry: &Entry, campaign: &Campaign) -> Result<(), CliError> {
        let Some(first) = campaign.failures.first() else { return Ok(()) };
        say!();
        self.one(entry, campaign, first)?;
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
    pub(in crate::cli) fn one(&self, entry: &Entry, campaign: &Campaign, failure: &FailedRun) -> Result<(), CliError> {
        let case = case(entry, campaign, failure)?;
        let bar = progress::of_shrinking();
        progress::announce_shrinking(&bar, failure);
        let shrink = Teller::shrink_options(campaign);
        let teller = Teller {
            place: self.places.place(),
            style: self.chosen.style,
            shrink: ShrinkOptions { run: self.run.clone(), stop: self.stop.clone(), ..shrink },
            replay: &|again| replay_line(again, entry.name(), self.chosen),
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
}

fn case<'e>(entry: &'e Entry, campaign: &Campaign, failure: &FailedRun) -> Result<Box<dyn Case + 'e>, CliError> {
    match &failure.source {
        Source::Seed { seed, profile } => Ok(entry.draw_without(*seed, *profile, &campaign.without_faults)),
        Source::Exhaust { seed, items, faults, .. } => Ok(entry.case_with(*seed, usize::try_from(*items)?, faults)?),
        Source::File(path) => Ok(entry.read(&fs::read_to_string(path)?)?),
    }
}
