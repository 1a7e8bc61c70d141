use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use seaworthy_core::message::Message;
use smol_str::SmolStr;
use tokio::sync::{Notify, oneshot};

use super::{
    Budget,
    faults::{Faults, Struck},
    life::Life,
    own_tables::OwnTables,
    recorder::Recorder,
};
use crate::{
    plan::{Point, stream},
    scenario::Draw,
    trace::{ProcessIndex, VirtualTime},
};

/// A stalled call takes at most this many times its latency.
pub(super) const STALL_MAX: u32 = 17;

/// The part of the world that changes.
pub(crate) struct State {
    pub(super) recorder: Recorder,
    pub(super) faults: Faults,
    pub(super) own_tables: Option<Box<OwnTables>>,
    pub(super) processes: Vec<Process>,
    pub(super) latencies: Draw,
    pub(super) stalls: Draw,
    pub(super) routes: Draw,
    pub(super) agenda: BTreeMap<(VirtualTime, u64), Due>,
    pub(super) agenda_next: u64,
    pub(super) calls_left: u64,
    pub(super) out_of_budget: bool,
    pub(super) next_tx: u64,
    pub(super) next_request: u64,
    /// Requests that the outside still waits for, and its own tasks.
    pub(super) asking: u64,
    pub(super) answered: u64,
}

/// What the world has to do at a moment.
pub(super) enum Due {
    Boot {
        process: ProcessIndex,
        upgrade: bool,
    },
    FaultBegins(u32),
    FaultEnds(u32),
    /// The broker keeps a second copy of a message from here on.
    Duplicate(Box<Message>),
    /// A request arrives once more.
    Repeat {
        process: ProcessIndex,
        request: Asked,
    },
    /// An answer that was sent arrives.
    Answer {
        request: Asked,
        said: Result<Bytes, String>,
    },
}

/// The way back to whoever asked: the first answer takes it.
pub(crate) type Answer = Mutex<Option<oneshot::Sender<Result<Bytes, String>>>>;

/// A request on its way to a process.
#[derive(Clone)]
pub(crate) struct Asked {
    pub(crate) number: u64,
    pub(crate) operation: SmolStr,
    pub(crate) body: Bytes,
    pub(crate) answer: Arc<Answer>,
}

/// A process, over all its incarnations.
pub(super) struct Process {
    pub(super) life: Option<Arc<Life>>,
    pub(super) incarnations: u32,
    pub(super) release: u32,
    pub(super) ids: Arc<Mutex<Draw>>,
    pub(super) requests: VecDeque<Asked>,
    pub(super) arrival: Arc<Notify>,
}

impl State {
    pub(super) fn new(recorder: Recorder, faults: Faults, seed: u64, processes: usize, calls: u64) -> Self {
        Self {
            recorder,
            faults,
            own_tables: None,
            processes: (0..processes).map(|index| Process::new(seed, index)).collect(),
            latencies: Draw::stream(seed, stream::LATENCY),
            stalls: Draw::stream(seed, stream::STALLS),
            routes: Draw::stream(seed, stream::ROUTES),
            agenda: BTreeMap::new(),
            agenda_next: 0,
            calls_left: calls,
            out_of_budget: false,
            next_tx: 0,
            next_request: 0,
            asking: 0,
            answered: 0,
        }
    }

    pub(super) fn schedule(&mut self, at: VirtualTime, due: Due) {
        self.agenda_next += 1;
        let key = (at, self.agenda_next);
        self.agenda.insert(key, due);
    }

    /// A request reaches a process.
    pub(super) fn arrive(&mut self, process: ProcessIndex, request: Asked) {
        let process = &mut self.processes[usize::from(process.0)];
        process.requests.push_back(request);
        process.arrival.notify_one();
    }

    /// Counts a port call, and `false` if there is no budget left for it.
    pub(crate) fn spend_call(&mut self) -> bool {
        if self.calls_left == 0 {
            self.out_of_budget = true;
            return false;
        }
        self.calls_left -= 1;
        true
    }

    /// Counts a call and says what strikes it.
    pub(crate) fn strike(&mut self, process: ProcessIndex, point: Point) -> Option<Struck> {
        self.faults.strike(process, point)
    }

    /// Takes back what was to strike a call that never came to it.
    pub(crate) fn give_back(&mut self, process: ProcessIndex, point: Point, struck: Struck) {
        self.faults.give_back(process, point, struck);
    }

    /// The latency of one call, in virtual milliseconds: the smaller of two draws, so that short ones are more common.
    pub(crate) fn latency(&mut self, min_ms: u32, max_ms: u32) -> u64 {
        let span = u64::from(max_ms - min_ms) + 1;
        let bits = self.latencies.bits();
        let (one, two) = (((bits >> 32) * span) >> 32, ((bits & 0xffff_ffff) * span) >> 32);
        u64::from(min_ms) + one.min(two)
    }

    /// How many times its latency a call takes: once, or more if it is held up.
    pub(crate) fn stall(&mut self, per_mille: u16) -> u32 {
        if per_mille > 0 && self.stalls.chance(per_mille.into()) {
            1 + self.stalls.small(u64::from(STALL_MAX) - 1) as u32
        } else {
            1
        }
    }

    /// The incarnations that are up.
    pub(super) fn lives(&self) -> impl Iterator<Item = &Life> {
        self.processes.iter().filter_map(|process| process.life.as_deref())
    }

    pub(super) fn calls(&self) -> [u64; Point::ALL.len()] {
        self.faults.calls()
    }

    pub(super) fn busiest(&self, most: usize) -> Vec<(ProcessIndex, Point, u32)> {
        self.faults.busiest(most)
    }
}

impl Process {
    fn new(seed: u64, index: usize) -> Self {
        Self {
            life: None,
            incarnations: 0,
            release: 1,
            ids: Arc::new(Mutex::new(Draw::stream(seed, stream::PROCESSES + index as u64))),
            requests: VecDeque::new(),
            arrival: Arc::new(Notify::new()),
        }
    }
}

impl Budget {
    /// Port calls that a run of such a workload may make.
    pub(super) fn calls(&self, items: usize, span: Duration, last_fault_end: Duration) -> u64 {
        let hours = |duration: Duration| duration.as_secs() / 3_600;
        self.port_calls
            .saturating_add(self.port_calls_per_item.saturating_mul(items as u64))
            .saturating_add(self.port_calls_per_hour.saturating_mul(hours(span)))
            .saturating_add(self.port_calls_per_fault_hour.saturating_mul(hours(last_fault_end)))
    }
}
