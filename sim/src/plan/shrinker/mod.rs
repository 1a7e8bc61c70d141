//! Makes a plan smaller, one proposal at a time, for whoever can say whether it still fails.

mod edit;

use super::{Plan, derive_seed};
use crate::scenario::Workload;

/// Proposes ever simpler plans: fewer faults, fewer items of the workload, a simpler workload, simpler faults, a simpler
/// schedule, in this order and over again until nothing of it is accepted any more.
///
/// What it ends with is 1-minimal: no single fault and no single item of the workload can be left out. Both
/// [`strategy`](super::strategy) and [`shrink`](crate::explore::shrink) are driven by it.
///
/// ```
/// # use seaworthy_sim::{plan::{Plan, Schedule, Shrinker, FORMAT}, scenario::Workload};
/// # #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)] struct Numbers(Vec<u32>);
/// # impl Workload for Numbers {
/// #     fn len(&self) -> usize { self.0.len() }
/// #     fn without(&self, range: std::ops::Range<usize>) -> Self { let mut less = self.clone(); less.0.drain(range); less }
/// # }
/// # let workload = Numbers(vec![3, 1, 4, 1, 5, 9, 2, 6]);
/// # let plan = Plan { format: FORMAT.into(), scenario: "numbers".into(), seed: 1, schedule: Schedule::default(), workload, faults: vec![] };
/// let fails = |plan: &Plan<Numbers>| plan.workload.0.contains(&9);
/// let mut shrinker = Shrinker::new(plan);
/// while let Some(candidate) = shrinker.propose() {
///     let still = fails(candidate);
///     shrinker.decide(still);
/// }
/// assert_eq!(shrinker.best().workload, Numbers(vec![9]));
/// ```
#[derive(Clone, Debug)]
pub struct Shrinker<W> {
    best: Plan<W>,
    candidate: Option<Plan<W>>,
    pass: Pass,
    /// Whether anything was accepted since the first pass of this round.
    progress: bool,
    reseeds: u64,
    simpler: Option<Vec<W>>,
}

/// Where the shrinker is. Positions and sizes count faults or items of the best plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pass {
    /// Leave out faults `at..at + size`.
    Faults { at: usize, size: usize },
    /// Leave out items `at..at + size`; with `earlier`, strike as much earlier as there are fewer calls to count.
    Items { at: usize, size: usize, earlier: bool },
    /// Take the workload's own simpler variant `variant`.
    Simpler { variant: usize },
    /// Take variant `variant` of the fault at `at`.
    Fault { at: usize, variant: usize },
    /// Take simpler schedule `variant`.
    Schedule { variant: usize },
    /// Leave out one item, or one fault beyond the items, and draw schedule and latencies anew: a race that needs luck
    /// may need other luck where less is going on.
    Reseed { at: usize, try_number: u64 },
    /// Nothing is left to try.
    Over,
}

impl<W: Workload> Shrinker<W> {
    /// How many other seeds are tried for each item or fault that could not be left out.
    const RESEEDS: u64 = 6;

    /// A shrinker of `plan`, which fails.
    pub fn new(plan: Plan<W>) -> Self {
        let pass = Pass::Faults { at: 0, size: plan.faults.len() };
        Self { best: plan, candidate: None, pass, progress: false, reseeds: Self::RESEEDS, simpler: None }
    }

    /// Keeps the plan's seed: schedule and latencies are then drawn as they were.
    #[must_use]
    pub fn keeping_the_seed(mut self) -> Self {
        self.reseeds = 0;
        self
    }

    /// The simplest plan that was accepted so far.
    pub fn best(&self) -> &Plan<W> {
        &self.best
    }

    /// The plan that waits for a decision, else the best one.
    pub fn current(&self) -> &Plan<W> {
        self.candidate.as_ref().unwrap_or(&self.best)
    }

    /// The next simpler plan to try, `None` when nothing is left. Proposing again without a decision rejects.
    pub fn propose(&mut self) -> Option<&Plan<W>> {
        if self.candidate.is_some() {
            self.decide(false);
        }
        while self.pass != Pass::Over {
            self.candidate = self.build();
            if self.candidate.is_some() {
                break;
            }
            self.advance();
        }
        self.candidate.as_ref()
    }

    /// Says whether the proposed plan still fails in the same way.
    pub fn decide(&mut self, still_fails: bool) {
        let Some(candidate) = self.candidate.take() else { return };
        if still_fails {
            self.best = candidate;
            self.simpler = None;
            self.progress = true;
            self.stay();
        } else {
            self.reject();
        }
    }

