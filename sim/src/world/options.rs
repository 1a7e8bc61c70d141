use std::{sync::Arc, time::Duration};

use seaworthy_core::ports::{Clock, Store};
use smol_str::SmolStr;

use crate::invariants::Practice;

/// Makes a store for the run: its name in the topology, and its clock.
///
/// A store may take its time. A commit that it was given is decided by it, once, whatever becomes of the process, and a
/// process that dies meanwhile is told as dead when that is done. Any other call ends with its process or its caller: if
/// it is dropped half way it must leave nothing behind, so its effect comes after its last wait.
pub type StoreFactory = Arc<dyn Fn(&str, Arc<dyn Clock>) -> Arc<dyn Store> + Send + Sync>;

/// How much a run may use before it is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Port calls that any run may make.
    pub port_calls: u64,
    /// Port calls that it may make beyond that for each item of the workload.
    pub port_calls_per_item: u64,
    /// Port calls that it may make beyond that for each hour of the workload's span: a system that waits for work still
    /// looks for it.
    pub port_calls_per_hour: u64,
    /// Port calls that it may make beyond that for each hour until the last fault over time has ended: a system that
    /// waits for what is down asks for it again and again.
    pub port_calls_per_fault_hour: u64,
    /// Times that tasks of a run may be polled, for each port call that it may make: a process that spins makes none.
    pub steps_per_port_call: u64,
    /// Virtual time that may pass without a change of anything that the run is judged by, after the last moment that the
    /// plan or the workload had fixed. What waits for longer is stuck.
    pub quiesce: Duration,
    /// Virtual time that may pass altogether, changes or not, since the world has healed, the client is done and nothing
    /// more was fixed by the plan or the workload. What still moves then moves for ever: where it does so slowly, it would
    /// take days to use up its port calls.
    pub settle: Duration,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            // A one-order lifecycle makes about 130 calls; the worst storm seen multiplies that by less than 50.
            port_calls: 100_000,
            port_calls_per_item: 5_000,
            // Four processes that wait for work make about 75 calls an hour with the default poll settings.
            port_calls_per_hour: 1_000,
            // A client, a relay or a consumer that asks every second.
            port_calls_per_fault_hour: 10_000,
            // A port call of a service that runs takes about three.
            steps_per_port_call: 30,
            // Longer than the longest backoff, lease and deadline of any scenario together.
            quiesce: Duration::from_secs(3_600),
            // Six times as long as the longest time without any change.
            settle: Duration::from_secs(6 * 3_600),
        }
    }
}

/// How a plan is executed. None of it changes what happens, except the store.
#[derive(Clone, Default)]
pub struct RunOptions {
    /// Keep the whole trace, for replay and reports.
    pub keep_trace: bool,
    /// Keep what the processes tell `tracing`, with virtual time, to lay it [beside the trace](crate::trace::interleave).
    /// It costs time and memory like a whole trace; a run that keeps nothing asks nobody.
    pub keep_spans: bool,
    /// The store to run on; the [scenario's own](crate::scenario::Scenario::store) where `None`, and where it has none the
    /// simulated one.
    pub store: Option<StoreFactory>,
    /// What that store is called in the files of plans, so that they are replayed on it; nothing where `None`.
    pub store_name: Option<SmolStr>,
    /// When to give up.
    pub budget: Budget,
    /// What the scenario does when nothing goes wrong, for invariants that want to know it. A sweep finds out by itself
    /// where this is `None`, see [`Rehearsal`](crate::explore::Rehearsal).
    pub practice: Option<Arc<Practice>>,
    /// Names of invariants that are not judged.
    pub without: Vec<SmolStr>,
}
