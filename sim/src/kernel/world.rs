use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use seaworthy_core::{
    message::Message,
    ports::{Refusal, Response, Store, Timestamp},
};
use seaworthy_memory::{broker::MemoryBroker, external::MemoryExternal};
use smol_str::SmolStr;
use tokio::sync::Notify;

use super::{
    incarnation::{Incarnation, IncarnationTask},
    meter::Meter,
    run_state::{Due, RunState},
    timed::{Hit, Timed},
};
use crate::{
    draw::Draw,
    executor::{Spawner, Time},
    invariants::Entity,
    plan::Schedule,
    topology::Topology,
    trace::{Effect, ProcessIndex, TxId, VirtualTime, What},
};

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
    /// Numbers of the topics, by which faults know them: made when the first message is asked for in a run.
    topics: OnceLock<BTreeMap<SmolStr, usize>>,
    /// Incarnation that lives as long as the run: the client's own tasks.
    pub(crate) outside: Arc<Incarnation>,
    /// `true` while any timed fault is on, so that calm calls need not ask.
    disturbed: AtomicBool,
    state: Mutex<RunState>,
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
    pub(crate) fn new(parts: Parts, state: RunState) -> Self {
        let Parts { topology, epoch, schedule, stores, broker, externals, time, meter, spawner } = parts;
        let store_of = topology
            .processes
            .iter()
            .map(|process| stores.iter().position(|(name, _)| *name == process.store).unwrap_or(0))
            .collect();
        Self {
            topics: OnceLock::new(),
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

    pub(crate) fn state(&self) -> MutexGuard<'_, RunState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state, unless somebody has it in hand: on this thread, for example.
    pub(crate) fn try_state(&self) -> Option<MutexGuard<'_, RunState>> {
        self.state.try_lock().ok()
    }

    /// Virtual microseconds since the start.
    pub(crate) fn elapsed(&self) -> VirtualTime {
        self.time.elapsed_us()
    }

    /// The world's own clock.
    pub(crate) fn now(&self) -> Timestamp {
        self.epoch + Duration::from_micros(self.elapsed())
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

    /// Returns whether a topic is down, and if so, whether it does not even say so.
    pub(crate) fn topic_is_down(&self, topic: &str) -> Option<bool> {
        let topics = self.topics.get_or_init(|| self.topology.topics().into_iter().zip(0..).collect());
        let index = *topics.get(topic)?;
        let mut unheard = None;
        self.disturb(|timed| timed.hit == Hit::Topic(index), |timed| unheard = Some(timed.amount != 0));
        unheard
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

    /// The request that a process took last arrives there once more, later.
    pub(crate) fn repeat(&self, process: ProcessIndex, after: Duration) {
        let at = self.elapsed() + after.as_micros() as u64;
        let mut state = self.state();
        if let Some(request) = state.processes[usize::from(process.0)].taken.clone() {
            state.schedule(at, Due::Repeat { process, request });
        }
        drop(state);
        self.nudge.notify_one();
    }

    /// An answer reaches whoever asked, later.
    pub(crate) fn answer_later(&self, response: Response, said: Result<Bytes, Refusal>, after: Duration) {
        let at = self.elapsed() + after.as_micros() as u64;
        self.state().schedule(at, Due::Answer { response, said });
        self.nudge.notify_one();
    }

    pub(crate) fn next_tx(&self) -> TxId {
        let mut state = self.state();
        state.next_tx += 1;
        TxId(state.next_tx)
    }
}
