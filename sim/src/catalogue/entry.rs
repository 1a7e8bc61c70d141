use std::{fmt, sync::Arc};

use super::{Case, case, case::of_file};
use crate::{
    draw::Draw,
    explore::{
        Campaign, Corpus, CorpusError, CorpusTally, ExhaustOptions, Progress, SweepError, SweepOptions, exhaust, sweep,
        without_faults,
    },
    generate::generate,
    plan::Workload,
    plan::{Fault, FaultKind, Plan, PlanError, PlanFile, Profile, stream},
    scenario::{Scenario, judges},
    topology::Topology,
    world::RunOptions,
};

/// A scenario, whatever its workload: what a [`Catalogue`](super::Catalogue) holds. Any [`Scenario`] becomes one with
/// [`Entry::new`] or `.into()`. A clone is the same scenario.
#[derive(Clone)]
pub struct Entry(Arc<dyn AnyScenario>);

impl Entry {
    /// The entry of a scenario.
    pub fn new<S: Scenario>(scenario: S) -> Self {
        Self(Arc::new(scenario))
    }

    /// Returns its name in plans and on the command line.
    pub fn name(&self) -> &str {
        self.0.scenario_name()
    }

    /// Returns one sentence about it.
    pub fn about(&self) -> &str {
        self.0.scenario_about()
    }

    /// Returns the number of items that it takes for everything to happen that can ([`Scenario::least_items`]).
    pub fn least_items(&self) -> usize {
        self.0.scenario_least_items()
    }

    /// Returns the noun for the items of its workload: `orders`.
    pub fn noun(&self) -> &'static str {
        self.0.noun()
    }

    /// Processes, stores, external services and consumer groups.
    pub fn topology(&self) -> Topology {
        self.0.scenario_topology()
    }

    /// The case that a seed stands for under a profile.
    pub fn draw(&self, seed: u64, profile: Profile) -> Box<dyn Case + '_> {
        self.draw_without(seed, profile, &[])
    }

    /// Draws a plan without faults of these kinds.
    pub fn draw_without(&self, seed: u64, profile: Profile, faults: &[FaultKind]) -> Box<dyn Case + '_> {
        self.0.case_of_seed(seed, profile, faults)
    }

    /// The names of its invariants.
    pub fn invariants(&self) -> Vec<&'static str> {
        self.0.invariant_names()
    }

    /// The case of a plan file's text.
    ///
    /// # Errors
    /// [`PlanError`] where the text is no plan, or none that this scenario can honour to the letter.
    pub fn read(&self, text: &str) -> Result<Box<dyn Case + '_>, PlanError> {
        self.0.case_of_text(text)
    }

    /// Runs many seeds: [`sweep`].
    ///
    /// # Errors
    /// As for [`sweep`].
    pub fn sweep(&self, options: &SweepOptions, progress: &dyn Fn(&Progress)) -> Result<Campaign, SweepError> {
        self.0.sweep_over(options, progress)
    }

    /// Tries every fault and every pair of them: [`exhaust`].
    ///
    /// # Errors
    /// As for [`exhaust`].
    pub fn exhaust(&self, options: &ExhaustOptions, progress: &dyn Fn(&Progress)) -> Result<Campaign, SweepError> {
        self.0.exhaust_all(options, progress)
    }

    /// The case with these faults for the first `items` of the workload that a seed draws, as an exhaustive search has it.
    ///
    /// # Errors
    /// [`SweepError::TooFewItems`] where the seed draws fewer.
    pub fn case_with(&self, seed: u64, items: usize, faults: &[Fault]) -> Result<Box<dyn Case + '_>, SweepError> {
        self.0.case_of_faults(seed, items, faults)
    }

    /// Replays the plans of a corpus that are this scenario's: [`Corpus::replay`].
    ///
    /// # Errors
    /// As for [`Corpus::replay`].
    pub fn replay(&self, corpus: &Corpus, options: &RunOptions) -> Result<CorpusTally, CorpusError> {
        self.0.replay_corpus(corpus, options)
    }
}

impl<S: Scenario> From<S> for Entry {
    fn from(scenario: S) -> Self {
        Self::new(scenario)
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Entry").field(&self.name()).finish()
    }
}

/// A scenario behind a pointer. Its methods are named unlike [`Scenario`]'s, so that neither hides the other.
trait AnyScenario: Send + Sync {
    fn scenario_name(&self) -> &str;
    fn scenario_about(&self) -> &str;
    fn noun(&self) -> &'static str;
    fn scenario_least_items(&self) -> usize;
    fn scenario_topology(&self) -> Topology;
    fn invariant_names(&self) -> Vec<&'static str>;
    fn case_of_seed(&self, seed: u64, profile: Profile, without: &[FaultKind]) -> Box<dyn Case + '_>;
    fn case_of_text(&self, text: &str) -> Result<Box<dyn Case + '_>, PlanError>;
    fn sweep_over(&self, options: &SweepOptions, progress: &dyn Fn(&Progress)) -> Result<Campaign, SweepError>;
    fn exhaust_all(&self, options: &ExhaustOptions, progress: &dyn Fn(&Progress)) -> Result<Campaign, SweepError>;
    fn case_of_faults(&self, seed: u64, items: usize, faults: &[Fault]) -> Result<Box<dyn Case + '_>, SweepError>;
    fn replay_corpus(&self, corpus: &Corpus, options: &RunOptions) -> Result<CorpusTally, CorpusError>;
}

impl<S: Scenario> AnyScenario for S {
    fn scenario_name(&self) -> &str {
        self.name()
    }

    fn scenario_about(&self) -> &str {
        self.about()
    }

    fn noun(&self) -> &'static str {
        S::Workload::noun()
    }

    fn scenario_least_items(&self) -> usize {
        self.least_items()
    }

    fn scenario_topology(&self) -> Topology {
        self.topology()
    }

    fn invariant_names(&self) -> Vec<&'static str> {
        let workload = self.workload(&mut Draw::stream(0, stream::WORKLOAD));
        judges(self, &self.topology(), &workload).iter().map(|invariant| invariant.name()).collect()
    }

    fn case_of_seed(&self, seed: u64, profile: Profile, without: &[FaultKind]) -> Box<dyn Case + '_> {
        Box::new(case(self, generate(self, seed, profile).without_faults(without)))
    }

    fn case_of_text(&self, text: &str) -> Result<Box<dyn Case + '_>, PlanError> {
        let file = PlanFile::parse(text)?;
        file.plan.validate(self.name(), &self.topology())?;
        Ok(Box::new(of_file(self, file)))
    }

    fn sweep_over(&self, options: &SweepOptions, progress: &dyn Fn(&Progress)) -> Result<Campaign, SweepError> {
        sweep(self, options, progress)
    }

    fn exhaust_all(&self, options: &ExhaustOptions, progress: &dyn Fn(&Progress)) -> Result<Campaign, SweepError> {
        exhaust(self, options, progress)
    }

    fn case_of_faults(&self, seed: u64, items: usize, faults: &[Fault]) -> Result<Box<dyn Case + '_>, SweepError> {
        let plan = without_faults(self, seed, items)?;
        Ok(Box::new(case(self, Plan { faults: faults.to_vec(), ..plan })))
    }

    fn replay_corpus(&self, corpus: &Corpus, options: &RunOptions) -> Result<CorpusTally, CorpusError> {
        corpus.replay(self, options)
    }
}
