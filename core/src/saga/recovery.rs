//! Recovery: sagas whose owner is gone are taken over, at boot and ever after.

use std::sync::Arc;

use tracing::Instrument;

use super::{
    DriveOutcome, Orchestrator,
    launch::spawn,
    leave::{Unread, leave},
    passing::Passing,
    registry::{Driver, Resolved},
    resources::Owned,
};
use crate::{
    ids::SagaId,
    ports::{AcquireRequest, Part, SagaInstance, SagaStatus, StoreError},
    startup::can_run,
    stop::Stop,
    wake::Woken,
};

impl Orchestrator {
    /// Recovers sagas at boot and then periodically, until `stop` is set and all sagas that this process drives have
    /// come to rest. Run it in every replica, for as long as the process lives.
    ///
    /// Each saga is driven in a task of its own, so a bad one holds up no other, and an error is tried again at the
    /// next round. Ends at once, with an error in the log and to the process, if the store has no [sagas](Part::Sagas) or a setting
    /// [can't work](super::OrchestratorConfig::check). Dropping the future
    /// stops the search; sagas that are being driven go on.
    pub async fn run_recovery(&self, stop: &Stop) {
        let resources = &self.resources;
        let (process, settings) = (&*resources.spawner, resources.config.check());
        if !can_run(format_args!("recovery of sagas"), Some(process), settings, &*resources.store, &[Part::Sagas]) {
            return;
        }
        resources.spawner.offer(Arc::new(self.clone()));
        if let Err(error) = resources.read_store_clock().await {
            tracing::warn!(%error, "the store's clock can't be read: deadlines go by our own for now");
        }
        let (mut idle, mut passing) = (0, Passing::new(self));
        while !stop.is_set() {
            if let Err(error) = self.pass_sleepers(&mut passing).await {
                tracing::warn!(%error, "sagas that sleep pass to the next version of their definition later");
            }
            match self.recover_once().await {
                // A full batch: there may be more. Where there was no room for more, a hint comes with it.
                Ok(found) if found >= resources.config.batch => {
                    resources.clock.yield_now().await;
                    continue;
                }
                Ok(0) => {}
                Ok(_) => idle = 0,
                Err(error) => {
                    tracing::warn!(%error, "recovery is tried again at the next round");
                    idle = 0;
                }
            }
            // Its jitter keeps replicas that boot together from polling together.
            let pause = resources.config.poll.delay(idle, &*resources.random);
            idle = match resources.left.idle(&*resources.clock, stop, pause).await {
                Woken::Hint => 0,
                Woken::Stop | Woken::Timeout => idle.saturating_add(1),
            };
        }
        if resources.stop.is_set() {
            resources.all_left().await;
        }
    }

    /// Recovers once: takes over what is due and nobody owns, and drives it. Returns how many sagas it found.
    ///
    /// # Errors
    /// [`StoreError`]; what an unknown takeover got comes back when its lease ends.
    pub async fn recover_once(&self) -> Result<usize, StoreError> {
        let limit = self.resources.room_for_a_batch();
        if limit == 0 || self.resources.names.is_empty() {
            return Ok(0);
        }
        let acquired = self.acquire(None, limit).await?;
        let found = acquired.len();
        if found < limit {
            self.resources.has_all();
        }
        for instance in acquired {
            tracing::debug!(saga = %instance.id, epoch = instance.epoch, "taken over");
            if let Ok((driver, owned)) = self.resolve(instance).await {
                spawn(&self.resources, driver, owned);
            }
        }
        Ok(found)
    }

    pub(super) async fn acquire(&self, only: Option<SagaId>, limit: usize) -> Result<Vec<SagaInstance>, StoreError> {
        let span = match only {
            Some(saga) => tracing::debug_span!("saga.acquire", %saga),
            None => tracing::debug_span!("saga.recover", limit),
        };
        let lease = self.resources.config.lease;
        let definitions = self.resources.names.clone();
        let request = AcquireRequest { only, definitions, limit, lease };
        let acquire = self.resources.answered(self.resources.store.acquire_sagas(&request));
        let acquired = acquire.instrument(span).await?;
        if let Some(instance) = acquired.first() {
            self.resources.synchronize(instance.lease_until.before(lease));
        }
        Ok(acquired)
    }

    /// Finds what an owned saga runs under; leaves it to others if there is nothing.
    pub(super) async fn resolve(&self, instance: SagaInstance) -> Result<(Arc<dyn Driver>, Owned), DriveOutcome> {
        match self.registry.resolve(&instance.definition) {
            Resolved::Driver(driver, passage) => Ok((driver, Owned::from_instance(instance, passage))),
            Resolved::Elsewhere { .. } if instance.status == SagaStatus::Stuck => Err(DriveOutcome::Stuck),
            Resolved::Elsewhere { newest, reason } => {
                let SagaInstance { id: saga, epoch, log_length: length, status, .. } = instance;
                leave(&self.resources, Unread { saga, epoch, length, status }, newest, &reason).await;
                Err(DriveOutcome::Elsewhere)
            }
        }
    }
}
