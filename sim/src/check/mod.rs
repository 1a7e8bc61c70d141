//! The check that a test makes in one breath.

mod again;
mod builder;
mod campaign;
mod failure;
mod say;
mod seed;
mod settings;
mod single;

use std::path::Path;

use smol_str::SmolStr;

pub use crate::files::FileError;
pub use failure::CheckError;
pub use settings::{SettingError, Settings, TraceTo};

use campaign::write;

use crate::{
    explore::{Campaign, Corpus, FailedRun, SweepOptions},
    plan::{FaultKind, Profile},
    scenario::{Scenario, StoreFactory},
    world::Budget,
};

/// Checks a scenario: replays its corpus, sweeps over seeds drawn anew each time, and judges honestly.
///
/// ```no_run
/// # fn test<Orders: seaworthy_sim::scenario::Scenario>(Orders: Orders) {
/// seaworthy_sim::check(Orders).seeds(1_000).assert_seaworthy();
/// # }
/// ```
///
/// Environment variables, for whoever runs the test:
///
/// | variable | meaning |
/// |---|---|
/// | `SEAWORTHY_PLAN` | replays this plan file and nothing else |
/// | `SEAWORTHY_SEED` | runs this one seed (decimal, or hexadecimal with `0x`) and nothing else |
/// | `SEAWORTHY_TRACE` | `1` prints the trace of that plan or seed; anything else is the file for it, to `diff` |
/// | `SEAWORTHY_SPANS` | `1` prints between the lines of that trace what the processes tell `tracing` |
/// | `SEAWORTHY_SEEDS` | how many seeds |
/// | `SEAWORTHY_FOR` | as many seeds as fit into this time: `60s`, `5m`, `1h30m` |
/// | `SEAWORTHY_BASE_SEED` | what the seeds derive from |
/// | `SEAWORTHY_SHARD` | only part i of n of the seeds, or of the plans of a check that [exhausts](Check::exhaust), as in `2/4` |
/// | `SEAWORTHY_FROM` | the number of the first plan, for a check that exhausts: to go on with one that was interrupted |
/// | `SEAWORTHY_PROFILE` | the profiles, as in `crash` or `crash,outage`; `all` is all of them, taking turns |
/// | `SEAWORTHY_JSON` | the file for what was found, or a folder for the reports of many checks |
/// | `SEAWORTHY_KEEP` | `1` writes the plan of a failure into the corpus |
/// | `SEAWORTHY_BREADCRUMBS` | the folder in which runs are noted while they are under way, see [`Breadcrumbs`](crate::explore::Breadcrumbs); `target/seaworthy/under-way` if not set |
/// | `SEAWORTHY_PATIENCE` | for how many real seconds a process may compute without giving way, 60 where it is not set |
/// | `SEAWORTHY_TABLE` | `1` prints what was injected, judged and reached, see [`Check::table`] |
///
/// Seeds, times and profiles say nothing to a check that exhausts, which draws nothing. A value that can't be honoured is
/// an error. Cargo runs tests in the package's folder: relative paths begin there.
///
/// Where `CI` is set, the seeds derive from the commit id, so that a run can be repeated.
pub fn check<S: Scenario>(scenario: S) -> Check<S> {
    Check {
        scenario,
        seeds: 1_000,
        profiles: vec![Profile::default()],
        corpus: Corpus::at("corpus"),
        store: None,
        budget: Budget::default(),
        strict: true,
        base_seed: None,
        jobs: None,
        keep_going: 1,
        exhaust: None,
        all_pairs: false,
        items: None,
        table: false,
        without: Vec::new(),
        without_faults: Vec::new(),
    }
}

