mod due;
mod fit;
mod list;
mod places;

use std::collections::BTreeSet;

use bytes::Bytes;
use seaworthy_core::{
    ids::SagaId,
    ports::{
        DefinitionRef, LogEntry, NewSaga, PurgeRequest, SagaAddress, SagaAppend, SagaInstance, SagaKey, SagaStatus,
        Timestamp,
    },
};
use smol_str::SmolStr;

use crate::lookup::Lookup;
use places::Places;

/// Committed sagas and their logs.
#[derive(Clone, Debug, Default)]
pub(super) struct Sagas {
    sagas: Places<Saga>,
    by_id: Lookup<SagaId, usize>,
    by_key: Lookup<SmolStr, Lookup<SmolStr, usize>>,
    /// Active sagas by a moment before which they can't be acquired. The moment may be too early: it is put right when
    /// it comes, so that extending a lease does not touch this set.
    due: BTreeSet<(Timestamp, usize)>,
    /// Sagas that have ended and keep their logs, by when.
    ended: BTreeSet<(Timestamp, usize)>,
    /// Sagas that have ended and whose logs were purged, by when.
    forgotten: BTreeSet<(Timestamp, usize)>,
    /// Sagas whose correlation id is not their own id, by it.
    correlated: Lookup<SagaId, Vec<usize>>,
    /// Sagas by the name of their definition and their keys.
    keyed: BTreeSet<(SmolStr, SagaKey, usize)>,
    active: u64,
    waiting: u64,
    stuck: u64,
}

#[derive(Clone, Debug)]
struct Saga {
    instance: SagaInstance,
    log: Vec<LogEntry>,
    /// Time of its entry in `due`, where it is there.
    due: Option<Timestamp>,
    started: Timestamp,
    /// Time at which it got its status.
    since: Timestamp,
    /// Time at which it ended, if it has.
    ended: Option<Timestamp>,
    log_purged: bool,
    keys: Vec<SagaKey>,
}

impl Saga {
    fn acquirable_at(&self) -> Timestamp {
        self.instance.lease_until.max(self.instance.wake_at)
    }

    /// Returns `true` if it waits for a signal, for as long as it takes.
    fn waits(&self) -> bool {
        self.instance.status.is_active() && self.instance.wake_at == Timestamp::MAX
    }
}

/// A buffered write to a saga, with the moment of its statement.
#[derive(Debug)]
pub(super) enum SagaWrite {
    Create(NewSaga, Timestamp),
    Append(SagaAppend, Timestamp),
    Signal(Signalled, Timestamp),
}

/// An entry from outside for one saga, whose log was so long.
#[derive(Debug)]
pub(super) struct Signalled {
    pub(super) saga: SagaId,
    pub(super) length: u64,
    pub(super) record: Bytes,
}

impl SagaWrite {
    /// Returns a saga as it is after this write, as far as a signal has to know.
    fn after(&self, mut instance: SagaInstance) -> SagaInstance {
        match self {
            Self::Append(append, _) if append.saga == instance.id => {
                instance.log_length += append.records.len() as u64;
                instance.status = append.status;
            }
            Self::Signal(signalled, _) if signalled.saga == instance.id => instance.log_length += 1,
            _ => {}
        }
        instance
    }
}

/// A saga that nothing has happened to yet.
fn new_instance(new: NewSaga, at: Timestamp) -> SagaInstance {
    SagaInstance {
        id: new.id,
        definition: new.definition,
        key: new.key,
        input: new.input,
        correlation_id: new.correlation_id,
        status: SagaStatus::Running,
        epoch: 1,
        log_length: 0,
        lease_until: at + new.lease,
        wake_at: at,
        outcome: None,
    }
}

impl Sagas {
    pub(super) fn get(&self, id: SagaId) -> Option<&SagaInstance> {
        self.by_id.get(&id).map(|position| &self.sagas[*position].instance)
    }

    pub(super) fn get_by_key(&self, definition: &str, key: &str) -> Option<&SagaInstance> {
        self.position_by_key(definition, key).map(|position| &self.sagas[position].instance)
    }

