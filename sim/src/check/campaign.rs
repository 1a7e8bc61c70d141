use std::path::PathBuf;

use super::{Check, CheckError, Settings, TraceTo, again::replay_line, say, seed, settings, single};
use crate::{
    draw::Draw,
    explore::{Breadcrumbs, Campaign, ExhaustOptions, Seeds, SweepOptions, Until, exhaust, sweep},
    files,
    plan::{Profile, stream},
    report::{self, Report},
    scenario::{Scenario, judges},
    teller::Again,
};

impl<S: Scenario> Check<S> {
    /// Returns the options of the sweep.
    pub(super) fn options(&self, settings: &Settings) -> Result<SweepOptions, CheckError> {
        self.knows_what_to_leave_out()?;
        check_places(settings)?;
        let (seeds, until) = self.which_seeds(settings)?;
        let mut options = SweepOptions::new(seeds, until.failures(self.keep_going.max(1)));
        options.profiles = settings.profiles.clone().unwrap_or_else(|| self.profiles.clone());
        options.without_faults.clone_from(&self.without_faults);
        options.search.run.without.clone_from(&self.without);
        options.shard = settings.shard.unwrap_or_default();
        options.search.run.store = self.store.clone();
        options.search.run.budget = self.budget;
        options.search.jobs = self.jobs.unwrap_or(options.search.jobs);
        options.search.breadcrumbs = Some(self.breadcrumbs(settings, &options.profiles));
        Ok(options)
    }

    /// Returns the options of the exhaustive search, with what `options` says of how plans are run.
    fn exhausting(&self, k: u8, settings: &Settings, options: &SweepOptions) -> ExhaustOptions {
        let mut exhausting = ExhaustOptions::new(k);
        exhausting.items = self.items.unwrap_or_else(|| self.scenario.least_items());
        exhausting.from = settings.from.unwrap_or(1);
        exhausting.shard = options.shard;
        exhausting.without_faults.clone_from(&self.without_faults);
        exhausting.all_pairs = self.all_pairs;
        exhausting.search = options.search.clone();
        exhausting.search.until = Until::end().failures(self.keep_going.max(1));
        let folder = breadcrumbs_folder(settings);
        let (items, all_pairs) = (exhausting.items as u64, self.all_pairs);
        let go_on = |number| replay_line(Again::From { number, k, seed: None, items, all_pairs });
        exhausting.search.breadcrumbs = Some(Breadcrumbs::for_exhaust(folder, self.scenario.name(), go_on));
        exhausting
    }

    /// Returns the notes of the runs of this check that are under way. What programs left there that died is told.
    fn breadcrumbs(&self, settings: &Settings, profiles: &[Profile]) -> Breadcrumbs {
        let folder = breadcrumbs_folder(settings);
        say::left(&Breadcrumbs::left(&folder));
        let replay = |seed, profile| replay_line(Again::Seed(seed, profile));
        Breadcrumbs::new(folder, self.scenario.name(), profiles, replay)
    }

    fn which_seeds(&self, settings: &Settings) -> Result<(Seeds, Until), CheckError> {
        if let Some(seed) = settings.seed {
            return Ok((Seeds::Explicit(vec![seed]), Until::end()));
        }
        let named = settings.base_seed.or(self.base_seed).or_else(seed::of_ci);
        if let (None, Some(shard), None) = (named, settings.shard, self.exhaust) {
            return Err(settings::no_base_for(shard).into());
        }
        let base = named.unwrap_or_else(seed::entropy);
        let until = match settings.duration {
            Some(duration) => Until::time(duration),
            None => Until::runs(settings.seeds.unwrap_or(self.seeds)),
        };
        Ok((Seeds::Base(base), until))
    }

    /// A name that nothing has would leave out nothing, and nobody would see it.
    fn knows_what_to_leave_out(&self) -> Result<(), CheckError> {
        if self.without.is_empty() {
            return Ok(());
        }
        let workload = self.scenario.workload(&mut Draw::stream(0, stream::WORKLOAD));
        let known = judges(&self.scenario, &self.scenario.topology(), &workload);
        let known: Vec<_> = known.iter().map(|invariant| invariant.name()).collect();
        match self.without.iter().find(|name| !known.contains(&name.as_str())) {
            Some(name) => Err(CheckError::UnknownInvariant { name: name.clone(), known: known.join(", ") }),
            None => Ok(()),
        }
    }

    /// Replays the corpus and sweeps.
    pub(super) fn campaign(&self, settings: &Settings, options: &SweepOptions) -> Result<Campaign, CheckError> {
        single::trace_seed(&self.scenario, settings, options)?;
        // One seed was asked for: that one and nothing else.
        let corpus = match settings.seed {
            Some(_) => None,
            None => {
                let note = format!("{}, a plan of {}", self.scenario.name(), self.corpus.folder().display());
                let _crumb = options.search.breadcrumbs.as_ref().and_then(|breadcrumbs| breadcrumbs.note(&note));
                Some(self.corpus.replay(&self.scenario, &options.search.run)?)
            }
        };
        let corpus = corpus.unwrap_or_default();
        let mut campaign = match (self.exhaust, settings.seed) {
            (Some(k), None) => exhaust(&self.scenario, &self.exhausting(k, settings, options), &|_| {})?,
            _ => sweep(&self.scenario, options, &|_| {})?,
        };
        campaign.corpus = corpus;
        write(&campaign, settings)?;
        Ok(campaign)
    }
}

fn breadcrumbs_folder(settings: &Settings) -> PathBuf {
    settings.breadcrumbs.clone().unwrap_or_else(|| files::target().join("seaworthy").join("under-way"))
}

/// Writes the report that is asked for.
pub(super) fn write(campaign: &Campaign, settings: &Settings) -> Result<(), CheckError> {
    if let Some(at) = &settings.json {
        let path = report::place(at, &campaign.scenario)?;
        report::write(&path, &Report::new(campaign, &campaign.verdict()))?;
    }
    Ok(())
}

/// Fails now, not after minutes of work, if a file can't be written.
fn check_places(settings: &Settings) -> Result<(), CheckError> {
    if let Some(at) = settings.json.as_deref().filter(|at| !at.is_dir()) {
        files::check_writable(at)?;
    }
    if let Some(TraceTo::File(path)) = &settings.trace {
        files::check_writable(path)?;
    }
    Ok(())
}
