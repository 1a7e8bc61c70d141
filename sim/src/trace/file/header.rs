use seaworthy_core::ports::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use smol_str::SmolStr;

use crate::{
    plan::{PlanError, PlanFile},
    trace::event::Ending,
};

/// The first line of a trace file: what is needed to judge the events again, and to draw them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TraceHeader {
    /// Always [`TRACE_FORMAT`](super::TRACE_FORMAT) in a valid file.
    pub format: SmolStr,
    /// Name of the scenario.
    pub scenario: SmolStr,
    /// The plan's seed.
    #[serde(with = "crate::hexadecimal")]
    pub seed: u64,
    /// Of the whole trace, as the run had it.
    #[serde(with = "crate::hexadecimal")]
    pub fingerprint: u64,
    /// Number of events, so that a truncated file is noticed.
    pub events: u64,
    /// Ending of the run.
    pub ending: Ending,
    /// The moment at which virtual time started.
    #[serde(rename = "epoch_us")]
    pub epoch: Timestamp,
    /// Names of the processes, by their index in the events.
    pub processes: Vec<SmolStr>,
    /// Names of invariants that were not judged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without: Vec<SmolStr>,
    /// The plan that was run; none for a trace that was written by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanText>,
}

/// A plan file inside another file, on one line: with the store that it ran on and its digest.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PlanText(Box<RawValue>);

impl PlanText {
    /// The text of the file.
    pub fn as_str(&self) -> &str {
        self.0.get()
    }

    /// Reads the plan.
    ///
    /// # Errors
    /// As for [`PlanFile::parse`].
    pub fn read<W: DeserializeOwned + Serialize>(&self) -> Result<PlanFile<W>, PlanError> {
        PlanFile::parse(self.as_str())
    }
}

impl<W: Serialize> From<&PlanFile<W>> for PlanText {
    fn from(file: &PlanFile<W>) -> Self {
        Self(file.to_raw())
    }
}

impl PartialEq for PlanText {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}