    fn position_by_key(&self, definition: &str, key: &str) -> Option<usize> {
        self.by_key.get(definition).and_then(|keys| keys.get(key)).copied()
    }

    pub(super) fn log(&self, id: SagaId, after: u64, limit: usize) -> Vec<LogEntry> {
        let Some(position) = self.by_id.get(&id) else { return Vec::new() };
        let log = &self.sagas[*position].log;
        let start = log.partition_point(|entry| entry.sequence <= after);
        log[start..].iter().take(limit).cloned().collect()
    }

    /// Sagas that move by themselves, those that wait for a signal, and those that are stuck.
    pub(super) fn counts(&self) -> (u64, u64, u64) {
        (self.active - self.waiting, self.waiting, self.stuck)
    }

    pub(super) fn apply(&mut self, write: SagaWrite) {
        match write {
            SagaWrite::Create(new, at) => self.create(new, at),
            SagaWrite::Append(append, at) => self.append(append, at),
            SagaWrite::Signal(signalled, at) => self.signal(signalled, at),
        }
    }

    fn create(&mut self, new: NewSaga, at: Timestamp) {
        let position = self.sagas.next();
        self.by_id.insert(new.id, position);
        if new.correlation_id != new.id.0 {
            self.correlated.entry(SagaId(new.correlation_id)).or_default().push(position);
        }
        self.by_key.entry(new.definition.name.clone()).or_default().insert(new.key.clone(), position);
        let instance = new_instance(new, at);
        let (log, due, ended) = (Vec::new(), None, None);
        self.sagas.push(Saga {
            instance,
            log,
            due,
            started: at,
            since: at,
            ended,
            log_purged: false,
            keys: Vec::new(),
        });
        self.active += 1;
        self.schedule(position);
    }

    fn append(&mut self, append: SagaAppend, at: Timestamp) {
        let Some(&position) = self.by_id.get(&append.saga) else { return };
        let saga = &mut self.sagas[position];
        if append.forgets {
            saga.log.clear();
        }
        if let Some(definition) = append.definition {
            // The name is part of its key.
            let DefinitionRef { version, hash, .. } = definition;
            saga.instance.definition = DefinitionRef { version, hash, ..saga.instance.definition.clone() };
        }
        for key in append.keys {
            if self.keyed.insert((saga.instance.definition.name.clone(), key.clone(), position)) {
                saga.keys.push(key);
            }
        }
        for record in append.records {
            saga.instance.log_length += 1;
            saga.log.push(LogEntry { sequence: saga.instance.log_length, epoch: append.epoch, at, record });
        }
        saga.instance.lease_until = at + append.lease;
        saga.instance.outcome = append.outcome;
        let waited = saga.waits();
        saga.instance.wake_at = at + append.sleep;
        let was = std::mem::replace(&mut saga.instance.status, append.status);
        self.waiting = self.waiting + u64::from(saga.waits()) - u64::from(waited);
        if was != append.status {
            saga.since = at;
            self.active = self.active + u64::from(append.status.is_active()) - u64::from(was.is_active());
            self.stuck =
                self.stuck + u64::from(append.status == SagaStatus::Stuck) - u64::from(was == SagaStatus::Stuck);
            // An append after the end is the caller's mistake; it does not end the saga a second time.
            let ended = append.status.is_terminal().then(|| saga.ended.unwrap_or(at));
            let before = std::mem::replace(&mut saga.ended, ended);
            if !saga.log_purged && before != ended {
                before.map(|before| self.ended.remove(&(before, position)));
                ended.map(|ended| self.ended.insert((ended, position)));
            }
        }
        self.schedule(position);
    }

