use std::{
    env,
    path::{Path, PathBuf},
};

use super::{SettingError, Settings, again::replay_line};
use crate::{
    catalogue::{Case, case},
    explore::{
        Campaign, Corpus, CorpusError, Failure, IdlePlan, ShrinkOptions, Source, SweepError, Verdict, read_plan,
    },
    files::FileError,
    plan::generate,
    scenario::Scenario,
    story::Style,
    teller::{Place, Teller},
    world::RunOptions,
};

/// Why a check did not pass.
#[derive(Debug, thiserror::Error)]
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
    /// An invariant does not hold.
    #[error("{story}")]
    Violated {
        /// What went wrong, for a person.
        story: String,
        /// All that was found.
        campaign: Box<Campaign>,
    },
    /// Two runs of one plan differ.
    #[error("{story}")]
    Nondeterministic {
        /// Where they part, and the likely cause, for a person.
        story: String,
        /// All that was found.
        campaign: Box<Campaign>,
    },
    /// Plans of the corpus test nothing any more.
    #[error("{}\ndraw them again, or delete them", lines(plans))]
    Idle {
        /// Which.
        plans: Vec<IdlePlan>,
        /// All that was found.
        campaign: Box<Campaign>,
    },
    /// Nothing failed, and that proves less than it seems to.
    #[error("{verdict}\nmend the scenario, or say `.strict(false)`")]
    Hollow {
        /// With what is missing.
        verdict: Verdict,
        /// All that was found.
        campaign: Box<Campaign>,
    },
}

fn lines(plans: &[IdlePlan]) -> String {
    plans.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Tells a failure: shrinks its plan, puts it into a file, and says how to replay it and how to keep it.
pub(super) fn tell<S: Scenario>(
    scenario: &S,
    campaign: &Campaign,
    failure: &Failure,
    run: &RunOptions,
    corpus: &Corpus,
    settings: &Settings,
) -> String {
    let mut text = count(campaign);
    let plan = match &failure.source {
        Source::Seed { seed, profile } => generate(scenario, *seed, *profile),
        Source::File(path) => match read_plan::<S::Workload>(path) {
            Ok(plan) => plan,
            Err(error) => return format!("{text}{}\n{error}", failure.violation.sentence),
        },
    };
    // Cargo runs tests in the package's folder, and whoever reads this is often in another one.
    let corpus = std::path::absolute(corpus.folder()).unwrap_or_else(|_| corpus.folder().to_owned());
    let teller = Teller {
        place: Place { plans: &target().join("seaworthy"), corpus: &corpus, keep: settings.keep },
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
    let Campaign { scenario, failed, runs, .. } = campaign;
    format!("{scenario}: {corpus}{failed} of {runs} seeds failed{base}\n\n")
}

/// Cargo's target folder: the tests' own programs lie in it, and cargo marks it.
fn target() -> PathBuf {
    let program = env::current_exe().unwrap_or_default();
    let marked = program.ancestors().find(|folder| folder.join("CACHEDIR.TAG").is_file());
    marked.unwrap_or(Path::new("target")).to_owned()
}
