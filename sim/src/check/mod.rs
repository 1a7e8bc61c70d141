//! The check that a test makes in one breath.

mod again;
mod failure;
mod say;
mod seed;
mod settings;
mod single;

use std::path::{Path, PathBuf};

use smol_str::SmolStr;

pub use crate::files::FileError;
pub use failure::CheckError;
pub(crate) use failure::target;
pub use settings::{SettingError, Settings, TraceTo};

use crate::{
    explore::{Campaign, Corpus, Seeds, SweepOptions, sweep},
    plan::{FaultKind, Profile, stream},
    report::{self, Report},
    scenario::{Draw, Scenario},
    world::{Budget, StoreFactory},
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
/// | `SEAWORTHY_SHARD` | only part i of n of the seeds, as in `2/4` |
/// | `SEAWORTHY_PROFILE` | the profiles, as in `crash` or `crash,outage`; `all` is all of them, taking turns |
/// | `SEAWORTHY_JSON` | the file for what was found, or a folder for the reports of many checks |
/// | `SEAWORTHY_KEEP` | `1` writes the plan of a failure into the corpus |
/// | `SEAWORTHY_TABLE` | `1` prints what was injected, judged and reached, see [`Check::table`] |
///
/// A value that can't be honoured is an error. Cargo runs tests in the package's folder: relative paths begin there.
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
        table: false,
        without: Vec::new(),
        without_faults: Vec::new(),
    }
}

/// What [`check`] makes: set what differs, then [`assert_seaworthy`](Check::assert_seaworthy).
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
    table: bool,
    without: Vec<SmolStr>,
    without_faults: Vec<FaultKind>,
}

impl<S: Scenario> Check<S> {
    /// How many seeds, over all profiles; 1,000 if not said.
    pub fn seeds(mut self, count: u64) -> Self {
        self.seeds = count;
        self
    }

    /// The profile; [`Profile::Swarm`] if not said.
    pub fn profile(self, profile: Profile) -> Self {
        self.profiles([profile])
    }

    /// Profiles that take turns.
    pub fn profiles(mut self, profiles: impl IntoIterator<Item = Profile>) -> Self {
        self.profiles = profiles.into_iter().collect();
        self
    }

    /// The folder of plans that failed once; `corpus` beside `Cargo.toml` if not said. See [`Corpus`] for where in it a
    /// plan may lie.
    pub fn corpus(mut self, folder: impl Into<PathBuf>) -> Self {
        self.corpus = Corpus::at(folder);
        self
    }

    /// The store to run on; the simulated one if not said.
    pub fn store(mut self, factory: StoreFactory) -> Self {
        self.store = Some(factory);
        self
    }

    /// When a run counts as livelocked.
    pub fn budget(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }

    /// Whether a campaign that proves less than it seems to fails, too; `true` if not said.
    pub fn strict(mut self, strict: bool) -> Self {
        self.strict = strict;
        self
    }

    /// What the seeds derive from; drawn anew each time if not said. A test with a fixed base finds what it found before
    /// and nothing else.
    pub fn base_seed(mut self, base: u64) -> Self {
        self.base_seed = Some(base);
        self
    }

    /// How many runs at a time; one for each core if not said. The outcome does not depend on it.
    pub fn jobs(mut self, jobs: usize) -> Self {
        self.jobs = Some(jobs);
        self
    }

    /// Goes on until so many runs have failed; 1 if not said, so that a scenario which always fails says so at once.
    /// `u64::MAX` runs all seeds whatever happens.
    pub fn keep_going(mut self, failures: u64) -> Self {
        self.keep_going = failures;
        self
    }

    /// Prints what was injected, judged and reached where the check passes, as does `SEAWORTHY_TABLE=1`.
    pub fn table(mut self) -> Self {
        self.table = true;
        self
    }

    /// Leaves out the invariant of this name.
    pub fn without(mut self, invariant: &str) -> Self {
        self.without.push(invariant.into());
        self
    }

    /// Leaves out a kind of fault: it is taken out of every plan that is drawn, and not asked for. Plans of the corpus
    /// run as they are.
    pub fn without_fault(mut self, kind: FaultKind) -> Self {
        self.without_faults.push(kind);
        self
    }

