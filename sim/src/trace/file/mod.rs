//! A trace as a file that can be read back, judged, drawn and compared.

mod diff;
mod error;
mod header;

use std::io::{self, Write};

use seaworthy_core::ports::Timestamp;
use serde::Deserialize;
use smol_str::SmolStr;

pub use diff::{Divergence, diff};
pub use error::TraceFileError;
pub use header::{PlanText, TraceHeader};

use super::{Event, Fingerprint, Renderer, TraceLine, event::Ending};

/// The format that this version writes and reads. What came before it, `seaworthy/trace@1` and `@2`, held the text of the
/// events and not the events: such a file can't be read any more, and is written again by `replay --trace`.
pub const TRACE_FORMAT: &str = "seaworthy/trace@3";

/// A trace as a file: a header, then one event a line, as JSON. Its text follows from the events.
///
/// ```
/// use seaworthy_sim::{invariants::Ending, trace::{TraceFile, script::Script}};
///
/// let mut script = Script::new();
/// let orders = script.process("orders-1");
/// script.boot(orders);
///
/// let (scenario, seed, epoch) = ("order_fulfillment", 7, Default::default());
/// let file = TraceFile::new(scenario, seed, epoch, &script.processes(), script.events(), Ending::Quiet);
/// assert_eq!(TraceFile::parse(&file.print())?, file);
/// assert_eq!(file.lines()[0].text, "boots");
/// # Ok::<(), seaworthy_sim::trace::TraceFileError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct TraceFile {
    /// Scenario, plan and ending of the run.
    pub header: TraceHeader,
    /// Events of the run, in order.
    pub events: Vec<Event>,
}

impl TraceFile {
    /// A run's trace as a file. `processes` are the names of the processes, by their index; `epoch` is the moment at which
    /// virtual time started.
    pub fn new(
        scenario: &str,
        seed: u64,
        epoch: Timestamp,
        processes: &[SmolStr],
        events: Vec<Event>,
        ending: Ending,
    ) -> Self {
        let header = TraceHeader {
            format: SmolStr::new_static(TRACE_FORMAT),
            scenario: scenario.into(),
            seed,
            fingerprint: fingerprint(epoch, &events),
            events: events.len() as u64,
            ending,
            epoch,
            processes: processes.to_vec(),
            without: Vec::new(),
            plan: None,
        };
        Self { header, events }
    }

    /// With the plan that was run.
    #[must_use]
    pub fn with_plan(mut self, plan: impl Into<PlanText>) -> Self {
        self.header.plan = Some(plan.into());
        self
    }

    /// With the names of the invariants that were not judged.
    #[must_use]
    pub fn without(mut self, invariants: &[SmolStr]) -> Self {
        self.header.without = invariants.to_vec();
        self
    }

    /// Returns whether the events are those whose fingerprint the header has. Another version of this crate may take
    /// fingerprints of them in another way.
    pub fn is_intact(&self) -> bool {
        self.header.fingerprint == fingerprint(self.header.epoch, &self.events)
    }

    /// The events in words, with logical ids.
    pub fn lines(&self) -> Vec<TraceLine> {
        let mut renderer = Renderer::new(&self.header.processes);
        self.events.iter().map(|event| TraceLine::new(event, &mut renderer)).collect()
    }

    /// Writes the file.
    ///
    /// # Errors
    /// What the writer says.
    pub fn write(&self, mut to: impl Write) -> io::Result<()> {
        serde_json::to_writer(&mut to, &self.header)?;
        to.write_all(b"\n")?;
        for event in &self.events {
            serde_json::to_writer(&mut to, event)?;
            to.write_all(b"\n")?;
        }
        Ok(())
    }

    /// The file's text.
    pub fn print(&self) -> String {
        let mut text = Vec::new();
        self.write(&mut text).expect("events are plain data, and memory takes them all");
        String::from_utf8(text).expect("JSON is UTF-8")
    }

    /// Reads a file's text.
    ///
    /// # Errors
    /// [`TraceFileError`]; the format is looked at before anything else.
    pub fn parse(text: &str) -> Result<Self, TraceFileError> {
        #[derive(Deserialize)]
        struct Head {
            format: String,
        }
        let malformed =
            |line: usize| move |error: serde_json::Error| TraceFileError::Malformed { line, why: error.to_string() };
        let mut lines = text.lines();
        let first = lines.next().unwrap_or_default();
        let head: Head = serde_json::from_str(first).map_err(malformed(1))?;
        if head.format != TRACE_FORMAT {
            return Err(TraceFileError::Format { found: head.format });
        }
        let header: TraceHeader = serde_json::from_str(first).map_err(malformed(1))?;
        let events = lines.enumerate().map(|(index, line)| serde_json::from_str(line).map_err(malformed(index + 2)));
        let events: Vec<Event> = events.collect::<Result<_, _>>()?;
        if events.len() as u64 != header.events {
            return Err(TraceFileError::Truncated { found: events.len() as u64, wanted: header.events });
        }
        Ok(Self { header, events })
    }
}

/// As the recorder of a run takes it.
fn fingerprint(epoch: Timestamp, events: &[Event]) -> u64 {
    let mut fingerprint = Fingerprint::new();
    fingerprint.add(&epoch);
    events.iter().for_each(|event| fingerprint.add(event));
    fingerprint.value()
}
