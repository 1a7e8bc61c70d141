use std::io::{self, Write};

use serde::{Deserialize, Deserializer, Serialize};
use smol_str::SmolStr;

use super::{Event, Fingerprint, Renderer, VirtualTime};
use crate::hexadecimal;

/// The format that this version writes, and the newest that it reads. It reads `seaworthy/trace@1`, too.
pub const TRACE_FORMAT: &str = "seaworthy/trace@2";

/// The format that came before: its seed is a number, its other numbers lack the `0x`.
const OLDER: &str = "seaworthy/trace@1";

/// A trace as a file: a header, then one JSON object a line.
///
/// ```
/// use seaworthy_sim::trace::{TraceFile, script::Script};
///
/// let mut script = Script::new();
/// let orders = script.process("orders-1");
/// script.boot(orders);
///
/// let file = TraceFile::of("order_fulfillment", 7, 0xfeed, &script.processes(), &script.events());
/// assert_eq!(TraceFile::parse(&file.print()).expect("what was written can be read"), file);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceFile {
    /// What it is a trace of.
    pub header: TraceHeader,
    /// The events.
    pub lines: Vec<TraceLine>,
}

/// The first line of a trace file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceHeader {
    /// Always [`TRACE_FORMAT`] in a valid file.
    pub format: SmolStr,
    /// The scenario.
    pub scenario: SmolStr,
    /// The plan's seed.
    #[serde(with = "crate::hexadecimal")]
    pub seed: u64,
    /// Of the whole trace, as 16 hexadecimal digits after `0x`.
    #[serde(deserialize_with = "prefixed")]
    pub fingerprint: SmolStr,
    /// How many events there are, so that a truncated file is noticed.
    pub events: u64,
}

/// One event in a trace file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceLine {
    /// Its number, from 0.
    pub number: u64,
    /// Virtual microseconds since the start of the run.
    pub at_us: VirtualTime,
    /// The process and its incarnation.
    pub who: SmolStr,
    /// What kind of event it is.
    pub what: SmolStr,
    /// What happened, with logical ids.
    pub text: String,
    /// Of everything in the event, payloads and real ids included, as 16 hexadecimal digits after `0x`.
    #[serde(deserialize_with = "prefixed")]
    pub hash: SmolStr,
}

/// Why a trace file can't be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TraceFileError {
    /// A line is not what it should be.
    #[error("trace is malformed at line {line}: {why}")]
    Malformed {
        /// Which line, from 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// Its format is another one.
    #[error("trace has format {found:?}; this version reads {TRACE_FORMAT:?}: use the seaworthy that wrote it")]
    Format {
        /// The format that it names.
        found: String,
    },
    /// It is not whole.
    #[error("trace is truncated: it has {found} of {wanted} events; write it again with `replay --trace`")]
    Truncated {
        /// Events that there are.
        found: u64,
        /// Events that the header promises.
        wanted: u64,
    },
}

impl TraceFile {
    /// A run's trace as a file. `processes` are the names of the processes, by their index.
    pub fn of(scenario: &str, seed: u64, fingerprint: u64, processes: &[SmolStr], events: &[Event]) -> Self {
        let mut renderer = Renderer::new(processes);
        let line = |event: &Event| {
            let mut hash = Fingerprint::new();
            hash.add(event);
            TraceLine {
                number: event.number,
                at_us: event.at,
                who: renderer.who(event),
                what: SmolStr::new_static(event.what.name()),
                text: renderer.text(event),
                hash: SmolStr::from(hexadecimal::print(hash.value())),
            }
        };
        let lines: Vec<TraceLine> = events.iter().map(line).collect();
        let header = TraceHeader {
            format: SmolStr::new_static(TRACE_FORMAT),
            scenario: scenario.into(),
            seed,
            fingerprint: SmolStr::from(hexadecimal::print(fingerprint)),
            events: lines.len() as u64,
        };
        Self { header, lines }
    }

    /// Writes the file.
    ///
    /// # Errors
    /// What the writer says.
    pub fn write(&self, mut to: impl Write) -> io::Result<()> {
        to.write_all(self.print().as_bytes())
    }

    /// The file's text.
    pub fn print(&self) -> String {
        let json = |line: serde_json::Result<String>| line.expect("a trace line holds only strings and numbers");
        let mut text = json(serde_json::to_string(&self.header));
        text.push('\n');
        for line in &self.lines {
            text.push_str(&json(serde_json::to_string(line)));
            text.push('\n');
        }
        text
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
        if head.format != TRACE_FORMAT && head.format != OLDER {
            return Err(TraceFileError::Format { found: head.format });
        }
        let mut header: TraceHeader = serde_json::from_str(first).map_err(malformed(1))?;
        header.format = SmolStr::new_static(TRACE_FORMAT);
        let rest = lines.enumerate().map(|(index, line)| serde_json::from_str(line).map_err(malformed(index + 2)));
        let lines: Vec<TraceLine> = rest.collect::<Result<_, _>>()?;
        if lines.len() as u64 != header.events {
            return Err(TraceFileError::Truncated { found: lines.len() as u64, wanted: header.events });
        }
        Ok(Self { header, lines })
    }
}

/// Hexadecimal digits, to which an older version gave no prefix.
fn prefixed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SmolStr, D::Error> {
    let text = SmolStr::deserialize(deserializer)?;
    Ok(if text.starts_with("0x") { text } else { SmolStr::from(format!("0x{text}")) })
}
