mod due;
mod fit;
mod list;

use std::collections::BTreeSet;

use seaworthy_core::{
    ids::SagaId,
    ports::{DefinitionRef, LogEntry, NewSaga, PurgeRequest, SagaAppend, SagaInstance, SagaStatus, Timestamp},
};
use smol_str::SmolStr;

use crate::lookup::Lookup;

/// Committed sagas and their logs.
#[derive(Debug, Default)]
pub(super) struct Sagas {
    sagas: Vec<Saga>,
    by_id: Lookup<SagaId, usize>,
    by_key: Lookup<SmolStr, Lookup<SmolStr, usize>>,
    /// Active sagas by a moment before which they can't be acquired. The moment may be too early: it is put right when
    /// it comes, so that extending a lease does not touch this set.
    due: BTreeSet<(Timestamp, usize)>,
    /// Sagas that have ended and keep their logs, by when.
    ended: BTreeSet<(Timestamp, usize)>,
    /// Sagas that have ended and whose logs were purged, by when.
    forgotten: BTreeSet<(Timestamp, usize)>,
    active: u64,
    stuck: u64,
}

#[derive(Debug)]
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
}

impl Saga {
    fn acquirable_at(&self) -> Timestamp {
        self.instance.lease_until.max(self.instance.wake_at)
    }
}

/// A buffered write to a saga, with the moment of its statement.
#[derive(Debug)]
pub(super) enum SagaWrite {
    Create(NewSaga, Timestamp),
    Append(SagaAppend, Timestamp),
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

    /// Sagas that are active, and sagas that are stuck.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.active, self.stuck)
    }

    pub(super) fn apply(&mut self, write: SagaWrite) {
        match write {
            SagaWrite::Create(new, at) => self.create(new, at),
            SagaWrite::Append(append, at) => self.append(append, at),
        }
    }

    fn create(&mut self, new: NewSaga, at: Timestamp) {
        let position = self.sagas.len();
        self.by_id.insert(new.id, position);
        self.by_key.entry(new.definition.name.clone()).or_default().insert(new.key.clone(), position);
        let instance = SagaInstance {
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
        };
        let (log, due, ended) = (Vec::new(), None, None);
        self.sagas.push(Saga { instance, log, due, started: at, since: at, ended, log_purged: false });
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
        for record in append.records {
            saga.instance.log_length += 1;
            saga.log.push(LogEntry { sequence: saga.instance.log_length, epoch: append.epoch, at, record });
        }
        saga.instance.lease_until = at + append.lease;
        saga.instance.wake_at = at + append.sleep;
        saga.instance.outcome = append.outcome;
        let was = std::mem::replace(&mut saga.instance.status, append.status);
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

    /// Forgets sagas whose logs were purged. Of each an empty place stays, since places are numbers.
    pub(super) fn purge(&mut self, request: &PurgeRequest, now: Timestamp) -> u64 {
        let latest = now.before(request.older_than);
        let mut purged = 0;
        while purged < request.limit
            && let Some(&(at, position)) = self.forgotten.first()
            && at <= latest
        {
            self.forgotten.pop_first();
            let saga = &mut self.sagas[position];
            saga.log = Vec::new();
            let (key, _) = (std::mem::take(&mut saga.instance.key), std::mem::take(&mut saga.instance.input));
            self.by_id.remove(&saga.instance.id);
            if let Some(keys) = self.by_key.get_mut(&saga.instance.definition.name) {
                keys.remove(&key);
            }
            purged += 1;
        }
        purged as u64
    }
}
