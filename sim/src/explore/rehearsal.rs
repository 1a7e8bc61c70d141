use std::sync::{Arc, OnceLock};

use super::{JudgeError, Runner, WorkloadOf};
use crate::{
    draw::Draw,
    generate::Generator,
    invariants::{Findings, Panel, Practice, Student, Violation},
    plan::Workload,
    plan::{Plan, PlanError, Profile, derive_seed, stream},
    scenario::{Scenario, judges},
    trace::TraceFile,
    world::{RunOptions, RunReport, instructed, rehearsing, without_observers},
};

/// Number of runs without a fault that are looked at before the first with some.
const FIRST: u64 = 100;
/// Number of runs that are looked at before anybody is accused of what the first ones never did. What comes up once in
/// a hundred runs is missed by all of them with a probability of 1 in 20,000.
const THOROUGH: u64 = 1_000;
/// A rehearsal ends where it has made so many events for each run that it was to make: longer runs show more.
const EVENTS_A_RUN: u64 = 2_000;
/// A scenario with more items than this in one workload is not rehearsed: what a run of months does, it does itself again
/// and again, and looking at a hundred of them takes longer than any campaign.
const ITEMS_MAX: usize = 200;
/// Base of the seeds of rehearsals: always the same, so that what is learnt is the scenario's own and nobody's else.
const SEEDS: u64 = 0x7265_6865_6172_7365;

/// Runs plans, judged also by what the scenario does when nothing goes wrong.
///
/// Before the first plan it runs a hundred of the scenario's own without their faults, and learns from them; before it
/// reports a violation that rests on what it has learnt, it looks at a thousand and judges the plan anew. Both are
/// functions of the scenario and the options alone, so a plan is judged in the same way in a sweep, in a shard of one,
/// from a file and while it is shrunk. A scenario none of whose invariants [learns](crate::invariants::Invariant::learns)
/// is not rehearsed, nor is one that fails without a fault: that run is as far as it comes.
///
/// ```no_run
/// # use seaworthy_sim::{explore::Rehearsal, generate::generate, plan::Profile, scenario::Scenario, world::RunOptions};
/// # fn replay<S: Scenario>(scenario: &S) -> Result<(), seaworthy_sim::plan::PlanError> {
/// let rehearsal = Rehearsal::new(scenario, RunOptions::default().keep_trace(true));
/// let report = rehearsal.run(&generate(scenario, 7, Profile::Swarm))?;
/// # drop(report); Ok(())
/// # }
/// ```
pub struct Rehearsal<'a, R> {
    runner: &'a R,
    options: RunOptions,
    /// Names of the invariants that learn.
    learning: Vec<&'static str>,
    first: OnceLock<Arc<Practice>>,
    thorough: OnceLock<Arc<Practice>>,
}

impl<'a, R: Runner> Rehearsal<'a, R> {
    /// Creates the rehearsal of a scenario, or of another runner of one, whose plans are then run with these options.
    pub fn new(runner: &'a R, options: RunOptions) -> Self {
        let scenario = runner.scenario();
        let mut learning = Vec::new();
        if options.practice.is_none() {
            let workload = scenario.workload(&mut Draw::stream(SEEDS, stream::WORKLOAD));
            let invariants = judges(scenario, &scenario.topology(), &workload);
            let learns = invariants.iter().filter(|invariant| invariant.learns()).map(|invariant| invariant.name());
            learning.extend(learns.filter(|name| !options.without.iter().any(|without| without == name)));
        }
        Self { runner, options, learning, first: OnceLock::new(), thorough: OnceLock::new() }
    }

    /// Runs a plan.
    ///
    /// # Errors
    /// [`PlanError`] if the plan can't be honoured.
    pub fn run(&self, plan: &Plan<WorkloadOf<R>>) -> Result<RunReport, PlanError> {
        self.run_with(plan, &self.options)
    }

    /// Runs a plan as [`Rehearsal::run`] does, with options that differ from the rehearsal's in what is kept.
    ///
    /// # Errors
    /// As for [`Rehearsal::run`].
    pub fn run_with(&self, plan: &Plan<WorkloadOf<R>>, options: &RunOptions) -> Result<RunReport, PlanError> {
        if self.learning.is_empty() {
            return self.runner.run(plan, options);
        }
        let told = |practice: &Arc<Practice>| RunOptions { practice: Some(practice.clone()), ..options.clone() };
        let first = self.first.get_or_init(|| self.rehearse(FIRST));
        let report = self.runner.run(plan, &told(first))?;
        if !self.rests_on_what_was_learnt(&report.violations) {
            return Ok(report);
        }
        let thorough = self.thorough.get_or_init(|| self.rehearse(THOROUGH));
        self.runner.run(plan, &told(thorough))
    }

    /// Judges the run in a trace file as it was judged when it ran: see [`judge_file`](super::judge_file()).
    ///
    /// # Errors
    /// As for [`judge_file`](super::judge_file()).
    pub fn judge(&self, file: &TraceFile) -> Result<Findings, JudgeError> {
        let scenario = self.runner.scenario();
        let plan = file.header.plan.as_ref().ok_or(JudgeError::NoPlan)?.read::<WorkloadOf<R>>()?.plan;
        let topology = scenario.topology();
        plan.validate(scenario.name(), &topology)?;
        let judge = |practice: Option<Arc<Practice>>| {
            let without = [&self.options.without[..], &file.header.without].concat();
            let options = RunOptions { practice, without, ..self.options.clone() };
            let panel = Panel::new(instructed(scenario, &topology, &plan, &options));
            let mut findings = panel.judge(&file.events, file.header.ending);
            without_observers(&mut findings.dealt, &topology);
            findings
        };
        if self.learning.is_empty() {
            return Ok(judge(self.options.practice.clone()));
        }
        let findings = judge(Some(self.first.get_or_init(|| self.rehearse(FIRST)).clone()));
        if !self.rests_on_what_was_learnt(&findings.violations) {
            return Ok(findings);
        }
        Ok(judge(Some(self.thorough.get_or_init(|| self.rehearse(THOROUGH)).clone())))
    }

    fn rests_on_what_was_learnt(&self, violations: &[Violation]) -> bool {
        violations.iter().any(|violation| self.learning.contains(&violation.invariant.as_str()))
    }

    fn rehearse(&self, runs: u64) -> Arc<Practice> {
        let generator = Generator::new(self.runner.scenario());
        let options = RunOptions { keep_trace: true, keep_spans: false, practice: None, ..self.options.clone() };
        let mut student = Student::new();
        let mut events = 0;
        for index in 0..runs {
            // Drawn schedules, so that what is late or early by chance is no surprise.
            let plan = generator.plan(derive_seed(SEEDS, index), Profile::Swarm);
            let plan = Plan { faults: Vec::new(), ..plan };
            if plan.workload.len() > ITEMS_MAX || events > runs * EVENTS_A_RUN {
                break;
            }
            match rehearsing(|| self.runner.run(&plan, &options)) {
                Ok(RunReport { violations, trace: Some(trace), .. }) if violations.is_empty() => {
                    student.attend(&trace);
                    events += trace.len() as u64;
                }
                // Whoever fails without a fault is told so by the first of the plans themselves.
                _ => break,
            }
        }
        Arc::new(student.practice())
    }
}

impl<R: Runner> Runner for Rehearsal<'_, R> {
    type Scenario = R::Scenario;

    fn scenario(&self) -> &R::Scenario {
        self.runner.scenario()
    }

    fn run(&self, plan: &Plan<WorkloadOf<R>>, options: &RunOptions) -> Result<RunReport, PlanError> {
        self.run_with(plan, options)
    }
}
