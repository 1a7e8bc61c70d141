use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use seaworthy_core::{
    message::Message,
    ports::{Operation, Refusal, Response},
};
use smol_str::SmolStr;
use tokio::sync::{Notify, oneshot};

use super::{
    asks::Asks,
    errors::Errors,
    faults::{Faults, Injected},
    in_vain::InVain,
    incarnation::Incarnation,
    meter::Meter,
    own_tables::OwnTables,
    recorder::Recorder,
    spent::Spent,
};
use crate::{
    draw::Draw,
    plan::stream,
    trace::{ProcessIndex, VirtualTime},
};

/// A stalled call takes at most this many times its latency.
pub(crate) const STALL_MAX: u32 = 17;

/// For so many port calls before the last one that the budget allows, events are kept to say what goes on.
const TAIL: u64 = 1_000;

/// Times the budget of port calls, so many may be made while nothing changes.
const FREE: u64 = 4;

/// Virtual microseconds to a call of processes that only poll, which may do so for ever while nothing changes: four
/// replicas that look and renew a lease every 100 ms, with seven calls for each, may wait for a client that is silent for
/// days.
const US_A_POLL: VirtualTime = 3_600;

/// So many panics in a row that nothing comes between say that starting a process again does not help.
const PANICS_IN_VAIN: u32 = 20;

/// The part of the world that changes.
pub(crate) struct RunState {
    pub(crate) recorder: Recorder,
    pub(crate) faults: Faults,
    pub(crate) own_tables: Option<Box<OwnTables>>,
    pub(crate) processes: Vec<Process>,
    pub(crate) latencies: Draw,
    pub(crate) stalls: Draw,
    pub(crate) routes: Draw,
    pub(crate) agenda: BTreeMap<(VirtualTime, u64), Due>,
    pub(crate) agenda_next: u64,
    pub(crate) calls_left: u64,
    pub(crate) spent: Option<Spent>,
    pub(crate) next_tx: u64,
    /// Requests that the outside still waits for, and its own tasks.
    pub(crate) asking: u64,
    pub(crate) asks: Asks,
    /// Calls that a store has not answered.
    pub(crate) in_vain: InVain,
    /// Errors of port calls that no fault caused, since no fault has struck any more.
    pub(crate) errors: Errors,
    /// Calls that hang for good, and the time at which the last of them has hung for as long as the plan says.
    pub(crate) hanging: u32,
    pub(crate) hangs_until: VirtualTime,
    /// `true` if a wait may be under way that lasts for longer than was asked for.
    pub(crate) stretched: bool,
    /// Port calls that still count for nothing where nothing changes, and where the count stood at the last look.
    free_calls: u64,
    looked: (u64, u64),
    /// The time since which nothing has changed, as far as looks tell, and the port calls since then.
    quiet: (VirtualTime, u64),
    /// The last moment that the workload, the client or the plan had fixed beforehand.
    pub(crate) fixed: VirtualTime,
    pub(crate) answered: u64,
    /// The newest release that a process has run.
    pub(crate) newest: u32,
}

/// Work of the world that is due at a moment.
pub(crate) enum Due {
    Boot {
        process: ProcessIndex,
        upgrade: bool,
    },
    /// An incarnation that was asked to stop has had its time.
    Kill(Arc<Incarnation>),
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
        response: Response,
        said: Result<Bytes, Refusal>,
    },
}

/// The way back to whoever asked: the first answer takes it.
pub(super) type Answer = Mutex<Option<oneshot::Sender<Result<Bytes, Refusal>>>>;

/// A request on its way to a process.
#[derive(Clone)]
pub(crate) struct Asked {
    pub(crate) number: u64,
    pub(crate) operation: SmolStr,
    pub(crate) body: Bytes,
    pub(crate) answer: Arc<Answer>,
}

/// A process, over all its incarnations.
pub(crate) struct Process {
    pub(crate) incarnation: Option<Arc<Incarnation>>,
    pub(crate) incarnations: u32,
    pub(crate) release: u32,
    pub(crate) ids: Arc<Mutex<Draw>>,
    pub(crate) requests: VecDeque<Asked>,
    /// The request that it took last.
    pub(crate) taken: Option<Asked>,
    /// Time at which its main function returned, in its present incarnation.
    pub(crate) returned: Option<VirtualTime>,
    /// Number of panics since something last changed, and how much had changed by then.
    pub(crate) panics: (u32, u64),
    pub(crate) arrival: Arc<Notify>,
}

