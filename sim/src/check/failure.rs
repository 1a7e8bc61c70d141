use std::{
    env,
    path::{Path, PathBuf},
    thread,
};

use super::SettingError;
use crate::{
    explore::{
        Campaign, CorpusError, Failure, IdlePlan, ShrinkOptions, Source, SweepError, Verdict, diagnose, read_plan,
        shrink, write_plan,
    },
    plan::{Plan, generate},
    scenario::Scenario,
    story::{Pointers, Style, tell as tell_story},
    world::RunOptions,
};

/// Why a check did not pass.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// A variable of the environment can't be honoured.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// The corpus can't be read.
    #[error(transparent)]
    Corpus(#[from] CorpusError),
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

/// Tells a failure: shrinks its plan, keeps it as a file, and says how to replay it.
pub(super) fn tell<S: Scenario>(scenario: &S, campaign: &Campaign, failure: &Failure, run: &RunOptions) -> String {
    let mut text = count(campaign);
    let (plan, kept) = match &failure.source {
        Source::Seed { seed, profile } => (generate(scenario, *seed, *profile), None),
        Source::File(path) => match read_plan::<S::Workload>(path) {
            Ok(plan) => (plan, Some(path.clone())),
            Err(error) => return format!("{text}{}\n{error}", failure.violation.sentence),
        },
    };
    let replay = replay_line(&failure.source);
    let options = ShrinkOptions { run: run.clone(), ..ShrinkOptions::default() };
    match shrink(scenario, &plan, &failure.violation, &options, &|_| {}) {
        Ok(shrunk) => {
            // A plan of the corpus stays as it was committed; where it can be smaller, the smaller one is kept beside.
            let file = match kept.filter(|_| shrunk.plan == plan) {
                Some(path) => Ok(path),
                None => keep(&shrunk.plan, &failure.source),
            };
            let (file, trouble) = match file {
                Ok(path) => (Some(path.display().to_string()), None),
                Err(error) => (None, Some(error)),
            };
            let pointers = Pointers { plan_file: file.as_deref(), replay: &replay, keep: None };
            text.push_str(&tell_story(&shrunk.plan, &shrunk.report, pointers, Style::default().fitting(None, None)));
            if let Some(error) = trouble {
                text.push_str(&format!("the plan could not be kept: {error}\n"));
            }
        }
        Err(error) => {
            text.push_str(&format!("violated {}\n  {}\n", failure.violation.invariant, failure.violation.sentence));
            text.push_str(&format!("it can't be shrunk: {error}\nreplay {replay}\n"));
            // A failure that does not come again has a reason, which is worth more than the failure.
            if let Ok(Some(found)) = diagnose(scenario, &plan, run, failure.source.clone(), Some(failure.fingerprint)) {
                text.push_str(&format!("\n{}\n", found.story));
            }
        }
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

fn keep<S: crate::scenario::Workload>(plan: &Plan<S>, source: &Source) -> Result<PathBuf, CorpusError> {
    let name = match source {
        Source::Seed { seed, profile } => format!("{seed:016x}-{profile}.json"),
        Source::File(path) => path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
    };
    let path = target().join("seaworthy").join(plan.scenario.as_str()).join(name);
    write_plan(&path, plan)?;
    Ok(path)
}

/// Cargo's target folder: the tests' own programs lie in it, and cargo marks it.
fn target() -> PathBuf {
    let program = env::current_exe().unwrap_or_default();
    let marked = program.ancestors().find(|folder| folder.join("CACHEDIR.TAG").is_file());
    marked.unwrap_or(Path::new("target")).to_owned()
}

/// The one line that runs this failure again and nothing else.
fn replay_line(source: &Source) -> String {
    let mut line = match source {
        Source::Seed { seed, profile } => format!("SEAWORTHY_SEED={seed:#018x} SEAWORTHY_PROFILE={profile} "),
        // The corpus is replayed first, whatever the seeds.
        Source::File(_) => "SEAWORTHY_SEEDS=1 ".to_owned(),
    };
    line.push_str("cargo test");
    if let Ok(package) = env::var("CARGO_PKG_NAME") {
        line.push_str(&format!(" -p {package}"));
    }
    if let Some(test) = test_name() {
        line.push_str(&format!(" -- --exact {test}"));
    }
    line
}

#[allow(clippy::disallowed_methods, reason = "only the name that the test harness gave the thread is read")]
fn test_name() -> Option<String> {
    thread::current().name().filter(|name| *name != "main").map(str::to_owned)
}