    /// The plan of the current pass, `None` where the pass is at its end.
    fn build(&mut self) -> Option<Plan<W>> {
        let (faults, items) = (self.best.faults.len(), self.best.workload.len());
        match self.pass {
            Pass::Faults { at, size } => {
                (size > 0 && at < faults).then(|| edit::without_faults(&self.best, at..faults.min(at + size)))
            }
            Pass::Items { at, size, earlier } => {
                if size == 0 || at >= items {
                    return None;
                }
                let fewer = edit::without_items(&self.best, at..items.min(at + size));
                let faults = if earlier { edit::earlier(&fewer.faults, items, fewer.workload.len()) } else { None };
                Some(match faults {
                    Some(faults) => Plan { faults, ..fewer },
                    None => fewer,
                })
            }
            Pass::Simpler { variant } => {
                let best = &self.best;
                let simpler = self.simpler.get_or_insert_with(|| best.workload.simpler());
                let workload = simpler.get(variant)?.clone();
                Some(Plan { workload, ..self.best.clone() })
            }
            Pass::Fault { at, variant } => edit::simpler_fault(&self.best, at, variant),
            Pass::Schedule { variant } => edit::simpler_schedule(&self.best, variant),
            Pass::Reseed { at, try_number } => {
                let fewer = if at < items {
                    edit::without_items(&self.best, at..at + 1)
                } else if at - items < faults {
                    edit::without_faults(&self.best, at - items..at - items + 1)
                } else {
                    return None;
                };
                Some(Plan { seed: derive_seed(self.best.seed, try_number), ..fewer })
            }
            Pass::Over => None,
        }
    }

    /// After an acceptance: what was at this position is gone or simpler, so the position is tried again.
    fn stay(&mut self) {
        self.pass = match self.pass {
            Pass::Items { at, size, .. } => Pass::Items { at, size, earlier: false },
            Pass::Simpler { .. } => Pass::Simpler { variant: 0 },
            Pass::Fault { at, .. } => Pass::Fault { at, variant: 0 },
            Pass::Schedule { .. } => Pass::Schedule { variant: 0 },
            Pass::Reseed { .. } => self.first_pass(),
            pass => pass,
        };
    }

    /// After a rejection: the next thing of the same pass.
    fn reject(&mut self) {
        self.pass = match self.pass {
            Pass::Faults { at, size } => Pass::Faults { at: at + size, size },
            Pass::Items { at, size, earlier: false } if self.can_strike_earlier(at, size) => {
                Pass::Items { at, size, earlier: true }
            }
            Pass::Items { at, size, .. } => Pass::Items { at: at + size, size, earlier: false },
            Pass::Simpler { variant } => Pass::Simpler { variant: variant + 1 },
            Pass::Fault { at, variant } => Pass::Fault { at, variant: variant + 1 },
            Pass::Schedule { variant } => Pass::Schedule { variant: variant + 1 },
            Pass::Reseed { at, try_number } if try_number + 1 < self.reseeds => {
                Pass::Reseed { at, try_number: try_number + 1 }
            }
            Pass::Reseed { at, .. } => Pass::Reseed { at: at + 1, try_number: 0 },
            Pass::Over => Pass::Over,
        };
    }

    /// At the end of a pass: the next one, or the next round.
    fn advance(&mut self) {
        self.pass = match self.pass {
            Pass::Faults { size, .. } if size > 1 => {
                Pass::Faults { at: 0, size: (size / 2).min(self.best.faults.len()).max(1) }
            }
            Pass::Faults { .. } => Pass::Items { at: 0, size: self.best.workload.len(), earlier: false },
            Pass::Items { size, .. } if size > 1 => {
                Pass::Items { at: 0, size: (size / 2).min(self.best.workload.len()).max(1), earlier: false }
            }
            Pass::Items { .. } => Pass::Simpler { variant: 0 },
            Pass::Simpler { .. } => Pass::Fault { at: 0, variant: 0 },
            Pass::Fault { at, .. } if at + 1 < self.best.faults.len() => Pass::Fault { at: at + 1, variant: 0 },
            Pass::Fault { .. } => Pass::Schedule { variant: 0 },
            Pass::Schedule { .. } if self.progress => {
                self.progress = false;
                self.first_pass()
            }
            Pass::Schedule { .. } if self.reseeds > 0 => Pass::Reseed { at: 0, try_number: 0 },
            Pass::Schedule { .. } | Pass::Reseed { .. } | Pass::Over => Pass::Over,
        };
    }

    fn can_strike_earlier(&self, at: usize, size: usize) -> bool {
        let items = self.best.workload.len();
        edit::earlier(&self.best.faults, items, items - size.min(items - at)).is_some()
    }

    fn first_pass(&self) -> Pass {
        Pass::Faults { at: 0, size: self.best.faults.len() }
    }
}