/// Check of a scenario, made by [`check`]: set what differs, then [`assert_seaworthy`](Check::assert_seaworthy).
#[must_use = "a check does nothing before `assert_seaworthy`, `verify` or `report`"]
pub struct Check<S> {
    scenario: S,
    seeds: u64,
    profiles: Vec<Profile>,
    corpus: Corpus,
    store: Option<StoreFactory>,
    budget: Budget,
    strict: bool,
    base_seed: Option<u64>,
    jobs: Option<usize>,
    keep_going: u64,
    exhaust: Option<u8>,
    all_pairs: bool,
    items: Option<usize>,
    table: bool,
    without: Vec<SmolStr>,
    without_faults: Vec<FaultKind>,
}

impl<S: Scenario> Check<S> {
    /// Checks, and fails the test with the story of the first failure; what failed is said in one line before its plan is
    /// shrunk. Where it passes it prints its warnings and, as the
    /// last line, what that is worth; to standard error, which the test harness does not hold back.
    ///
    /// # Panics
    /// If a run failed or, when strict, the campaign proves less than it seems to; and if an environment variable or a
    /// plan of the corpus is malformed.
    #[track_caller]
    pub fn assert_seaworthy(self) {
        let table = self.table;
        match Settings::from_environment().map_err(CheckError::from).and_then(|settings| {
            let table = table || settings.table;
            self.verify_as(&settings, say::found).map(|campaign| (campaign, table))
        }) {
            Ok((campaign, table)) => say::passed(&campaign, table),
            Err(error) => panic!("{error}"),
        }
    }

    /// Checks as [`assert_seaworthy`](Self::assert_seaworthy) does, and returns what is wrong as a value.
    ///
    /// # Errors
    /// [`CheckError`]; its text is what the test would have failed with.
    pub fn verify(self) -> Result<Campaign, CheckError> {
        self.verify_as(&Settings::from_environment()?, |_| {})
    }

    fn verify_as(self, settings: &Settings, found: fn(&FailedRun)) -> Result<Campaign, CheckError> {
        let options = self.options(settings)?;
        if let Some(path) = &settings.plan {
            return self.plan(path, settings, &options);
        }
        let campaign = self.campaign(settings, &options)?;
        if let Some(difference) = campaign.difference() {
            let story = format!("{}: {}", campaign.scenario, difference.story);
            return Err(CheckError::Nondeterministic { story, campaign: Box::new(campaign) });
        }
        let verdict = campaign.verdict();
        if verdict.passes(self.strict) {
            return Ok(campaign);
        }
        if let Some(first) = campaign.first_failure() {
            found(first);
            let story = failure::tell(&self.scenario, &campaign, first, &options.search.run, &self.corpus, settings);
            return Err(CheckError::Violated { story, campaign: Box::new(campaign) });
        }
        if !campaign.corpus.idle.is_empty() {
            return Err(CheckError::Idle { plans: campaign.corpus.idle.clone(), campaign: Box::new(campaign) });
        }
        Err(CheckError::Hollow { verdict, campaign: Box::new(campaign) })
    }

    /// Returns the campaign, whether or not it held.
    ///
    /// # Errors
    /// [`CheckError`] for malformed environment variables and corpus files, and where there is nothing to run.
    pub fn report(self) -> Result<Campaign, CheckError> {
        let settings = Settings::from_environment()?;
        let options = self.options(&settings)?;
        let Some(path) = &settings.plan else { return self.campaign(&settings, &options) };
        match self.plan(path, &settings, &options) {
            Err(CheckError::Violated { campaign, .. } | CheckError::Idle { campaign, .. }) => Ok(*campaign),
            other => other,
        }
    }

    fn plan(&self, path: &Path, settings: &Settings, options: &SweepOptions) -> Result<Campaign, CheckError> {
        let outcome = single::replay_plan(&self.scenario, path, settings, &options.search.run);
        if let Ok(campaign) = &outcome {
            write(campaign, settings)?;
        } else if let Err(CheckError::Violated { campaign, .. } | CheckError::Idle { campaign, .. }) = &outcome {
            write(campaign, settings)?;
        }
        outcome
    }
}
