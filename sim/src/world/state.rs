use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use madsim::time::TimeHandle;
use seaworthy_core::{
    message::Message,
    ports::{Store, Timestamp},
};
use smol_str::SmolStr;
use tokio::sync::{Notify, oneshot};

use super::{
    Budget,
    faults::{Disturbed, Faults, Struck, Timed},
    life::Life,
    recorder::Recorder,
};
use crate::{
    broker::MemoryBroker,
    external::MemoryExternal,
    plan::{Point, Restart, Schedule},
    scenario::{Draw, Topology},
    trace::{ProcessIndex, TxId, VirtualTime, What},
};

/// The world of one run: everything that outlives a crash, and the books about it.
pub(crate) struct World {
    pub(crate) topology: Topology,
    pub(crate) epoch: Timestamp,
    pub(crate) schedule: Schedule,
    pub(crate) stores: Vec<(SmolStr, Arc<dyn Store>)>,
    pub(crate) broker: MemoryBroker,
    pub(crate) externals: MemoryExternal,
    pub(crate) time: TimeHandle,
    /// Wakes the world's own task: something is due, or the budget is used up.
    pub(crate) nudge: Notify,
    store_of: Vec<usize>,
    /// What lives as long as the run: the client's own tasks.
    pub(super) outside: Arc<Life>,
    /// Whether any timed fault is on, so that calm calls need not ask.
    disturbed: AtomicBool,
    state: Mutex<State>,
}

/// What a world is made of.
pub(super) struct Parts {
    pub(super) topology: Topology,
    pub(super) epoch: Timestamp,
    pub(super) schedule: Schedule,
    pub(super) stores: Vec<(SmolStr, Arc<dyn Store>)>,
    pub(super) broker: MemoryBroker,
    pub(super) externals: MemoryExternal,
    pub(super) time: TimeHandle,
}

/// The part of the world that changes.
pub(crate) struct State {
    pub(super) recorder: Recorder,
    pub(super) faults: Faults,
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
}

