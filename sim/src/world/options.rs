use std::sync::Arc;

use smol_str::SmolStr;

use crate::{invariants::Practice, kernel::Budget, scenario::StoreFactory};

/// Options of a run. None of it changes what happens, except the store.
#[derive(Clone, Default)]
pub struct RunOptions {
    /// Keep the whole trace, for replay and reports.
    pub keep_trace: bool,
    /// Keep what the processes tell `tracing`, with virtual time, to lay it [beside the trace](crate::trace::interleave).
    /// It costs time and memory like a whole trace; a run that keeps nothing asks nobody.
    pub keep_spans: bool,
    /// List the port calls that one more fault could have struck, see [`Strikable`](crate::world::Strikable).
    pub list_calls: bool,
    /// The store to run on; the [scenario's own](crate::scenario::Scenario::store) where `None`, and where it has none the
    /// simulated one.
    pub store: Option<StoreFactory>,
    /// Name of that store in the files of plans, so that they are replayed on it; nothing where `None`.
    pub store_name: Option<SmolStr>,
    /// Budget after which the run is given up.
    pub budget: Budget,
    /// Practice of the scenario when nothing goes wrong, for invariants that want to know it. A sweep finds out by
    /// itself where this is `None`, see [`Rehearsal`](crate::explore::Rehearsal).
    pub practice: Option<Arc<Practice>>,
    /// Names of invariants that are not judged.
    pub without: Vec<SmolStr>,
}
