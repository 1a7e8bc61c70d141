//! Makes a plan smaller, one proposal at a time, for whoever can say whether it still fails.

mod edit;
mod pass;
mod schedule;

use super::{Plan, derive_seed};
use crate::plan::Workload;
use pass::Pass;

/// Proposes ever simpler plans: fewer faults, fewer items of the workload, a simpler workload, weaker and simpler faults, a
/// simpler schedule, in this order and over again until nothing of it is accepted any more. Then it tries to leave the
/// local minimum: something left out while another fault strikes a call sooner or later, or lasts longer; other seeds;
/// constant latencies with a fault that strikes another call, or lasts longer.
///
/// What it ends with is a fixed point of all its passes, so it is 1-minimal: no single fault and no single item of the
/// workload can be left out, no fault be weaker or simpler, and latencies are constant where any constant that it tries
/// serves. Both [`strategy`](crate::generate::strategy) and [`shrink`](crate::explore::shrink) are driven by it.
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
    /// `true` once anything was accepted since the first pass of this round.
    progress: bool,
    reseeds: u64,
    simpler: Option<Vec<W>>,
}

impl<W: Workload> Shrinker<W> {
    /// Number of other seeds that are tried for each item or fault that could not be left out.
    const RESEEDS: u64 = 12;
    /// Of more faults and items than these not every pair is tried in the last passes: they would cost thousands of runs.
    const SHIFTED_MAX: usize = 6;
    const FIRST_TRADE: Pass = Pass::Trade { schedule: 0, keep: 0, variant: 0 };

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

    /// Tells the shrinker whether the proposed plan still fails in the same way.
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
            Pass::Process { which } => {
                if edit::processes(&self.best.faults) > 1 {
                    edit::without_process(&self.best, which)
                } else {
                    None
                }
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
            Pass::Schedule { variant } => schedule::simpler_schedule(&self.best, variant),
            Pass::Shift { at, keep, variant } => {
                // Faults first: another fault is what most often moves the calls that a fault counts.
                let at = if at < faults { items + at } else { at - faults };
                edit::shifted(self.without_one(at)?, keep, variant)
            }
            Pass::Trade { schedule, keep, variant } => {
                edit::shifted(schedule::constant_schedule(&self.best, schedule)?, keep, variant)
            }
            Pass::Reseed { at, schedule, try_number } => {
                let simpler = if at < items + faults {
                    self.without_one(at)?
                } else {
                    schedule::simpler_schedule(&self.best, schedule)?
                };
                Some(Plan { seed: derive_seed(self.best.seed, try_number), ..simpler })
            }
            Pass::Over => None,
        }
    }

    /// The best plan without the item, or beyond the items the fault, at this position.
    fn without_one(&self, at: usize) -> Option<Plan<W>> {
        let items = self.best.workload.len();
        match at.checked_sub(items) {
            None => Some(edit::without_items(&self.best, at..at + 1)),
            Some(fault) if fault < self.best.faults.len() => Some(edit::without_faults(&self.best, fault..fault + 1)),
            Some(_) => None,
        }
    }

    /// After an acceptance: what was at this position is gone or simpler, so the position is tried again.
    fn stay(&mut self) {
        self.pass = match self.pass {
            Pass::Items { at, size, .. } => Pass::Items { at, size, earlier: false },
            Pass::Simpler { .. } => Pass::Simpler { variant: 0 },
            Pass::Fault { at, .. } => Pass::Fault { at, variant: 0 },
            Pass::Schedule { .. } => Pass::Schedule { variant: 0 },
            Pass::Shift { .. } | Pass::Trade { .. } | Pass::Reseed { .. } => {
                self.progress = false;
                self.first_pass()
            }
            pass => pass,
        };
    }

    /// After a rejection: the next thing of the same pass.
    fn reject(&mut self) {
        self.pass = match self.pass {
            Pass::Faults { at, size } => Pass::Faults { at: at + size, size },
            Pass::Process { which } => Pass::Process { which: which + 1 },
            Pass::Items { at, size, earlier: false } if self.can_strike_earlier(at, size) => {
                Pass::Items { at, size, earlier: true }
            }
            Pass::Items { at, size, .. } => Pass::Items { at: at + size, size, earlier: false },
            Pass::Simpler { variant } => Pass::Simpler { variant: variant + 1 },
            Pass::Fault { at, variant } => Pass::Fault { at, variant: variant + 1 },
            Pass::Schedule { variant } => Pass::Schedule { variant: variant + 1 },
            Pass::Shift { at, keep, variant } => Pass::Shift { at, keep, variant: variant + 1 },
            Pass::Trade { schedule, keep, variant } => Pass::Trade { schedule, keep, variant: variant + 1 },
            Pass::Reseed { at, schedule, try_number } if try_number + 1 < self.reseeds => {
                Pass::Reseed { at, schedule, try_number: try_number + 1 }
            }
            Pass::Reseed { at, schedule, .. } if at < self.best.workload.len() + self.best.faults.len() => {
                Pass::Reseed { at: at + 1, schedule, try_number: 0 }
            }
            Pass::Reseed { at, schedule, .. } => Pass::Reseed { at, schedule: schedule + 1, try_number: 0 },
            Pass::Over => Pass::Over,
        };
    }

    /// At the end of a pass: the next one, or the next round.
    fn advance(&mut self) {
        self.pass = match self.pass {
            Pass::Faults { size, .. } if size > 1 => {
                Pass::Faults { at: 0, size: (size / 2).min(self.best.faults.len()).max(1) }
            }
            Pass::Faults { .. } => Pass::Process { which: 0 },
            Pass::Process { .. } => Pass::Items { at: 0, size: self.best.workload.len(), earlier: false },
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
            Pass::Schedule { .. } => Pass::Shift { at: 0, keep: 0, variant: 0 },
            Pass::Shift { at, keep, .. } => self.next_shift(at, keep),
            Pass::Trade { schedule, keep, .. } => self.next_trade(schedule, keep),
            Pass::Reseed { .. } => Self::FIRST_TRADE,
            Pass::Over => Pass::Over,
        };
    }

    /// The next pair of something to leave out and a fault to move; after the last one, other seeds.
    fn next_shift(&self, at: usize, keep: usize) -> Pass {
        let all = self.best.workload.len() + self.best.faults.len();
        if keep + 1 < self.best.faults.len() {
            Pass::Shift { at, keep: keep + 1, variant: 0 }
        } else if at + 1 < all.min(Self::SHIFTED_MAX) {
            Pass::Shift { at: at + 1, keep: 0, variant: 0 }
        } else if self.reseeds > 0 {
            Pass::Reseed { at: 0, schedule: 0, try_number: 0 }
        } else {
            Self::FIRST_TRADE
        }
    }

    /// The next pair of a schedule and a fault that may have to change with it; after the last one nothing is left.
    fn next_trade(&self, schedule: usize, keep: usize) -> Pass {
        if keep + 1 < self.best.faults.len().min(Self::SHIFTED_MAX) {
            Pass::Trade { schedule, keep: keep + 1, variant: 0 }
        } else if schedule::constant_schedule(&self.best, schedule + 1).is_some() {
            Pass::Trade { schedule: schedule + 1, keep: 0, variant: 0 }
        } else {
            Pass::Over
        }
    }

    fn can_strike_earlier(&self, at: usize, size: usize) -> bool {
        let items = self.best.workload.len();
        edit::earlier(&self.best.faults, items, items - size.min(items - at)).is_some()
    }

    fn first_pass(&self) -> Pass {
        Pass::Faults { at: 0, size: self.best.faults.len() }
    }
}