    /// The sagas that a signal is for, in the order of their creation, as a transaction sees them that has written `earlier`.
    pub(super) fn addressed(&self, to: &SagaAddress, earlier: &[SagaWrite]) -> Vec<SagaInstance> {
        let seen = |instance: SagaInstance| earlier.iter().fold(instance, |seen, write| write.after(seen));
        let created = earlier.iter().filter_map(|write| match write {
            SagaWrite::Create(new, at) => Some(new_instance(new.clone(), *at)),
            _ => None,
        });
        let committed: Vec<&SagaInstance> = match to {
            SagaAddress::Id(id) => self.get(*id).into_iter().collect(),
            SagaAddress::Correlated { correlation_id, .. } => {
                let shared = SagaId(*correlation_id);
                let own = self.by_id.get(&shared).copied();
                let others = self.correlated.get(&shared).map_or(&[][..], |positions| positions);
                let mut positions: Vec<usize> = own.into_iter().chain(others.iter().copied()).collect();
                positions.sort_unstable();
                positions.into_iter().map(|position| &self.sagas[position].instance).collect()
            }
            SagaAddress::Keyed { definition, key } => {
                let from = (definition.clone(), key.clone(), 0);
                let same = |(of, other, _): &&(SmolStr, SagaKey, usize)| of == definition && other == key;
                let found = self.keyed.range(from..).take_while(same).map(|(.., position)| *position);
                // Those that this transaction gives the key.
                let given = earlier.iter().filter_map(|write| match write {
                    SagaWrite::Append(append, _) if append.keys.contains(key) => self.by_id.get(&append.saga).copied(),
                    _ => None,
                });
                let positions: BTreeSet<usize> = found.chain(given).collect();
                positions.into_iter().map(|position| &self.sagas[position].instance).collect()
            }
        };
        let gives = |saga: SagaId, key: &SagaKey| {
            earlier.iter().any(|write| match write {
                SagaWrite::Append(append, _) => append.saga == saga && append.keys.contains(key),
                _ => false,
            })
        };
        let wanted = |instance: &SagaInstance| match to {
            SagaAddress::Id(id) => instance.id == *id,
            SagaAddress::Correlated { definition, correlation_id } => {
                instance.definition.name == *definition && instance.correlation_id == *correlation_id
            }
            SagaAddress::Keyed { definition, key } => {
                let has = self.by_id.get(&instance.id).is_some_and(|position| self.sagas[*position].keys.contains(key));
                instance.definition.name == *definition && (has || gives(instance.id, key))
            }
        };
        committed.into_iter().cloned().chain(created).filter(wanted).map(seen).collect()
    }

    fn signal(&mut self, signalled: Signalled, at: Timestamp) {
        let Some(&position) = self.by_id.get(&signalled.saga) else { return };
        let saga = &mut self.sagas[position];
        let waited = saga.waits();
        saga.instance.log_length += 1;
        let (sequence, epoch) = (saga.instance.log_length, saga.instance.epoch);
        saga.log.push(LogEntry { sequence, epoch, at, record: signalled.record });
        saga.instance.wake_at = saga.instance.wake_at.min(at);
        self.waiting -= u64::from(waited);
        self.schedule(position);
    }

    pub(super) fn purge_logs(&mut self, request: &PurgeRequest, now: Timestamp) -> u64 {
        let latest = now.before(request.older_than);
        let mut purged = 0;
        while purged < request.limit
            && let Some(&(at, position)) = self.ended.first()
            && at <= latest
        {
            self.ended.pop_first();
            let saga = &mut self.sagas[position];
            saga.log = Vec::new();
            saga.log_purged = true;
            self.forgotten.insert((at, position));
            purged += 1;
        }
        purged as u64
    }

    /// Forgets sagas whose logs were purged.
    pub(super) fn purge(&mut self, request: &PurgeRequest, now: Timestamp) -> u64 {
        let latest = now.before(request.older_than);
        let mut purged = 0;
        while purged < request.limit
            && let Some(&(at, position)) = self.forgotten.first()
            && at <= latest
        {
            self.forgotten.pop_first();
            let Some(saga) = self.sagas.remove(position) else { continue };
            for key in saga.keys {
                self.keyed.remove(&(saga.instance.definition.name.clone(), key, position));
            }
            self.by_id.remove(&saga.instance.id);
            let shared = SagaId(saga.instance.correlation_id);
            if let Some(positions) = self.correlated.get_mut(&shared) {
                positions.retain(|other| *other != position);
                if positions.is_empty() {
                    self.correlated.remove(&shared);
                }
            }
            if let Some(keys) = self.by_key.get_mut(&saga.instance.definition.name) {
                keys.remove(&saga.instance.key);
            }
            purged += 1;
        }
        purged as u64
    }
}
