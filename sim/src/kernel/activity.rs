use seaworthy_core::ports::Operation;
use std::iter::repeat;

use seaworthy_core::ids::MessageId;
use seaworthy_memory::Lookup;
use smol_str::{SmolStr, format_smolstr};

use super::beats::Beats;
use crate::{
    topology::{Tables, Topology},
    trace::{Effect, Outcome, ProcessIndex, SettledAs, TxId, VirtualTime, What},
};

/// So many times in a row a process writes the same things anew, with nothing else happening anywhere, until that no
/// longer counts as progress. More than any work is seen to take that writes nothing else, and few enough for a heartbeat
/// to cost a run little.
const REWRITES: u32 = 20;

/// Last change of the state that a run is judged by.
///
/// Reads, transactions that come to nothing, claims, leases and repeated deliveries are no change, however long they go
/// on: a system that does nothing else has come to rest, or is stuck. Nor are writes that only repeat themselves: a
/// heartbeat, a lease of one's own, a counter of rounds. They are known by what they write, over and over the same
/// documents and facts; or the topology names them, see [`Beats`].
#[derive(Debug, Default)]
pub(crate) struct Activity {
    beats: Beats,
    locks: Vec<SmolStr>,
    changes: u64,
    last: VirtualTime,
    newest_request: u64,
    /// Number of times that each was written since the last change of another kind.
    rewritten: Lookup<(ProcessIndex, Written), u32>,
    /// Processes that have written something since the last change, or keep what they hold for a time, though nothing that
    /// counts.
    writers: Vec<ProcessIndex>,
    /// Open transactions that lent out their connection: what they wrote shows in no effect.
    raw: Vec<TxId>,
    /// The locks that are held.
    held: Vec<Held>,
    /// Declared tables, for what is said of their locks.
    tables: Tables,
}

/// Lock that is held.
#[derive(Debug)]
struct Held {
    /// Store, collection or table, and name.
    lock: (SmolStr, SmolStr, SmolStr),
    /// Its holder, if that may keep it: it lives, and the lock is its own for life.
    keeper: Option<ProcessIndex>,
}

/// Write that may be a repetition.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Written {
    Document(SmolStr, SmolStr),
    Row(SmolStr, SmolStr),
    Fact(SmolStr, SmolStr),
    Failure(SmolStr, MessageId),
    /// Anything at all, by statements of the process's own.
    Unseen,
}

impl Activity {
    /// Nothing has changed yet. What the topology names as a heartbeat counts for nothing.
    pub(crate) fn new(topology: &Topology) -> Self {
        let (locks, tables) = (topology.locks.clone(), topology.tables.clone());
        Self { beats: Beats::new(topology.heartbeats.clone()), locks, tables, ..Self::default() }
    }

    /// Returns the number of changes so far.
    pub(crate) fn changes(&self) -> u64 {
        self.changes
    }

    /// Returns the time of the last change.
    pub(crate) fn last(&self) -> VirtualTime {
        self.last
    }

    /// Returns `true` if a declared lock is held that its holder is to give back.
    pub(crate) fn is_locked(&self) -> bool {
        self.held.iter().any(|held| held.keeper.is_none())
    }

    /// Returns `true` if a process has written anything since, though nothing that counts.
    pub(crate) fn writes(&self, process: ProcessIndex) -> bool {
        self.writers.contains(&process)
    }

    /// Takes a transaction that lent out its connection for one that has written nothing through it.
    pub(crate) fn only_read(&mut self, tx: TxId) {
        self.take_raw(tx);
    }

    /// Takes in what happened.
    pub(crate) fn observe(&mut self, at: VirtualTime, process: ProcessIndex, what: &What) {
        if self.is_change(process, what) {
            self.changes += 1;
            self.last = at;
            self.writers.clear();
        }
    }

