//! From a failure to its story: shrink the plan, keep it as a file, say how to replay it and how to keep it for good.
//! The check of a test and the program tell failures by it, so that the same failure reads the same in both.

mod found;
mod place;
mod shell;
mod size;

use std::path::{Path, PathBuf};

pub(crate) use found::found;
pub(crate) use place::Place;
pub(crate) use shell::quoted;

use crate::{
    catalogue::{Case, Smaller},
    explore::{Campaign, CorpusError, FailedRun, ShrinkOptions, ShrinkProgress, Source},
    plan::Profile,
    story::{Pointers, Style},
};

/// Events that shrinking may cost: about half a minute.
const SHRINK_EVENTS: u64 = 20_000_000;

/// Teller of failures.
pub(crate) struct Teller<'a> {
    /// Folders in which plans are kept.
    pub(crate) place: Place<'a>,
    /// Style in which stories are printed.
    pub(crate) style: Style,
    /// Options of shrinking.
    pub(crate) shrink: ShrinkOptions,
    /// The line to paste that runs it again.
    pub(crate) replay: &'a dyn Fn(Again<'_>) -> String,
    /// Told how far shrinking is.
    pub(crate) progress: &'a dyn Fn(&ShrinkProgress),
}

/// Plan that is to be run again.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Again<'a> {
    /// A plan file.
    Plan(&'a Path),
    /// A seed, where there is no plan file.
    Seed(u64, Profile),
    /// One of all the plans with up to `k` faults, where there is no plan file.
    #[cfg_attr(not(feature = "cli"), expect(dead_code, reason = "only the program has options for them"))]
    From { number: u64, k: u8, seed: Option<u64>, items: u64, all_pairs: bool },
}

impl<'a> Again<'a> {
    /// Returns the plan or seed of a source.
    pub(crate) fn from_source(source: &'a Source) -> Self {
        match source {
            Source::File(path) => Self::Plan(path),
            Source::Seed { seed, profile } => Self::Seed(*seed, *profile),
            Source::Exhaust { number, seed, items, faults, all_pairs } => {
                let k = if faults.len() > 1 { 2 } else { 1 };
                Self::From { number: *number, k, seed: Some(*seed), items: *items, all_pairs: *all_pairs }
            }
        }
    }
}

/// A failure, told.
#[derive(Debug)]
pub(crate) struct ToldFailure {
    /// Story of the failure.
    pub(crate) text: String,
    /// Error that kept its plan or its page out of any file.
    pub(crate) trouble: Option<CorpusError>,
}

impl Teller<'_> {
    /// As many runs for shrinking as about half a minute allows, where runs cost what those of `campaign` did.
    pub(crate) fn shrink_options(campaign: &Campaign) -> ShrinkOptions {
        let all = ShrinkOptions::default();
        let runs = SHRINK_EVENTS * campaign.runs.max(1) / campaign.events.max(1);
        ShrinkOptions { runs: runs.clamp(16, all.runs), ..all }
    }

    /// Tells a failure of this case.
    pub(crate) fn tell(&self, case: &dyn Case, failure: &FailedRun) -> ToldFailure {
        match case.shrink(&failure.violation, &self.shrink, self.progress) {
            Ok(smaller) => self.tell_smaller(case, smaller, failure),
            Err(error) => {
                let (file, trouble) = self.file(case, failure);
                let FailedRun { violation, .. } = failure;
                let mut text = format!(
                    "violated {}\n  {}\nit can't be shrunk: {error}\nreplay {}\n",
                    violation.invariant,
                    violation.sentence,
                    self.replay_line(file.as_deref(), &failure.source),
                );
                // A failure that does not come again has a reason, which is worth more than the failure.
                let found = case.diagnose(&self.shrink.run, failure.source.clone(), Some(failure.fingerprint));
                if let Ok(Some(difference)) = found {
                    text.push_str(&format!("\n{}\n", difference.story));
                }
                ToldFailure { text, trouble }
            }
        }
    }

    fn tell_smaller(&self, case: &dyn Case, smaller: Smaller<'_>, failure: &FailedRun) -> ToldFailure {
        // A plan of the corpus stays as it was committed; where it can be smaller, the smaller one is kept beside.
        let as_committed = match &failure.source {
            Source::File(path) if smaller.case.print() == case.print() => Some(path.clone()),
            _ => None,
        };
        let is_new = as_committed.is_none();
        let (file, trouble) = match as_committed {
            Some(path) => (Some(path), None),
            None => self.file(&*smaller.case, failure),
        };
        let keep = file.as_deref().filter(|_| is_new).map(|file| self.place.keep_line(case.scenario(), file));
        let pointers = Pointers {
            plan: file.as_ref().map(|file| file.display().to_string()),
            html: None,
            replay: self.replay_line(file.as_deref(), &failure.source),
            keep,
        };
        let mut story = smaller.case.tell(&smaller.report, pointers);
        let page = self.place.put_page(case, failure, &story.html(&smaller.report));
        let trouble = trouble.or(match page {
            Ok(path) => {
                story.pointers.html = Some(path.display().to_string());
                None
            }
            Err(error) => Some(error),
        });
        let text = size::size(case, &smaller) + &story.terminal(self.style);
        ToldFailure { text, trouble }
    }

    /// The file in which the plan lies from now on.
    fn file(&self, case: &dyn Case, failure: &FailedRun) -> (Option<PathBuf>, Option<CorpusError>) {
        match self.place.put(case, failure, self.shrink.run.store_name.as_deref()) {
            Ok(path) => (Some(path), None),
            Err(error) => (None, Some(error)),
        }
    }

    fn replay_line(&self, file: Option<&Path>, source: &Source) -> String {
        (self.replay)(file.map_or_else(|| Again::from_source(source), Again::Plan))
    }
}
