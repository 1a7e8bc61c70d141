use std::collections::BTreeSet;

use seaworthy_core::{
    ids::SagaId,
    ports::{
        AcquireRequest, LogEntry, NewSaga, PurgeRequest, SagaAppend, SagaInstance, SagaStatus, StoreError, Timestamp,
    },
};
use smol_str::SmolStr;

use crate::store::Lookup;

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
    active: u64,
    stuck: u64,
}

#[derive(Debug)]
struct Saga {
    instance: SagaInstance,
    log: Vec<LogEntry>,
    /// Its moment in `due`, where it is there.
    due: Option<Timestamp>,
    /// When it ended, if it has.
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
    pub(super) fn id_by_key(&self, definition: &str, key: &str) -> Option<SagaId> {
        self.position_by_key(definition, key).map(|position| self.sagas[position].instance.id)
    }

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

    /// Whether an append fits what is committed.
    pub(super) fn check(&self, append: &SagaAppend) -> Result<(), StoreError> {
        match self.get(append.saga) {
            None => Err(StoreError::Conflict("append to a saga that is not there".into())),
            Some(saga) => fits(append, saga.epoch, saga.log_length),
        }
    }

    /// Whether a transaction's writes, one after the other, fit what is committed.
    pub(super) fn check_all(&self, writes: &[SagaWrite]) -> Result<(), StoreError> {
        for (index, write) in writes.iter().enumerate() {
            match write {
                SagaWrite::Create(new, _) if self.by_id.contains(&new.id) => {
                    return Err(StoreError::Refused("a saga of this id exists under another key".into()));
                }
                SagaWrite::Create(..) => {}
                SagaWrite::Append(append, _) => self.check_after(append, &writes[..index])?,
            }
        }
        Ok(())
    }

    /// Whether an append fits what is committed and then written by `earlier`.
    pub(super) fn check_after(&self, append: &SagaAppend, earlier: &[SagaWrite]) -> Result<(), StoreError> {
        let last = earlier.iter().rev().find_map(|write| match write {
            SagaWrite::Create(new, _) if new.id == append.saga => Some((1, 0)),
            SagaWrite::Append(before, _) if before.saga == append.saga => {
                Some((before.epoch, before.expected_length + before.records.len() as u64))
            }
            _ => None,
        });
        match last {
            None => self.check(append),
            Some((epoch, length)) => fits(append, epoch, length),
        }
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
        };
        self.sagas.push(Saga { instance, log: Vec::new(), due: None, ended: None, log_purged: false });
        self.active += 1;
        self.schedule(position);
    }

    fn append(&mut self, append: SagaAppend, at: Timestamp) {
        let Some(&position) = self.by_id.get(&append.saga) else { return };
        let saga = &mut self.sagas[position];
        for record in append.records {
            saga.instance.log_length += 1;
            saga.log.push(LogEntry { sequence: saga.instance.log_length, epoch: append.epoch, at, record });
        }
        saga.instance.lease_until = at + append.lease;
        saga.instance.wake_at = at + append.sleep;
        let was = std::mem::replace(&mut saga.instance.status, append.status);
        if was != append.status {
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

    /// Keeps `due` right for one saga: an active one lies there no later than it can be acquired.
    fn schedule(&mut self, position: usize) {
        let saga = &mut self.sagas[position];
        let wanted = saga.instance.status.is_active().then(|| saga.acquirable_at());
        match (saga.due, wanted) {
            (None, None) => {}
            (Some(at), Some(wanted)) if at <= wanted => {}
            (was, wanted) => {
                if let Some(at) = was {
                    self.due.remove(&(at, position));
                }
                if let Some(at) = wanted {
                    self.due.insert((at, position));
                }
                saga.due = wanted;
            }
        }
    }

    pub(super) fn acquire(&mut self, request: &AcquireRequest, now: Timestamp) -> Vec<SagaInstance> {
        let wanted = |saga: &Saga| request.definitions.contains(&saga.instance.definition.name);
        if let Some(only) = request.only {
            let Some(&position) = self.by_id.get(&only) else { return Vec::new() };
            let saga = &self.sagas[position];
            let takeable = !saga.instance.status.is_terminal() && saga.instance.lease_until <= now && wanted(saga);
            return if takeable && request.limit > 0 {
                vec![self.take_over(position, request, now)]
            } else {
                Vec::new()
            };
        }
        self.correct_due(now);
        let due = self.due.iter().take_while(|(at, _)| *at <= now).map(|(_, position)| *position);
        let chosen: Vec<usize> = due.filter(|position| wanted(&self.sagas[*position])).take(request.limit).collect();
        chosen.into_iter().map(|position| self.take_over(position, request, now)).collect()
    }

    /// Moves sagas whose moment came too early to the right one, so that those that have waited longest come first.
    fn correct_due(&mut self, now: Timestamp) {
        let early = |(at, position): &&(Timestamp, usize)| self.sagas[*position].acquirable_at() > *at;
        let due = self.due.iter().take_while(|(at, _)| *at <= now);
        let too_early: Vec<(Timestamp, usize)> = due.filter(early).copied().collect();
        for (at, position) in too_early {
            self.due.remove(&(at, position));
            self.sagas[position].due = None;
            self.schedule(position);
        }
    }

    fn take_over(&mut self, position: usize, request: &AcquireRequest, now: Timestamp) -> SagaInstance {
        let instance = &mut self.sagas[position].instance;
        instance.epoch += 1;
        instance.lease_until = now + request.lease;
        let taken = instance.clone();
        self.schedule(position);
        taken
    }

    pub(super) fn renew(&mut self, id: SagaId, epoch: u64, lease: std::time::Duration, now: Timestamp) -> bool {
        let Some(&position) = self.by_id.get(&id) else { return false };
        let instance = &mut self.sagas[position].instance;
        if instance.epoch != epoch {
            return false;
        }
        instance.lease_until = now + lease;
        self.schedule(position);
        true
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
            purged += 1;
        }
        purged as u64
    }
}

fn fits(append: &SagaAppend, epoch: u64, length: u64) -> Result<(), StoreError> {
    if append.epoch != epoch {
        return Err(StoreError::Conflict("append under an epoch that is not the saga's: it was taken over".into()));
    }
    if append.expected_length != length {
        return Err(StoreError::Conflict("append to a saga log that has grown".into()));
    }
    Ok(())
}
