use seaworthy_core::ports::Operation;
use std::fmt;

use smol_str::SmolStr;

use super::{Campaign, InvariantTally, failure_rate_upper_bound};
use crate::{
    invariants::Mode,
    plan::{FaultKind, Profile},
};

/// Verdict on a campaign: the answer to whether it held, and what that is worth.
#[derive(Clone, Debug, PartialEq)]
pub struct CampaignVerdict {
    /// `true` if no run failed, of the corpus neither, and each plan that was run twice did the same.
    pub held: bool,
    /// `true` if it was stopped from outside before all was run: then it never held, it only did not fail yet.
    pub interrupted: bool,
    /// `true` if two runs of one plan differ.
    pub differs: bool,
    /// Upper bound, with 95% confidence, of the probability that a plan drawn as these were fails.
    pub failure_rate_upper_bound: f64,
    /// Warnings about what makes the campaign prove less than it seems to.
    pub warnings: Vec<Warning>,
    /// Things that were not asked for, because the scenario can't have them.
    pub left_out: Vec<LeftOut>,
}

/// An invariant or a kind of fault that was not asked for, because nothing in the whole campaign could have shown it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Name of it: `invariant per-key-order`, `fault drop_ack`.
    pub what: String,
    /// Reason, in words.
    pub why: String,
}

/// Warning that silence proves little, with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Gap in what the campaign did.
    pub gap: Gap,
    /// Excuse for the gap, where it was to be expected of this campaign.
    pub excuse: Option<Excuse>,
}

/// Excuse for a gap that was to be expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Excuse {
    /// Chance alone can be the reason.
    FewRuns,
    /// The profiles leave out what leads to it.
    NarrowProfiles,
    /// One small workload is exhausted, and others lead to it.
    OneWorkload,
    /// The sweep was to end at a failure, and did.
    EndedAtFailure,
    /// Other faults of the same plan strike.
    OthersStrike,
    /// A consumer group may be there to look on; nobody has said so.
    MayLookOn,
}

/// Gap of a campaign: something that never happened in any of its runs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Gap {
    /// No run at all.
    NoRuns,
    /// No run in which anything was answered or committed.
    NothingHappened,
    /// An invariant that never had anything to judge.
    NeverJudged {
        /// Name of the invariant.
        invariant: String,
        /// Mode in which it would have been judged.
        mode: Mode,
    },
    /// A kind of fault that the profiles allow and that never struck.
    NeverFired {
        /// Kind of the fault, as written in campaigns.
        kind: String,
        /// Number of faults that were planned.
        planned: u64,
    },
    /// A goal that was never reached.
    NeverReached {
        /// Name of the goal.
        goal: String,
    },
    /// A consumer group that acknowledged messages and never left anything behind.
    Idle {
        /// Name of the consumer group.
        group: String,
        /// Number of messages that it acknowledged.
        acknowledged: u64,
    },
    /// Not all plans were run.
    Interrupted {
        /// Number of runs that were made.
        runs: u64,
    },
    /// A plan of the corpus of whose faults only some strike.
    Weaker {
        /// Plan, and its faults that do not strike.
        plan: String,
    },
}

/// Below this many runs, chance alone can keep a kind of fault, an invariant or a goal from coming up.
const RUNS_FEW: u64 = 1_000;
/// Below this many planned ones, chance alone can keep all faults of a kind from striking.
const PLANNED_FEW: u64 = 50;

impl CampaignVerdict {
    /// Returns `true` if the campaign is to pass: nothing failed, it was not interrupted and, if `strict`, no warning
    /// is without an excuse.
    pub fn passes(&self, strict: bool) -> bool {
        self.held && !self.interrupted && !(strict && self.warnings.iter().any(|warning| warning.excuse.is_none()))
    }

    /// Returns `true` if nothing failed and the campaign did all that its profiles can lead to: few runs are no excuse
    /// here.
    pub fn proves(&self) -> bool {
        let tolerated = [Some(Excuse::NarrowProfiles), Some(Excuse::OneWorkload), Some(Excuse::OthersStrike)];
        self.held && self.warnings.iter().all(|warning| tolerated.contains(&warning.excuse))
    }
}

impl CampaignVerdict {
    /// Returns the outcome in a few words: `held`, `violated`, `interrupted before anything failed`,
    /// `differ when run twice`.
    pub fn outcome(&self) -> &'static str {
        match (self.differs, self.held, self.interrupted) {
            (true, _, _) => "differ when run twice",
            (false, false, _) => "violated",
            (false, true, true) => "interrupted before anything failed",
            (false, true, false) => "held",
        }
    }
}