impl RunState {
    pub(crate) fn new(
        recorder: Recorder,
        faults: Faults,
        seed: u64,
        processes: usize,
        calls: u64,
        span: VirtualTime,
    ) -> Self {
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
            spent: None,
            next_tx: 0,
            asking: 0,
            asks: Asks::default(),
            in_vain: InVain::default(),
            errors: Errors::default(),
            hanging: 0,
            hangs_until: 0,
            stretched: false,
            free_calls: calls.saturating_mul(FREE),
            looked: (0, calls),
            quiet: (0, 0),
            fixed: span,
            answered: 0,
            newest: 1,
        }
    }

    /// Returns `true` while somebody waits for a call that hangs for good.
    pub(crate) fn hangs(&self, now: VirtualTime) -> bool {
        // One that is neither dropped nor polled would wait for ever.
        self.hanging > 0 && now <= self.hangs_until
    }

    pub(crate) fn schedule(&mut self, at: VirtualTime, due: Due) {
        self.agenda_next += 1;
        let key = (at, self.agenda_next);
        self.agenda.insert(key, due);
    }

    /// A request reaches a process.
    pub(crate) fn arrive(&mut self, process: ProcessIndex, request: Asked) {
        let process = &mut self.processes[usize::from(process.0)];
        // One that still waits there is not kept twice: a client that asks in vain would fill the memory.
        if process.requests.iter().all(|waiting| waiting.number != request.number) {
            process.requests.push_back(request);
        }
        process.arrival.notify_one();
    }

    /// Gives back the port calls of the time since the last look, if nothing has changed in it: a run that rests or is stuck
    /// is bounded by virtual time. So are not those of a process that calls without end, for long.
    pub(crate) fn refund(&mut self, now: VirtualTime, meter: &Meter) {
        let (changes, left) = self.looked;
        if self.recorder.changes() == changes {
            let spent = left.saturating_sub(self.calls_left);
            self.quiet.1 += spent;
            let (since, calls) = self.quiet;
            if calls <= now.saturating_sub(since) / US_A_POLL {
                self.calls_left += spent;
                meter.allow(spent);
            } else {
                let refunded = spent.min(self.free_calls);
                self.free_calls -= refunded;
                self.calls_left += refunded;
            }
        } else {
            self.quiet = (now, 0);
        }
        self.looked = (self.recorder.changes(), self.calls_left);
    }

    /// Counts a panic. Whether the process has panicked so often, with nothing changed between and no fault that could be
    /// to blame, that starting it again is in vain.
    pub(crate) fn panics_in_vain(&mut self, process: ProcessIndex) -> bool {
        let changes = self.recorder.changes();
        let is_calm = self.faults.have_healed();
        let panics = &mut self.processes[usize::from(process.0)].panics;
        *panics = if panics.1 == changes { (panics.0 + 1, changes) } else { (1, changes) };
        is_calm && panics.0 >= PANICS_IN_VAIN
    }

    /// Returns `true` if a request that reaches a process may find somebody there: it is up, and either its main
    /// function has not returned or another of its tasks waits for requests.
    pub(crate) fn hears(&self, process: ProcessIndex) -> bool {
        let process = &self.processes[usize::from(process.0)];
        process
            .incarnation
            .as_ref()
            .is_some_and(|incarnation| process.returned.is_none() || incarnation.pulse.is_listening())
    }

    /// Counts a port call, and `false` if there is no budget left for it.
    pub(crate) fn spend_call(&mut self) -> bool {
        if self.calls_left == 0 {
            self.spent = Some(Spent::PortCalls);
            return false;
        }
        self.calls_left -= 1;
        if self.calls_left == TAIL {
            self.recorder.keep_tail();
        }
        true
    }

    /// Counts a call and says what strikes it.
    pub(crate) fn inject(&mut self, process: ProcessIndex, operation: Operation) -> Option<Injected> {
        self.faults.inject(process, operation)
    }

    /// Takes back what was to strike a call that never came to it.
    pub(crate) fn give_back(&mut self, injected: Injected) {
        self.faults.give_back(injected);
    }

    /// The latency of one call, in virtual milliseconds: the smaller of two draws, so that short ones are more common.
    pub(crate) fn latency(&mut self, min_ms: u32, max_ms: u32) -> u64 {
        let span = u64::from(max_ms - min_ms) + 1;
        let bits = self.latencies.bits();
        let (one, two) = (((bits >> 32) * span) >> 32, ((bits & 0xffff_ffff) * span) >> 32);
        u64::from(min_ms) + one.min(two)
    }

    /// Draws how many times its latency a call takes: once, or more if it is held up.
    pub(crate) fn stall(&mut self, per_mille: u16) -> u32 {
        if per_mille > 0 && self.stalls.chance(per_mille.into()) {
            1 + self.stalls.small(u64::from(STALL_MAX) - 1) as u32
        } else {
            1
        }
    }

    pub(crate) fn calls(&self) -> [u64; Operation::ALL.len()] {
        self.faults.calls()
    }

    pub(crate) fn busiest(&self, most: usize) -> Vec<(ProcessIndex, Operation, u32)> {
        self.faults.busiest(most)
    }
}

impl Process {
    fn new(seed: u64, index: usize) -> Self {
        Self {
            incarnation: None,
            incarnations: 0,
            release: 1,
            ids: Arc::new(Mutex::new(Draw::stream(seed, stream::PROCESSES + index as u64))),
            requests: VecDeque::new(),
            returned: None,
            panics: (0, 0),
            taken: None,
            arrival: Arc::new(Notify::new()),
        }
    }
}