/// A request on its way to a process.
#[derive(Clone)]
pub(crate) struct Asked {
    pub(crate) number: u64,
    pub(crate) operation: SmolStr,
    pub(crate) body: Bytes,
    pub(crate) answer: Arc<Mutex<Option<oneshot::Sender<Result<Bytes, String>>>>>,
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

impl World {
    pub(super) fn new(parts: Parts, state: State) -> Self {
        let Parts { topology, epoch, schedule, stores, broker, externals, time } = parts;
        let store_of = topology
            .processes
            .iter()
            .map(|process| stores.iter().position(|(name, _)| *name == process.store).unwrap_or(0))
            .collect();
        Self {
            topology,
            epoch,
            schedule,
            stores,
            store_of,
            outside: Life::new(ProcessIndex::WORLD, 0),
            broker,
            externals,
            time,
            nudge: Notify::new(),
            disturbed: AtomicBool::new(false),
            state: Mutex::new(state),
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Virtual microseconds since the start.
    pub(crate) fn elapsed(&self) -> VirtualTime {
        self.time.elapsed().as_micros() as u64
    }

    /// The world's own clock.
    pub(crate) fn now(&self) -> Timestamp {
        self.epoch + Duration::from_micros(self.elapsed())
    }

    /// Writes an event of the world itself.
    pub(crate) fn record(&self, what: What) {
        let at = self.elapsed();
        self.state().recorder.record(at, ProcessIndex::WORLD, 0, what);
    }

    /// Writes an event of a process.
    pub(crate) fn record_of(&self, life: &Life, what: What) {
        let at = self.elapsed();
        self.state().recorder.record(at, life.process, life.incarnation, what);
    }

    /// Ends an incarnation and has the process come back later.
    pub(crate) fn crash(&self, life: &Life, restart: Restart) {
        if !life.end() {
            return;
        }
        let at = self.elapsed();
        let mut state = self.state();
        state.recorder.record(at, life.process, life.incarnation, What::Crash);
        let process = &mut state.processes[usize::from(life.process.0)];
        process.life = None;
        // What had reached the process and was not taken dies with it; whoever asked asks again.
        process.requests.clear();
        let due = Due::Boot { process: life.process, upgrade: restart.upgrade };
        state.schedule(at + u64::from(restart.after_ms) * 1_000, due);
        drop(state);
        self.nudge.notify_one();
    }

    /// Ends every task of the run.
    pub(super) fn end(&self) {
        let lives: Vec<Arc<Life>> = {
            let mut state = self.state();
            state.agenda.clear();
            state.processes.iter_mut().filter_map(|process| process.life.take()).collect()
        };
        for life in lives {
            life.end();
        }
        self.outside.end();
    }

    /// A task of a process panicked: that is a finding, and the process dies of it.
    pub(crate) fn panicked(&self, life: &Life, message: SmolStr) {
        let at = self.elapsed();
        let name = &self.topology.processes[usize::from(life.process.0)].name;
        let sentence = format!("process {name} panicked: {message}");
        {
            let mut state = self.state();
            state.recorder.record(at, life.process, life.incarnation, What::Panic { message });
            state.recorder.violate("panic", name.to_string(), sentence);
        }
        self.crash(life, Restart { after_ms: 1_000, upgrade: false });
    }

    /// The index of the store that a process runs on.
    pub(crate) fn store_of(&self, process: ProcessIndex) -> usize {
        self.store_of[usize::from(process.0)]
    }

    pub(crate) fn ids_of(&self, process: ProcessIndex) -> Arc<Mutex<Draw>> {
        self.state().processes[usize::from(process.0)].ids.clone()
    }

    pub(crate) fn external_index(&self, service: &str) -> Option<usize> {
        self.topology.externals.iter().position(|external| external.name == service)
    }

    pub(crate) fn is_disturbed(&self) -> bool {
        self.disturbed.load(Ordering::Relaxed)
    }

    pub(super) fn set_disturbed(&self, disturbed: bool) {
        self.disturbed.store(disturbed, Ordering::Relaxed);
    }

    /// Visits the timed faults that are on and match, and writes down those that strike for the first time.
    pub(crate) fn disturb(&self, matches: impl Fn(Disturbed) -> bool, mut visit: impl FnMut(&Timed)) {
        let at = self.elapsed();
        let mut first = Vec::new();
        let mut state = self.state();
        state.faults.disturb(matches, |timed, is_first| {
            visit(timed);
            if is_first {
                first.push(What::Fault { index: timed.index, kind: timed.kind, point: None });
            }
        });
        for what in first {
            state.recorder.record(at, ProcessIndex::WORLD, 0, what);
        }
    }

    /// The broker accepts a message once more, later.
    pub(crate) fn publish_again(&self, message: &Message, after: Duration) {
        let at = self.elapsed() + after.as_micros() as u64;
        self.state().schedule(at, Due::Duplicate(Box::new(message.clone())));
        self.nudge.notify_one();
    }

    /// A request arrives at a process once more, later.
    pub(crate) fn repeat(&self, process: ProcessIndex, request: Asked, after: Duration) {
        let at = self.elapsed() + after.as_micros() as u64;
        self.state().schedule(at, Due::Repeat { process, request });
        self.nudge.notify_one();
    }

    pub(crate) fn next_tx(&self) -> TxId {
        let mut state = self.state();
        state.next_tx += 1;
        TxId(state.next_tx)
    }
}

impl State {
    pub(super) fn new(recorder: Recorder, faults: Faults, seed: u64, processes: usize, calls: u64) -> Self {
        Self {
            recorder,
            faults,
            processes: (0..processes).map(|index| Process::new(seed, index)).collect(),
            latencies: Draw::stream(seed, stream::LATENCIES),
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

    /// The latency of one call, in virtual milliseconds: the smaller of two draws, so that short ones are more common.
    pub(crate) fn latency(&mut self, min_ms: u32, max_ms: u32) -> u64 {
        let span = u64::from(max_ms - min_ms) + 1;
        let bits = self.latencies.bits();
        let (one, two) = ((bits >> 32) * span >> 32, (bits & 0xffff_ffff) * span >> 32);
        u64::from(min_ms) + one.min(two)
    }

    /// How many times its latency a call takes: once, or more if it is held up.
    pub(crate) fn stall(&mut self, per_mille: u16) -> u32 {
        if per_mille > 0 && self.stalls.chance(per_mille.into()) { 1 + self.stalls.small(16) as u32 } else { 1 }
    }

    pub(super) fn calls(&self) -> [u64; Point::ALL.len()] {
        self.faults.calls()
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
    pub(super) fn calls(&self, items: usize) -> u64 {
        self.port_calls.saturating_add(self.port_calls_per_item.saturating_mul(items as u64))
    }
}

/// The world's streams of dice under a plan's seed; the lower ones belong to whoever makes the plan.
mod stream {
    pub(super) const LATENCIES: u64 = 3;
    pub(super) const STALLS: u64 = 4;
    pub(super) const ROUTES: u64 = 5;
    /// One for each process, from here on.
    pub(super) const PROCESSES: u64 = 16;
}