    fn is_change(&mut self, process: ProcessIndex, what: &What) -> bool {
        if self.beats.is_beat(what) {
            self.has_written(process);
            return false;
        }
        match what {
            What::Commit { tx, store, outcome, effects, .. } => {
                let unseen = self.take_raw(*tx);
                if outcome.took_effect() {
                    self.hold(process, store, effects);
                }
                outcome.took_effect() && self.commit_changes(process, effects, unseen)
            }
            What::Statement { tx, point: Operation::Statement, outcome: Outcome::Done, .. } => {
                if !self.raw.contains(tx) {
                    self.raw.push(*tx);
                }
                false
            }
            What::Abort { tx, .. } => {
                self.take_raw(*tx);
                false
            }
            What::Request { request, .. } => {
                let new = *request > self.newest_request;
                self.newest_request = self.newest_request.max(*request);
                new && self.something_else()
            }
            What::Settle { rows, outcome, .. } => {
                let settles = |settled: SettledAs| matches!(settled, SettledAs::Dispatched | SettledAs::Dead);
                outcome.took_effect()
                    && rows.iter().any(|row| row.held && settles(row.settled))
                    && self.something_else()
            }
            What::Publish { outcome, .. } | What::Ack { outcome, .. } => outcome.took_effect() && self.something_else(),
            What::Deliver { redeliveries, .. } => *redeliveries == 0 && self.something_else(),
            What::External { acted, .. } => *acted && self.something_else(),
            What::StoreCall { operation: Operation::Redrive, count, .. } => *count > 0 && self.something_else(),
            // Who holds something for a time is up in time to hold it for longer.
            What::StoreCall { operation: Operation::RenewSaga | Operation::Extend, count, .. } => {
                if *count > 0 {
                    self.has_written(process);
                }
                false
            }
            What::Crash => {
                let its_own = self.held.iter_mut().filter(|held| held.keeper == Some(process));
                its_own.for_each(|held| held.keeper = None);
                false
            }
            // Locks are as they were then: whoever had one may be long gone.
            What::Restored { store, .. } => {
                self.held.retain(|held| held.lock.0 != *store);
                self.something_else()
            }
            What::Reply { .. } | What::Healed => self.something_else(),
            _ => false,
        }
    }

    /// Notes another change: whatever was repeated so far starts over.
    fn something_else(&mut self) -> bool {
        if !self.rewritten.is_empty() {
            self.rewritten = Lookup::default();
        }
        true
    }

    fn take_raw(&mut self, tx: TxId) -> bool {
        let found = self.raw.iter().position(|raw| *raw == tx);
        found.map(|index| self.raw.swap_remove(index)).is_some()
    }

    /// Notes a commit and returns `true` if it changes anything but what its process keeps writing.
    fn commit_changes(&mut self, process: ProcessIndex, effects: &[Effect], unseen: bool) -> bool {
        let repeats = |effect: &Effect| {
            matches!(
                effect,
                Effect::Document { .. }
                    | Effect::Row(_)
                    | Effect::Lock { .. }
                    | Effect::Observed { .. }
                    | Effect::Failed { .. }
            )
        };
        // Mostly nothing is declared, and this takes no memory.
        let declared = if self.beats.is_empty() { &[][..] } else { effects };
        let is_beat: Vec<bool> = declared.iter().map(|effect| self.beats.has(effect)).collect();
        let counts = || {
            let beats = is_beat.iter().copied().chain(repeat(false));
            effects.iter().zip(beats).filter(|(_, is_beat)| !is_beat).map(|(effect, _)| effect)
        };
        if !counts().all(repeats) {
            return self.something_else();
        }
        let mut written: Vec<Written> = counts().filter_map(written).collect();
        if unseen && effects.is_empty() {
            written.push(Written::Unseen);
        }
        if unseen || !effects.is_empty() {
            self.has_written(process);
        }
        let mut changes = false;
        for written in written {
            let times = self.rewritten.get_or_insert_with((process, written), || 0);
            *times += 1;
            changes |= *times <= REWRITES;
        }
        changes
    }

    fn has_written(&mut self, process: ProcessIndex) {
        if !self.writers.contains(&process) {
            self.writers.push(process);
        }
    }

    fn hold(&mut self, process: ProcessIndex, store: &SmolStr, effects: &[Effect]) {
        for effect in effects {
            let (place, name, is_held) = match effect {
                Effect::Document { collection, id, body, .. } if self.locks.contains(collection) => {
                    (collection, id, body.is_some())
                }
                Effect::Lock { table, name, held } => (table, name, *held),
                _ => continue,
            };
            let lock = (store.clone(), place.clone(), name.clone());
            self.held.retain(|held| held.lock != lock);
            if is_held {
                let keeper = self.tables.is_for_life(store, place).then_some(process);
                self.held.push(Held { lock, keeper });
            }
        }
    }
}

/// Returns the part of an effect that may be a repetition.
fn written(effect: &Effect) -> Option<Written> {
    match effect {
        Effect::Document { collection, id, .. } => Some(Written::Document(collection.clone(), id.clone())),
        Effect::Row(row) => {
            // Mostly the first column is what tells rows apart.
            let values = row.after.as_ref().or(row.before.as_ref());
            let first = values.and_then(|values| values.first()).map(|value| format_smolstr!("{value:?}"));
            Some(Written::Row(row.table.clone(), first.unwrap_or_default()))
        }
        Effect::Observed { fact, subject, .. } => Some(Written::Fact(fact.clone(), subject.clone())),
        Effect::Failed { consumer, message, .. } => Some(Written::Failure(consumer.clone(), *message)),
        _ => None,
    }
}
