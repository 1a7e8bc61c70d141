use std::fmt;

use crate::{invariants::Mode, plan::FaultKind};

/// Warning that silence proves little, with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Gap in what the campaign did.
    pub gap: Gap,
    /// Excuse for the gap, where it was to be expected of this campaign.
    pub excuse: Option<Excuse>,
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

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.excuse {
            Some(excuse) => write!(f, "{} ({excuse})", self.gap),
            None => write!(f, "{}", self.gap),
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
