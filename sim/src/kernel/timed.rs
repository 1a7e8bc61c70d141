//! Faults over a span of time, with the names of what they hit resolved.

use smol_str::SmolStr;

use crate::{
    plan::{FaultKind, Target, TimedFault},
    topology::Topology,
    trace::ProcessIndex,
};

/// Target of a timed fault, with names resolved to indices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hit {
    Broker,
    Store(usize),
    External(usize),
    Topic(usize),
    Process(ProcessIndex),
}

/// A fault over a span of time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timed {
    pub(crate) from_ms: u64,
    pub(crate) to_ms: u64,
    pub(crate) index: u32,
    pub(crate) kind: FaultKind,
    pub(crate) hit: Hit,
    /// Strength of the fault, where it is more or less strong.
    pub(crate) amount: i64,
}

/// Positions of the names of a topology.
pub(super) struct Places<'a> {
    topology: &'a Topology,
    stores: Vec<SmolStr>,
    topics: Vec<SmolStr>,
}

impl<'a> Places<'a> {
    pub(super) fn new(topology: &'a Topology) -> Self {
        Self { topology, stores: topology.stores(), topics: topology.topics() }
    }

    /// The index of a process.
    pub(super) fn process(&self, name: &str) -> ProcessIndex {
        let index = self.topology.processes.iter().position(|process| process.name == name);
        ProcessIndex(index.expect("a valid plan names processes that exist") as u16)
    }

    /// Resolves what a fault of the plan hits, by the fault's position there.
    pub(super) fn resolve(&self, fault: &TimedFault, index: u32) -> Timed {
        let hit = match fault.what.target() {
            Target::Broker => Hit::Broker,
            Target::Store(store) => {
                let index = self.stores.iter().position(|name| *name == store);
                Hit::Store(index.expect("a valid plan names stores that exist"))
            }
            Target::Service(service) => {
                let index = self.topology.externals.iter().position(|external| external.name == service);
                Hit::External(index.expect("a valid plan names services that exist"))
            }
            Target::Topic(topic) => {
                let index = self.topics.iter().position(|name| *name == topic);
                Hit::Topic(index.expect("a valid plan names topics that exist"))
            }
            Target::Process(name) => Hit::Process(self.process(&name)),
        };
        let (kind, amount) = (fault.what.kind(), fault.what.amount());
        Timed { from_ms: fault.from_ms, to_ms: fault.to_ms, index, kind, hit, amount }
    }
}