    /// Checks, and fails the test with the story of the first failure. Where it passes it prints its warnings and, as the
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
            self.verify_as(&settings).map(|campaign| (campaign, table))
        }) {
            Ok((campaign, table)) => say::passed(&campaign, table),
            Err(error) => panic!("{error}"),
        }
    }

    /// As [`assert_seaworthy`](Self::assert_seaworthy), with what is wrong as a value.
    ///
    /// # Errors
    /// [`CheckError`]; its text is what the test would have failed with.
    pub fn verify(self) -> Result<Campaign, CheckError> {
        self.verify_as(&Settings::from_environment()?)
    }

    fn verify_as(self, settings: &Settings) -> Result<Campaign, CheckError> {
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
            let story = failure::tell(&self.scenario, &campaign, first, &options.run, &self.corpus, settings);
            return Err(CheckError::Violated { story, campaign: Box::new(campaign) });
        }
        if !campaign.corpus.idle.is_empty() {
            return Err(CheckError::Idle { plans: campaign.corpus.idle.clone(), campaign: Box::new(campaign) });
        }
        Err(CheckError::Hollow { verdict, campaign: Box::new(campaign) })
    }

    /// What was found, whether or not it held.
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
        let outcome = single::replay_plan(&self.scenario, path, settings, &options.run);
        if let Ok(campaign) = &outcome {
            write(campaign, settings)?;
        } else if let Err(CheckError::Violated { campaign, .. } | CheckError::Idle { campaign, .. }) = &outcome {
            write(campaign, settings)?;
        }
        outcome
    }

    fn options(&self, settings: &Settings) -> Result<SweepOptions, CheckError> {
        self.knows_what_to_leave_out()?;
        let mut options = SweepOptions::new(self.which_seeds(settings)?);
        options.profiles = settings.profiles.clone().unwrap_or_else(|| self.profiles.clone());
        options.without_faults.clone_from(&self.without_faults);
        options.run.without.clone_from(&self.without);
        options.shard = settings.shard.unwrap_or_default();
        options.run.store = self.store.clone();
        options.run.budget = self.budget;
        options.jobs = self.jobs.unwrap_or(options.jobs);
        options.failures_wanted = Some(self.keep_going.max(1));
        Ok(options)
    }

    fn which_seeds(&self, settings: &Settings) -> Result<Seeds, CheckError> {
        if let Some(seed) = settings.seed {
            return Ok(Seeds::Explicit(vec![seed]));
        }
        let named = settings.base_seed.or(self.base_seed).or_else(seed::of_ci);
        if let (None, Some(shard)) = (named, settings.shard) {
            return Err(settings::no_base_for(shard).into());
        }
        let base = named.unwrap_or_else(seed::entropy);
        Ok(match settings.duration {
            Some(duration) => Seeds::For { base, duration },
            None => Seeds::Count { base, count: settings.seeds.unwrap_or(self.seeds) },
        })
    }

    /// A name that nothing has would leave out nothing, and nobody would see it.
    fn knows_what_to_leave_out(&self) -> Result<(), CheckError> {
        if self.without.is_empty() {
            return Ok(());
        }
        let workload = self.scenario.workload(&mut Draw::stream(0, stream::WORKLOAD));
        let known: Vec<_> = self.scenario.invariants(&workload).iter().map(|invariant| invariant.name()).collect();
        match self.without.iter().find(|name| !known.contains(&name.as_str())) {
            Some(name) => Err(CheckError::UnknownInvariant { name: name.clone(), known: known.join(", ") }),
            None => Ok(()),
        }
    }

    fn campaign(&self, settings: &Settings, options: &SweepOptions) -> Result<Campaign, CheckError> {
        single::trace_seed(&self.scenario, settings, options)?;
        // One seed was asked for: that one and nothing else.
        let corpus = match settings.seed {
            Some(_) => None,
            None => Some(self.corpus.replay(&self.scenario, &options.run)?),
        };
        let corpus = corpus.unwrap_or_default();
        let mut campaign = sweep(&self.scenario, options, &|_| {})?;
        campaign.corpus = corpus;
        write(&campaign, settings)?;
        Ok(campaign)
    }
}

/// Writes the report that is asked for.
fn write(campaign: &Campaign, settings: &Settings) -> Result<(), CheckError> {
    if let Some(at) = &settings.json {
        let path = report::place(at, &campaign.scenario)?;
        report::write(&path, &Report::of(campaign, &campaign.verdict()))?;
    }
    Ok(())
}
