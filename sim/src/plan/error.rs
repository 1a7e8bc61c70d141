use super::{FORMAT, Point, Verdict};

/// Error of a plan that can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The text is not JSON, or not whole.
    #[error("plan is malformed or truncated: {0}")]
    Malformed(String),
    /// Its format is another one.
    #[error(
        "plan has format {found:?}; this version reads {FORMAT:?} and older ones: use the seaworthy that wrote it, or a newer one"
    )]
    Format {
        /// The format that it names.
        found: String,
    },
    /// The plan is for another scenario.
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
        /// Name of the scenario.
        scenario: String,
        /// Name that two of them have.
        name: String,
    },
    /// The plan names something that the scenario does not have.
    #[error("fault {index} names {kind} {name:?}, which the scenario does not have (it has: {known})")]
    UnknownName {
        /// Position in `faults`, from 0.
        index: usize,
        /// `process`, `store` or `service`.
        kind: &'static str,
        /// Name that is not known.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// A verdict that a call of this kind can't honour.
    #[error("fault {index}: a call at point {:?} can't honour {verdict:?}", point.name())]
    Unfit {
        /// Position in `faults`, from 0.
        index: usize,
        /// Point at which it was to strike.
        point: Point,
        /// Verdict that it was to give.
        verdict: Verdict,
    },
    /// A field that is not part of the format.
    #[error("plan has a field {field:?} that nothing reads: correct its name or leave it out")]
    UnknownField {
        /// Path of the field, from the top.
        field: String,
    },
    /// A number out of range.
    #[error("plan has {what}")]
    Range {
        /// Name of the number, and what it should be.
        what: String,
    },
}
