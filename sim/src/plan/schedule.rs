use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Latency of a port call that leaves the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Latency {
    /// No time at all: only the schedule decides who goes first.
    Zero,
    /// Equal latency of every call, in virtual milliseconds.
    Equal {
        /// Latency in milliseconds.
        ms: u32,
    },
    /// Drawn for each call from the plan's latency stream, `min_ms..=max_ms`, short ones more often.
    Spread {
        /// Shortest, in virtual milliseconds, at least 1.
        min_ms: u32,
        /// Longest, in virtual milliseconds.
        max_ms: u32,
    },
}

/// Schedule of a run: how time passes and who is held up. Which of several ready tasks goes next is always drawn from
/// the seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// The latency of port calls.
    pub latency: Latency,
    /// Number of port calls in 1,000 that are held up for a drawn multiple of the latency, so that any task can be
    /// stalled against any other even where all latencies are equal.
    #[serde(default)]
    pub stall_per_mille: u16,
}

impl Default for Schedule {
    fn default() -> Self {
        Self { latency: Latency::Spread { min_ms: 1, max_ms: 8 }, stall_per_mille: 10 }
    }
}

impl Schedule {
    /// Returns the longest time that a port call takes which is not held up.
    pub(crate) fn longest_call(&self) -> Duration {
        Duration::from_millis(match self.latency {
            Latency::Zero => 0,
            Latency::Equal { ms } | Latency::Spread { max_ms: ms, .. } => ms.into(),
        })
    }

    /// Describes how time passes in a plan.
    pub(crate) fn words(&self) -> String {
        let calls = match self.latency {
            Latency::Zero => "port calls take no time".to_owned(),
            Latency::Equal { ms } => format!("each port call takes {ms} ms"),
            Latency::Spread { min_ms, max_ms } => format!("port calls take {min_ms} to {max_ms} ms"),
        };
        match self.stall_per_mille {
            0 => calls,
            stalls => format!("{calls}, and {stalls} in 1,000 are held up"),
        }
    }

    /// Checks the numbers.
    pub(super) fn validate(&self) -> Result<(), super::PlanError> {
        let wrong = match self.latency {
            Latency::Spread { min_ms: 0, .. } => Some("a latency spread from 0 ms: the least is 1".to_owned()),
            Latency::Spread { min_ms, max_ms } if max_ms < min_ms => {
                Some(format!("a latency spread from {min_ms} to {max_ms} ms: the other way round"))
            }
            Latency::Equal { ms: 0 } => Some("an equal latency of 0 ms: write \"zero\"".to_owned()),
            _ if self.stall_per_mille > 1_000 => Some(format!("{} stalls in 1,000 calls", self.stall_per_mille)),
            _ => None,
        };
        wrong.map_or(Ok(()), |what| Err(super::PlanError::Range { what }))
    }
}
