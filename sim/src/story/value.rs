use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::{Diagram, Lane};
use crate::{invariants::Entity, trace::VirtualTime};

/// A failure, told: what did not hold, the plan in words, the few events that matter, and where to go from there. A value,
/// which [`terminal`](Self::terminal), [`json`](Self::json) and [`html`](Self::html) print.
///
/// All its texts have the short names of ids: `m1` for a message, `s1` for a saga.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Story {
    /// The violation; `None` where everything held.
    pub headline: Option<Headline>,
    /// Other invariants that did not hold either, by name.
    pub others: Vec<SmolStr>,
    /// The plan, in words.
    pub plan: PlanTold,
    /// The run in numbers.
    pub run: RunTold,
    /// The events that matter; `None` where the run kept no trace.
    pub diagram: Option<Diagram>,
    /// Files and commands for the reader.
    pub pointers: Pointers,
}

/// The violated invariant of a [`Story`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Headline {
    /// Name of the invariant.
    pub invariant: SmolStr,
    /// Thing that it is about.
    pub entity: Entity,
    /// One sentence that says what is wrong.
    pub sentence: String,
}

/// A plan in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanTold {
    /// The scenario's name.
    pub scenario: SmolStr,
    /// Seed of the plan.
    #[serde(with = "crate::hexadecimal")]
    pub seed: u64,
    /// Size of the workload: `1 order`.
    pub items: String,
    /// Passing of time: `each port call takes 1 ms`.
    pub schedule: String,
    /// The faults, in the plan's order.
    pub faults: Vec<FaultTold>,
}

/// A fault of a plan in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultTold {
    /// Sentence that says what it does to what, and when.
    pub words: String,
    /// `true` if it struck in this run.
    pub struck: bool,
    /// Lane of what it hits: of a fault at a call, the process that makes it.
    pub hits: Lane,
}

/// A whole run, in numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunTold {
    /// The fingerprint of its trace.
    #[serde(with = "crate::hexadecimal")]
    pub fingerprint: u64,
    /// Events in its trace.
    pub events: u64,
    /// Virtual microseconds from its start to its end.
    pub lasted_us: VirtualTime,
}

/// Files and commands by which the reader of a story goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Pointers {
    /// Path of the plan file, if it was written.
    pub plan: Option<String>,
    /// Path of the page, if it was written.
    pub html: Option<String>,
    /// The one line to paste that replays it.
    pub replay: String,
    /// The line to paste that keeps the plan for good, where it is not kept yet.
    pub keep: Option<String>,
}

impl Pointers {
    /// Returns those of a run that this line replays, and of which no file was written.
    ///
    /// ```
    /// use seaworthy_sim::story::Pointers;
    ///
    /// let pointers = Pointers::new("seaworthy replay 7").plan("plans/7.json");
    /// assert_eq!(pointers.plan.as_deref(), Some("plans/7.json"));
    /// ```
    pub fn new(replay: impl Into<String>) -> Self {
        Self { replay: replay.into(), ..Self::default() }
    }

    /// Sets the path of the plan file.
    #[must_use]
    pub fn plan(mut self, plan: impl Into<String>) -> Self {
        self.plan = Some(plan.into());
        self
    }

    /// Sets the path of the page.
    #[must_use]
    pub fn html(mut self, html: impl Into<String>) -> Self {
        self.html = Some(html.into());
        self
    }

    /// Sets the line that keeps the plan for good.
    #[must_use]
    pub fn keep(mut self, keep: impl Into<String>) -> Self {
        self.keep = Some(keep.into());
        self
    }
}
