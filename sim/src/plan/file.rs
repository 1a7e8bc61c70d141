use std::time::Duration;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{FORMAT, Fault, Plan, PlanFile, Point, Verdict, Workload};
use crate::topology::Topology;

/// Why a plan can't be used.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// It is not JSON, or not whole.
    #[error("plan is malformed or truncated: {0}")]
    Malformed(String),
    /// Its format is another one.
    #[error(
        "plan has format {found:?}; this version reads {FORMAT:?}: use the seaworthy that wrote it, or a newer one"
    )]
    Format {
        /// The format that it names.
        found: String,
    },
    /// It is for another scenario.
    #[error("plan is for scenario {found:?}, not {wanted:?}")]
    Scenario {
        /// The scenario that it names.
        found: String,
        /// The scenario that was to run.
        wanted: String,
    },
    /// Two processes of the scenario have one name.
    #[error(
        "two processes of scenario {scenario:?} are called {name:?}: a fault or a trace that names it would mean either"
    )]
    SameName {
        /// Which scenario.
        scenario: String,
        /// Which name.
        name: String,
    },
    /// It names something that the scenario doesn't have.
    #[error("fault {index} names {kind} {name:?}, which the scenario does not have (it has: {known})")]
    UnknownName {
        /// Position in `faults`, from 0.
        index: usize,
        /// `process`, `store` or `service`.
        kind: &'static str,
        /// The name.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// A verdict that a call of this kind can't honour.
    #[error("fault {index}: a call at point {:?} can't honour {verdict:?}", point.name())]
    Unfit {
        /// Position in `faults`, from 0.
        index: usize,
        /// Where it was to strike.
        point: Point,
        /// What it was to do.
        verdict: Verdict,
    },
    /// A field that nothing reads.
    #[error("plan has a field {field:?} that nothing reads: mend its name or leave it out")]
    UnknownField {
        /// Where it is, from the top.
        field: String,
    },
    /// A number out of range.
    #[error("plan has {what}")]
    Range {
        /// Which number, and what it should be.
        what: String,
    },
}

/// The most virtual time that a workload may take: beyond all use, and far below where microseconds overflow.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 3_600);

/// How long after the last request a fault may end. The run goes on for as long as a fault lasts, and processes that wait
/// for its end look for work all the while: ten years of that take minutes, and no outage takes longer.
const FAULT_OUTLASTS: Duration = Duration::from_secs(10 * 365 * 24 * 3_600);

/// The format that came before: its seed is a number.
const OLDER: &str = "seaworthy/plan@1";

/// What is read first, so that a newer format is named as such before its fields are looked at.
#[derive(Deserialize)]
struct Head {
    format: String,
    scenario: Option<String>,
}

/// The scenario that a plan file names, once its format is known to be readable.
///
/// # Errors
/// [`PlanError::Malformed`] and [`PlanError::Format`].
pub fn scenario_of(text: &str) -> Result<String, PlanError> {
    let head: Head = serde_json::from_str(text).map_err(|error| PlanError::Malformed(error.to_string()))?;
    if head.format != FORMAT && head.format != OLDER {
        return Err(PlanError::Format { found: head.format });
    }
    head.scenario.ok_or_else(|| PlanError::Malformed("missing field `scenario`".to_owned()))
}

impl<W> Plan<W> {
    /// Reads a plan and nothing about its file; see [`PlanFile::parse`].
    ///
    /// # Errors
    /// As for [`PlanFile::parse`].
    pub fn parse(text: &str) -> Result<Self, PlanError>
    where
        W: DeserializeOwned + Serialize,
    {
        PlanFile::parse(text).map(|file| file.plan)
    }

    /// Prints the plan as it is committed; see [`PlanFile::print`].
    pub fn print(&self) -> String
    where
        W: Clone + Serialize,
    {
        PlanFile::new(self.clone()).print()
    }

    /// When the last fault over time ends. The run does not come to rest before.
    pub(crate) fn last_fault_end(&self) -> Duration {
        let end = |fault: &Fault| match fault {
            Fault::Timed(timed) => Duration::from_millis(timed.to_ms),
            Fault::Call(_) => Duration::ZERO,
        };
        self.faults.iter().map(end).max().unwrap_or_default()
    }

    /// Checks that the plan can be honoured to the letter by a scenario of this name and topology.
    ///
    /// # Errors
    /// Every [`PlanError`] but the malformed one.
    pub fn validate(&self, scenario: &str, topology: &Topology) -> Result<(), PlanError>
    where
        W: Workload,
    {
        if self.format != FORMAT {
            return Err(PlanError::Format { found: self.format.to_string() });
        }
        if self.scenario != scenario {
            return Err(PlanError::Scenario { found: self.scenario.to_string(), wanted: scenario.to_owned() });
        }
        if let Some(name) = topology.name_of_two() {
            return Err(PlanError::SameName { scenario: scenario.to_owned(), name: name.to_string() });
        }
        self.schedule.validate()?;
        if self.workload.span() > LONGEST {
            return Err(PlanError::Range { what: "a workload that takes longer than 100 years".to_owned() });
        }
        let latest_end = self.workload.span() + FAULT_OUTLASTS;
        for (index, fault) in self.faults.iter().enumerate() {
            fault.is_known_to(topology, index)?;
            match fault {
                Fault::Call(call) if call.nth == 0 => {
                    return Err(PlanError::Range { what: format!("fault {index} at call 0: calls count from 1") });
                }
                Fault::Call(call) if !call.verdict.fits(call.point) => {
                    return Err(PlanError::Unfit { index, point: call.point, verdict: call.verdict });
                }
                Fault::Timed(timed) if timed.to_ms <= timed.from_ms => {
                    return Err(PlanError::Range {
                        what: format!("fault {index} that ends at {} ms, not after its start", timed.to_ms),
                    });
                }
                Fault::Timed(timed) if Duration::from_millis(timed.to_ms) > latest_end => {
                    return Err(PlanError::Range {
                        what: format!("fault {index} ({fault}) that ends more than ten years after the last request"),
                    });
                }
                _ => {}
            }
        }
        Ok(())
    }
}
