use std::{
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use seaworthy_core::{
    message::Message,
    ports::{Operation, Refusal, Store, Timestamp},
};
use seaworthy_memory::{broker::MemoryBroker, external::MemoryExternal};
use smol_str::SmolStr;
use tokio::sync::Notify;

use super::{
    faults::Timed,
    in_vain::Whose,
    incarnation::{Incarnation, IncarnationTask},
    meter::Meter,
    spent::Spent,
    state::{Asked, Due, State},
    task,
};
use crate::{
    draw::Draw,
    executor::{Spawner, Time},
    invariants::Entity,
    plan::{Restart, Schedule},
    topology::Topology,
    trace::{Effect, ProcessIndex, TxId, VirtualTime, What},
};

/// So long a process that is asked to stop may take, in virtual microseconds: what container platforms give by default is
/// 10 to 30 s.
const STOP_WITHIN: VirtualTime = 10_000_000;

/// The world of one run: everything that outlives a crash, and the books about it.
pub(crate) struct World {
    pub(crate) topology: Topology,
    pub(crate) epoch: Timestamp,
    pub(crate) schedule: Schedule,
    pub(crate) stores: Vec<(SmolStr, Arc<dyn Store>)>,
    pub(crate) broker: MemoryBroker,
    pub(crate) externals: MemoryExternal,
    pub(crate) time: Time,
    pub(crate) meter: Meter,
    /// Starts tasks of the run.
    pub(crate) spawner: Spawner<IncarnationTask>,
    /// Wakes the world's own task: something is due, or the budget is used up.
    pub(crate) nudge: Notify,
    /// Wakes every wait that was stretched: something has changed.
    pub(crate) stirred: Notify,
    /// Wakes every call that the plan holds up, once the world has healed.
    pub(crate) healed: Notify,
    has_healed: AtomicBool,
    /// `true` if spans and events of `tracing` are kept, so that it has to be known whose they are.
    pub(crate) keeps_spans: bool,
    /// Flags of the stores that show what is changed in declared tables.
    pub(crate) shows_rows: OnceLock<Vec<bool>>,
    store_of: Vec<usize>,
    /// Incarnation that lives as long as the run: the client's own tasks.
    pub(crate) outside: Arc<Incarnation>,
    /// `true` while any timed fault is on, so that calm calls need not ask.
    disturbed: AtomicBool,
    state: Mutex<State>,
}

/// Parts that a world is made of.
pub(crate) struct Parts {
    pub(crate) topology: Topology,
    pub(crate) epoch: Timestamp,
    pub(crate) schedule: Schedule,
    pub(crate) stores: Vec<(SmolStr, Arc<dyn Store>)>,
    pub(crate) broker: MemoryBroker,
    pub(crate) externals: MemoryExternal,
    pub(crate) time: Time,
    pub(crate) meter: Meter,
    pub(crate) spawner: Spawner<IncarnationTask>,
}

impl World {
    pub(crate) fn new(parts: Parts, state: State) -> Self {
        let Parts { topology, epoch, schedule, stores, broker, externals, time, meter, spawner } = parts;
        let store_of = topology
            .processes
            .iter()
            .map(|process| stores.iter().position(|(name, _)| *name == process.store).unwrap_or(0))
            .collect();
        Self {
            shows_rows: OnceLock::new(),
            topology,
            epoch,
            schedule,
            stores,
            store_of,
            outside: Incarnation::new(ProcessIndex::WORLD, 0, meter.clone()),
            broker,
            externals,
            time,
            meter,
            spawner,
            nudge: Notify::new(),
            stirred: Notify::new(),
            healed: Notify::new(),
            has_healed: AtomicBool::new(false),
            keeps_spans: state.recorder.keeps_spans(),
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
        let mut state = self.state();
        self.take_in(&mut state, at, ProcessIndex::WORLD, 0, what);
    }

    /// Takes an event in, and wakes who waits for longer than it asked to if that changes anything.
    fn take_in(&self, state: &mut State, at: VirtualTime, process: ProcessIndex, incarnation: u32, what: What) {
        let changes = state.recorder.changes();
        state.in_vain.see((process, incarnation, task::current()), &what);
        state.recorder.record(at, process, incarnation, what);
        if state.stretched && state.recorder.changes() != changes {
            state.stretched = false;
            self.stirred.notify_waiters();
        }
    }

    /// Takes in an event of any task.
    fn take_in_of(&self, state: &mut State, at: VirtualTime, whose: Whose, what: What) {
        let (process, incarnation, task) = whose;
        let _whose = task::Polling::new(task);
        self.take_in(state, at, process, incarnation, what);
    }

    /// A call is let go of that its store has not answered. Mostly somebody had no more time for it; where the same task
    /// had a transaction open, which the store may have waited for, that is told.
    pub(crate) fn left_waiting(&self, incarnation: &Incarnation, wait: u64) {
        let at = self.elapsed();
        let mut state = self.state();
        let Some(wait) = state.in_vain.end(wait) else { return };
        if !incarnation.is_dead()
            && let Some(what) = state.in_vain.deadlock(&wait)
        {
            self.take_in_of(&mut state, at, wait.whose, what);
        }
    }

    /// The run is given up: writes down which calls have not been answered.
    pub(crate) fn tell_waits(&self) {
        let at = self.elapsed();
        let mut state = self.state();
        for (whose, what) in state.in_vain.told_at_last() {
            self.take_in_of(&mut state, at, whose, what);
        }
    }

    /// Writes an event of a process.
    pub(crate) fn record_of(&self, incarnation: &Incarnation, what: What) {
        let at = self.elapsed();
        let mut state = self.state();
        if let What::Request { request, .. } = &what {
            let event = state.recorder.next_event();
            state.asks.taken(*request, incarnation.process, event);
        }
        self.take_in(&mut state, at, incarnation.process, incarnation.number, what);
    }

    /// A port call failed of itself, and not by a fault: that is told where the run does not end.
    pub(crate) fn note_error(&self, incarnation: &Incarnation, point: Operation, error: &impl std::fmt::Display) {
        if self.has_healed() && !incarnation.is_dead() {
            self.state().errors.note(incarnation.process, point, &error.to_string());
        }
    }

    /// The main function of a process has returned: nobody is there any more, but for tasks that it leaves behind.
    pub(crate) fn returned(&self, incarnation: &Incarnation) {
        let at = self.elapsed();
        let mut state = self.state();
        let process = &mut state.processes[usize::from(incarnation.process.0)];
        if incarnation.is_dead() || process.incarnation.as_ref().is_none_or(|alive| alive.number != incarnation.number)
        {
            return;
        }
        process.returned = Some(at);
        if !incarnation.pulse.is_listening() {
            process.requests.clear();
        }
        drop(state);
        if let Some(restart) = incarnation.stopping() {
            self.record_of(incarnation, What::Exit { reason: SmolStr::new_static("it was asked to stop") });
            self.crash(incarnation, restart);
        }
    }

    /// Asks an incarnation to stop, as a deployment does, and gives it some time for it.
    pub(crate) fn stop(&self, incarnation: &Arc<Incarnation>, restart: Restart) {
        if !incarnation.is_dead() && incarnation.asked_to_stop(restart) {
            let at = self.elapsed() + STOP_WITHIN;
            self.state().schedule(at, Due::Kill(incarnation.clone()));
            self.nudge.notify_one();
        }
    }

    /// Ends an incarnation and has the process come back later.
    pub(crate) fn crash(&self, incarnation: &Incarnation, restart: Restart) {
        if incarnation.end() && !incarnation.dies_later(restart) {
            self.tell_death(incarnation, restart);
        }
    }

    /// Writes down that an incarnation is dead, which it has been since [`World::crash`], and has the process come back.
    pub(crate) fn tell_death(&self, incarnation: &Incarnation, restart: Restart) {
        let at = self.elapsed();
        let mut state = self.state();
        for (whose, what) in state.in_vain.bury(incarnation.process, incarnation.number) {
            self.take_in_of(&mut state, at, whose, what);
        }
        state.recorder.record(at, incarnation.process, incarnation.number, What::Crash);
        let process = &mut state.processes[usize::from(incarnation.process.0)];
        process.incarnation = None;
        // What had reached the process and was not taken dies with it; whoever asked asks again.
        process.requests.clear();
        let due = Due::Boot { process: incarnation.process, upgrade: restart.upgrade };
        state.schedule(at + u64::from(restart.after_ms) * 1_000, due);
        drop(state);
        self.nudge.notify_one();
    }

    /// Ends every task of the run.
    pub(crate) fn end(&self) {
        let lives: Vec<Arc<Incarnation>> = {
            let mut state = self.state();
            state.agenda.clear();
            state.processes.iter_mut().filter_map(|process| process.incarnation.take()).collect()
        };
        for incarnation in lives {
            incarnation.end();
        }
        self.outside.end();
    }

    /// A task of a process panicked, and the process dies of it. That is a finding and the end of the run, unless somebody
    /// is there to start the process again: then it is one only where it helps nothing.
    pub(crate) fn panicked(&self, incarnation: &Incarnation, message: SmolStr) {
        let at = self.elapsed();
        let spec = &self.topology.processes[usize::from(incarnation.process.0)];
        {
            let mut state = self.state();
            state.recorder.record(
                at,
                incarnation.process,
                incarnation.number,
                What::Panic { message: message.clone() },
            );
            let in_vain = state.panics_in_vain(incarnation.process);
            let sentence = match (spec.supervised, in_vain) {
                (false, _) => format!("process {} panicked: {message}", spec.name),
                (true, true) => format!("process {} panics whenever it is started again: {message}", spec.name),
                (true, false) => String::new(),
            };
            if !sentence.is_empty() {
                state.recorder.violate("panic", Entity::named(spec.service.clone(), spec.name.clone()), sentence);
                state.spent = Some(Spent::Panic);
            }
        }
        self.nudge.notify_one();
        self.crash(incarnation, Restart { after_ms: 1_000, upgrade: false });
    }

    /// A process has decided to die: that is no finding, and it comes back as after a panic.
    pub(crate) fn exited(&self, incarnation: &Incarnation, reason: SmolStr) {
        if !incarnation.is_dead() {
            self.record_of(incarnation, What::Exit { reason });
            self.crash(incarnation, Restart { after_ms: 1_000, upgrade: false });
        }
    }

    /// The client panicked: there is nobody left who asks.
    pub(crate) fn client_panicked(&self, message: &SmolStr) {
        let mut state = self.state();
        state.recorder.violate("client-panicked", "the client", format!("the client panicked: {message}"));
        state.spent = Some(Spent::Panic);
        drop(state);
        self.nudge.notify_one();
    }

    /// The index of the store that a process runs on.
    pub(crate) fn store_of(&self, process: ProcessIndex) -> usize {
        self.store_of[usize::from(process.0)]
    }

    /// A transaction has only read through its connection: it is about to commit nothing that could not be seen.
    pub(crate) fn only_read(&self, tx: TxId) {
        self.state().recorder.only_read(tx);
    }

    /// Returns `true` if the store of a process shows what is changed in declared tables.
    pub(crate) fn shows_rows(&self, process: ProcessIndex) -> bool {
        self.shows_rows.get().is_some_and(|shows| shows[self.store_of(process)])
    }

    /// The effects of a commit with the rows of declared tables told as what they mean.
    pub(crate) fn translate(&self, store: &str, effects: Vec<Effect>) -> Vec<Effect> {
        if self.topology.tables.is_empty() {
            return effects;
        }
        let mut state = self.state();
        let Some(tables) = &mut state.own_tables else { return effects };
        let (told, wrong) = tables.translate(store, effects);
        for (table, sentence) in wrong {
            state.recorder.violate("own-table", Entity::named(table.clone(), table), sentence);
        }
        told
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

    pub(crate) fn set_disturbed(&self, disturbed: bool) {
        self.disturbed.store(disturbed, Ordering::Relaxed);
    }

    /// No fault strikes any more.
    pub(crate) fn has_healed(&self) -> bool {
        self.has_healed.load(Ordering::Relaxed)
    }

    /// Ends every fault at once, for good: what is on, what holds up a call, and what had been meant for a call that is
    /// under way.
    pub(crate) fn end_faults(&self) {
        self.has_healed.store(true, Ordering::Relaxed);
        self.state().faults.heal();
        self.set_disturbed(false);
        self.healed.notify_waiters();
    }

    /// Visits the timed faults that are on and match, and writes down those that strike for the first time.
    pub(crate) fn disturb(&self, matches: impl Fn(&Timed) -> bool, mut visit: impl FnMut(&Timed)) {
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

    /// An answer reaches whoever asked, later.
    pub(crate) fn answer_later(&self, request: Asked, said: Result<Bytes, Refusal>, after: Duration) {
        let at = self.elapsed() + after.as_micros() as u64;
        self.state().schedule(at, Due::Answer { request, said });
        self.nudge.notify_one();
    }

    pub(crate) fn next_tx(&self) -> TxId {
        let mut state = self.state();
        state.next_tx += 1;
        TxId(state.next_tx)
    }
}
