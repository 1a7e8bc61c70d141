use smol_str::SmolStr;

use super::{SettingError, Settings, again::replay_line};
use crate::{
    catalogue::{Case, case},
    explore::{
        Campaign, CampaignVerdict, Corpus, CorpusError, FailedRun, IdlePlan, ShrinkOptions, Source, SweepError,
        read_plan, without_faults,
    },
    files,
    files::FileError,
    generate::generate,
    plan::Plan,
    scenario::Scenario,
    story::Style,
    teller::{Place, Teller},
    world::RunOptions,
};

/// Error of a check that did not pass.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// A variable of the environment can't be honoured.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// The corpus or a plan can't be read, or no plan can be written.
    #[error(transparent)]
    Corpus(#[from] CorpusError),
    /// A report or a trace can't be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The sweep could not be made.
    #[error(transparent)]
    Sweep(#[from] SweepError),
    /// An invariant that was to be left out is not there.
    #[error("there is no invariant {name:?} to leave out; the scenario has: {known}")]
    UnknownInvariant {
        /// Name that was asked for.
        name: SmolStr,
        /// The names that there are.
        known: String,
    },
    /// An invariant does not hold.
    #[error("{story}")]
    Violated {
        /// Story of the failure, for a person.
        story: String,
        /// Campaign with all that was found.
        campaign: Box<Campaign>,
    },
    /// Two runs of one plan differ.
    #[error("{story}")]
    Nondeterministic {
        /// Story of the place where they part, and of the likely cause, for a person.
        story: String,
        /// Campaign with all that was found.
        campaign: Box<Campaign>,
    },
    /// Plans of the corpus test nothing any more.
    #[error("{}\nlet their faults strike calls that the code makes now, or delete them", lines(plans))]
    Idle {
        /// Plans of which no fault strikes.
        plans: Vec<IdlePlan>,
        /// Campaign with all that was found.
        campaign: Box<Campaign>,
    },
    /// Nothing failed, and that proves less than it seems to.
    #[error("{verdict}\nfix the scenario{}, or set `.strict(false)`", ways_out(verdict))]
    Hollow {
        /// Verdict with what is missing.
        verdict: CampaignVerdict,
        /// Campaign with all that was found.
        campaign: Box<Campaign>,
    },
}

fn lines(plans: &[IdlePlan]) -> String {
    plans.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Says how to declare that what is missing can't be had, in words that follow what else can be done.
fn ways_out(verdict: &CampaignVerdict) -> String {
    let gaps = verdict.warnings.iter().filter(|warning| warning.excuse.is_none());
    let ways: Vec<String> = gaps.filter_map(|warning| warning.gap.way_out()).map(|way| format!("`{way}`")).collect();
    if ways.is_empty() { String::new() } else { format!(", leave out what it can't have by {}", ways.join(" ")) }
}

/// Tells a failure: shrinks its plan, puts it into a file, and says how to replay it and how to keep it.
pub(super) fn tell<S: Scenario>(
    scenario: &S,
    campaign: &Campaign,
    failure: &FailedRun,
    run: &RunOptions,
    corpus: &Corpus,
    settings: &Settings,
) -> String {
    let mut text = count(campaign);
    let plan = match &failure.source {
        Source::Exhaust { seed, items, faults, .. } => {
            match without_faults(scenario, *seed, usize::try_from(*items).unwrap_or(usize::MAX)) {
                Ok(plan) => Plan { faults: faults.to_vec(), ..plan },
                Err(error) => return format!("{text}{}\n{error}", failure.violation.sentence),
            }
        }
        Source::Seed { seed, profile } => generate(scenario, *seed, *profile).without_faults(&campaign.without_faults),
        Source::File(path) => match read_plan::<S::Workload>(path) {
            Ok(plan) => plan,
            Err(error) => return format!("{text}{}\n{error}", failure.violation.sentence),
        },
    };
    // Cargo runs tests in the package's folder, and whoever reads this is often in another one.
    let corpus = std::path::absolute(corpus.folder()).unwrap_or_else(|_| corpus.folder().to_owned());
    let teller = Teller {
        place: Place { plans: &files::target().join("seaworthy"), corpus: &corpus, keep: settings.keep },
        style: Style::default().fitting(None, None),
        shrink: ShrinkOptions { run: run.clone(), ..Teller::shrink_options(campaign) },
        replay: &replay_line,
        progress: &|_| {},
    };
    let told = teller.tell(&case(scenario, plan) as &dyn Case, failure);
    text.push_str(&told.text);
    if let Some(error) = told.trouble {
        text.push_str(&format!("the plan could not be kept: {error}\n"));
    }
    text
}

fn count(campaign: &Campaign) -> String {
    let corpus = match campaign.corpus.failures.len() {
        0 => String::new(),
        failed => format!("{failed} of {} plans of the corpus failed; ", campaign.corpus.plans),
    };
    let base = campaign.base_seed.map(|base| format!(" (base seed {base:#018x})")).unwrap_or_default();
    let Campaign { scenario, failed, runs, exhausted, .. } = campaign;
    let noun = if exhausted.is_some() { "plans" } else { "seeds" };
    format!("{scenario}: {corpus}{failed} of {runs} {noun} failed{base}\n\n")
}