impl Campaign {
    /// Judges the campaign honestly: also by what it never did.
    pub fn verdict(&self) -> CampaignVerdict {
        let differs = self.difference().is_some();
        let ended = self.failed > 0 || differs;
        CampaignVerdict {
            held: self.failed == 0 && self.corpus.held() && !differs,
            interrupted: self.interrupted && !ended,
            differs,
            failure_rate_upper_bound: failure_rate_upper_bound(self.failed, self.runs),
            warnings: self.warnings(),
            left_out: self.left_out(),
        }
    }

    /// Lists the things that the scenario can't have, as its own runs have shown.
    fn left_out(&self) -> Vec<LeftOut> {
        if self.runs == 0 {
            return Vec::new();
        }
        let invariants = self.invariants.iter().filter(|(_, tally)| is_beside_the_point(tally)).map(|(name, _)| {
            let subject = self.subjects.get(name).map_or("its subject", SmolStr::as_str);
            LeftOut { what: format!("invariant {name}"), why: format!("no run had {subject}") }
        });
        let faults =
            self.enabled.iter().filter(|kind| !self.can_strike(**kind) && !self.is_elsewhere(**kind)).map(|kind| {
                let points: Vec<&str> =
                    Operation::ALL.iter().filter(|point| kind.meets(**point)).map(|point| point.name()).collect();
                let why = match kind {
                    FaultKind::ClockSkew => "no process read its clock while it was wrong".to_owned(),
                    kind if kind.needs_scope() => "no run made a call within a scope, which it could drop".to_owned(),
                    _ => format!("no run made a call that it strikes ({})", points.join(", ")),
                };
                LeftOut { what: format!("fault {}", kind.name()), why }
            });
        invariants.chain(faults).chain(self.undeclared()).collect()
    }

    /// Names the kinds of fault that a service has to be declared for, in one line.
    fn undeclared(&self) -> Option<LeftOut> {
        let can_strike = |kind: &&FaultKind| self.calls.keys().any(|operation| kind.meets(*operation));
        let kinds: Vec<&str> = self.undeclared.iter().filter(can_strike).map(|kind| kind.name()).collect();
        let why = "a service that bears what fails each time says `Topology::fails_for_good()`".to_owned();
        (!kinds.is_empty()).then(|| LeftOut { what: format!("faults {}", kinds.join(", ")), why })
    }

    /// Returns `true` if any run made a call that a fault of this kind can strike.
    fn can_strike(&self, kind: FaultKind) -> bool {
        if self.faults.get(&kind).is_some_and(|tally| tally.fired > 0) {
            return true;
        }
        // A wrong clock strikes whoever reads it, and that is no port call: where many were wrong, nobody does. Nor is there a
        // piece of work to drop where many were to be dropped and none was.
        let shows_by_itself = kind == FaultKind::ClockSkew || kind.needs_scope();
        // Nor does anybody where every clock was.
        let is_rare =
            self.faults.get(&kind).is_none_or(|tally| tally.planned < PLANNED_FEW) && self.exhausted.is_none();
        if shows_by_itself { is_rare } else { self.calls.keys().any(|operation| kind.meets(*operation)) }
    }

    /// Returns `true` for a kind of fault of which this part of an exhaustive search has no plan: another part may have all of
    /// them, so this one can't tell what that means.
    fn is_elsewhere(&self, kind: FaultKind) -> bool {
        let is_part = self.exhausted.is_some_and(|exhausted| !exhausted.is_whole());
        is_part && self.faults.get(&kind).is_none_or(|tally| tally.planned == 0)
    }

    fn warnings(&self) -> Vec<Warning> {
        if self.runs == 0 {
            return vec![Warning { gap: Gap::NoRuns, excuse: None }];
        }
        let mut warnings = Vec::new();
        if self.interrupted {
            // A sweep that was to end at a failure has kept its word.
            let excuse = (self.failed > 0 || self.difference().is_some()).then_some(Excuse::EndedAtFailure);
            warnings.push(Warning { gap: Gap::Interrupted { runs: self.runs }, excuse });
        }
        if self.idle == self.runs {
            warnings.push(Warning { gap: Gap::NothingHappened, excuse: None });
        }
        for plan in &self.corpus.weaker {
            let gap = Gap::Weaker { plan: plan.to_string() };
            warnings.push(Warning { gap, excuse: Some(Excuse::OthersStrike) });
        }
        // Where a class of faults is left out, what only that class leads to can't be asked for.
        let narrow = !self.profiles.iter().any(|profile| matches!(profile, Profile::Everything | Profile::Swarm));
        let excuse = match (self.exhausted, self.runs < RUNS_FEW) {
            (Some(_), _) => Some(Excuse::OneWorkload),
            (None, true) => Some(Excuse::FewRuns),
            (None, false) => narrow.then_some(Excuse::NarrowProfiles),
        };
        for (name, tally) in &self.invariants {
            if is_beside_the_point(tally) {
                continue;
            }
            if let (Some(mode), 0) = (tally.mode, tally.times) {
                warnings.push(Warning { gap: Gap::NeverJudged { invariant: name.to_string(), mode }, excuse });
            }
        }
        for (kind, tally) in self.faults.iter().filter(|(kind, _)| self.enabled.contains(kind)) {
            if tally.fired == 0 && self.can_strike(*kind) && !self.is_elsewhere(*kind) {
                let is_rare = tally.planned < PLANNED_FEW && self.runs < RUNS_FEW;
                let excuse = (is_rare && self.exhausted.is_none()).then_some(Excuse::FewRuns);
                let kind = kind.name().to_owned();
                warnings.push(Warning { gap: Gap::NeverFired { kind, planned: tally.planned }, excuse });
            }
        }
        for (group, tally) in self.groups.iter().filter(|(_, tally)| tally.is_idle()) {
            let gap = Gap::Idle { group: group.to_string(), acknowledged: tally.acknowledged };
            warnings.push(Warning { gap, excuse: Some(Excuse::MayLookOn) });
        }
        for (goal, tally) in &self.goals {
            if tally.runs == 0 {
                warnings.push(Warning { gap: Gap::NeverReached { goal: goal.to_string() }, excuse });
            }
        }
        warnings
    }
}

