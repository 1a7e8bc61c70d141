use std::time::{Duration, Instant};

use crate::explore::cpu::cpu_time;

/// Real time: it decides when a sweep for a duration ends and what is reported about speed, never what happens in a run.
pub(super) struct Stopwatch {
    start: Instant,
    cpu: Option<Duration>,
}

#[allow(clippy::disallowed_methods, reason = "the sweep itself runs in real time; its runs do not")]
impl Stopwatch {
    pub(super) fn start() -> Self {
        Self { start: Instant::now(), cpu: cpu_time() }
    }

    pub(super) fn wall(&self) -> Duration {
        Instant::now().saturating_duration_since(self.start)
    }

    pub(super) fn cpu(&self) -> Option<Duration> {
        Some(cpu_time()?.saturating_sub(self.cpu?))
    }
}

pub(super) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
