use std::sync::Arc;

use smol_str::SmolStr;

use crate::{invariants::Practice, kernel::Budget, scenario::StoreFactory};

/// Options of a run. None of it changes what happens, except the store.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct RunOptions {
    /// Keep the whole trace, for replay and reports.
    pub keep_trace: bool,
    /// Number of events up to which a trace that is asked for is kept: a longer one is let go of, and known by its
    /// fingerprint alone. All of it where `None`. A run of months has millions of events, of half a kilobyte each.
    pub trace_max: Option<u64>,
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

impl RunOptions {
    /// Keeps the whole trace, or not, for replay and reports.
    #[must_use]
    pub fn keep_trace(mut self, keep_trace: bool) -> Self {
        self.keep_trace = keep_trace;
        self
    }

    /// Sets the number of events up to which a trace that is asked for is kept; all of it where `None`.
    #[must_use]
    pub fn trace_max(mut self, trace_max: Option<u64>) -> Self {
        self.trace_max = trace_max;
        self
    }

    /// Keeps what the processes tell `tracing`, or not, to lay it beside the trace.
    #[must_use]
    pub fn keep_spans(mut self, keep_spans: bool) -> Self {
        self.keep_spans = keep_spans;
        self
    }

    /// Lists the port calls that one more fault could have struck, or not.
    #[must_use]
    pub fn list_calls(mut self, list_calls: bool) -> Self {
        self.list_calls = list_calls;
        self
    }

    /// Sets the store to run on; the [scenario's own](crate::scenario::Scenario::store) where `None`, and where it
    /// has none the simulated one.
    #[must_use]
    pub fn store(mut self, store: Option<StoreFactory>) -> Self {
        self.store = store;
        self
    }

    /// Sets the name of that store in the files of plans, so that they are replayed on it; nothing where `None`.
    #[must_use]
    pub fn store_name(mut self, store_name: Option<SmolStr>) -> Self {
        self.store_name = store_name;
        self
    }

    /// Sets the budget after which the run is given up.
    #[must_use]
    pub fn budget(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }

    /// Sets the practice of the scenario when nothing goes wrong, for invariants that want to know it.
    #[must_use]
    pub fn practice(mut self, practice: Option<Arc<Practice>>) -> Self {
        self.practice = practice;
        self
    }

    /// Sets the names of invariants that are not judged.
    #[must_use]
    pub fn without(mut self, without: Vec<SmolStr>) -> Self {
        self.without = without;
        self
    }
}