/// Returns `true` if an invariant had nothing to judge because what it is about never came up.
fn is_beside_the_point(tally: &InvariantTally) -> bool {
    tally.times == 0 && tally.met == Some(0)
}

impl Gap {
    /// Returns what never happened, in a word or two, for lists of them.
    #[cfg_attr(
        not(feature = "cli"),
        expect(dead_code, reason = "only the program lists the gaps of several campaigns")
    )]
    pub(crate) fn thing(&self) -> String {
        match self {
            Self::NoRuns => "any run".to_owned(),
            Self::NothingHappened => "anything at all".to_owned(),
            Self::NeverJudged { invariant, .. } => format!("invariant {invariant}"),
            Self::NeverFired { kind, .. } => format!("fault {kind}"),
            Self::NeverReached { goal } => format!("goal {goal}"),
            Self::Idle { group, .. } => format!("group {group}"),
            Self::Interrupted { .. } => "not all plans".to_owned(),
            Self::Weaker { plan } => plan.clone(),
        }
    }

    /// Returns what to write to a check so that this is no longer asked for, where there is such a thing.
    pub fn way_out(&self) -> Option<String> {
        match self {
            Self::NeverJudged { invariant, .. } => Some(format!(".without({invariant:?})")),
            Self::NeverFired { kind, .. } => {
                let kind = FaultKind::ALL.iter().find(|known| known.name() == kind)?;
                Some(format!(".without_fault(FaultKind::{kind:?})"))
            }
            _ => None,
        }
    }
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRuns => write!(f, "nothing was run"),
            Self::NothingHappened => {
                write!(f, "no run answered a request or committed anything: the workload did nothing")
            }
            Self::NeverJudged { invariant, .. } => write!(f, "invariant {invariant} never had anything to judge"),
            Self::NeverFired { kind, planned: 0 } => write!(f, "fault {kind} is enabled and in none of the plans"),
            Self::NeverFired { kind, planned } => {
                write!(f, "fault {kind} is enabled and never fired ({planned} planned)")
            }
            Self::NeverReached { goal } => write!(f, "goal {goal} was never reached"),
            Self::Idle { group, acknowledged } => {
                write!(f, "group {group} acknowledged {acknowledged} messages and never left anything behind")
            }
            Self::Interrupted { runs } => write!(f, "not all plans were run, only {runs}"),
            Self::Weaker { plan } => f.write_str(plan),
        }
    }
}

impl fmt::Display for Excuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FewRuns => "few runs: it may come up in more",
            Self::NarrowProfiles => "the profiles leave out what leads to it",
            Self::OneWorkload => "one small workload: it may come up in others",
            Self::EndedAtFailure => "it ended at a failure",
            Self::OthersStrike => "its other faults strike: shrink it again",
            Self::MayLookOn => {
                "right if it only looks on, and then `Topology::observer` says so; if it writes, to tables that are not declared"
            }
        })
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.excuse {
            Some(excuse) => write!(f, "{} ({excuse})", self.gap),
            None => write!(f, "{}", self.gap),
        }
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.what, self.why)
    }
}

impl fmt::Display for CampaignVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bound = self.failure_rate_upper_bound * 100.0;
        let outcome = self.outcome();
        write!(f, "{outcome}; a plan drawn like these fails with a probability of at most {bound:.3} % (95%)")?;
        self.warnings.iter().try_for_each(|warning| write!(f, "\nwarning: {warning}"))?;
        self.left_out.iter().try_for_each(|left_out| write!(f, "\nnot asked for: {left_out}"))
    }
}
