//! The streams of dice under a plan's seed, one for each consumer, so that taking one thing away does not shift the
//! others. The list grows at its end: a number that moved would change every plan and every run that was ever printed.

/// Draws the workload.
pub const WORKLOAD: u64 = 0;
/// Draws the faults.
pub const FAULTS: u64 = 1;
/// Draws the [`Schedule`](super::Schedule).
pub const SCHEDULE: u64 = 2;
/// Draws the latency of each port call, during the run.
pub const LATENCY: u64 = 3;
/// Draws which calls are held up and for how long, during the run.
pub const STALLS: u64 = 4;
/// Draws which replica a request goes to, during the run.
pub const ROUTES: u64 = 5;
/// Draws which of the tasks that are ready goes next, during the run.
pub const ORDER: u64 = 6;
/// Draws the randomness of the process at position `n` of the topology, during the run: stream `PROCESSES + n`.
pub const PROCESSES: u64 = 16;
