//! Acquisition: finds the sagas that are due, and takes them over.

use std::time::Duration;

use seaworthy_core::{
    ids::SagaId,
    ports::{AcquireRequest, SagaInstance, Timestamp},
};

use super::{Saga, Sagas};

impl Sagas {
    /// Keeps `due` right for one saga: an active one lies there no later than it can be acquired.
    pub(super) fn schedule(&mut self, position: usize) {
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

    pub(in crate::store::model) fn acquire(&mut self, request: &AcquireRequest, now: Timestamp) -> Vec<SagaInstance> {
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

    pub(in crate::store::model) fn renew(&mut self, id: SagaId, epoch: u64, lease: Duration, now: Timestamp) -> bool {
        let Some(&position) = self.by_id.get(&id) else { return false };
        let instance = &mut self.sagas[position].instance;
        if instance.epoch != epoch {
            return false;
        }
        instance.lease_until = now + lease;
        self.schedule(position);
        true
    }
}
