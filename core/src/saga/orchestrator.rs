use std::sync::Arc;

use uuid::Uuid;

use super::{DriveOutcome, OrchestratorConfig, Registry, SagaError, launch::Launcher, resources::Resources};
use crate::{
    ids::{self, SagaId},
    ports::{Ports, SagaStatus},
    wake::Wake,
};

/// A saga that was asked for.
#[derive(Clone)]
pub struct Started {
    /// Id of the saga, derived from definition name and business key.
    pub saga: SagaId,
    /// `true` if it is new; `false` if there was one for this key.
    pub created: bool,
    pub(super) launcher: Option<Arc<Launcher>>,
}

impl std::fmt::Debug for Started {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Started").field("saga", &self.saga).field("created", &self.created).finish_non_exhaustive()
    }
}

/// Starts sagas, drives them and recovers them. Cloning is cheap.
///
/// A saga is owned by one process at a time, by lease and epoch. Whoever starts it drives it at once; when its owner
/// is gone, the recovery of any replica takes it over. Everything is decided by the saga's log, so any process may
/// crash at any point.
#[derive(Clone)]
pub struct Orchestrator {
    pub(super) resources: Arc<Resources>,
    pub(super) registry: Arc<Registry>,
}

impl Orchestrator {
    /// An orchestrator over a process's ports. It drives nothing until a saga is started or
    /// [`run_recovery`](Orchestrator::run_recovery) runs.
    pub fn new(ports: &Ports, registry: Registry, config: OrchestratorConfig) -> Self {
        let resources = Resources::new(ports, registry.names(), config);
        Self { resources: Arc::new(resources), registry: Arc::new(registry) }
    }

    /// Hints to a poller, such as the relay of this process, whenever a step has committed: what it staged goes out at
    /// once. The first that is given stays.
    #[must_use]
    pub fn wake(self, wake: Wake) -> Self {
        // A second one would be for a second relay, which polls as well.
        let _ = self.resources.committed.set(wake);
        self
    }

    /// Drives a saga that was just started, in a task of its own; call it once its transaction has committed. Does
    /// nothing for a saga that was there before or was launched already. When the process is at its limit, recovery
    /// drives it as soon as there is room.
    pub fn launch(&self, started: &Started) {
        if let Some(launcher) = &started.launcher {
            launcher.launch();
        }
    }

    /// Drives a saga that was just started, in the caller's task, until it comes to rest.
    pub async fn drive_started(&self, started: Started) -> DriveOutcome {
        match &started.launcher {
            Some(launcher) => launcher.drive().await,
            None => DriveOutcome::Elsewhere,
        }
    }

    /// Takes a saga over if nobody owns it, and drives it in the caller's task until it comes to rest. A stuck saga
    /// stays as it is.
    ///
    /// Dropping the future leaves the saga to recovery, once its lease has ended.
    ///
    /// # Errors
    /// [`SagaError::NotFound`] if the store has no such saga, and [`SagaError::Store`] if the store fails before the saga is
    /// taken over.
    pub async fn drive(&self, saga: SagaId) -> Result<DriveOutcome, SagaError> {
        let mut acquired = self.acquire(Some(saga), 1).await?;
        if let Some(instance) = acquired.pop() {
            let active = self.resources.enter();
            let outcome = match self.resolve(instance).await {
                Ok((driver, owned)) => driver.drive(self.resources.clone(), owned).await,
                Err(outcome) => outcome,
            };
            drop(active);
            return Ok(outcome);
        }
        let instance = self.instance(saga).await?;
        Ok(match instance.status {
            SagaStatus::Completed => DriveOutcome::Completed,
            SagaStatus::Compensated => DriveOutcome::Compensated,
            SagaStatus::Abandoned => DriveOutcome::Abandoned,
            SagaStatus::Stuck => DriveOutcome::Stuck,
            SagaStatus::Running | SagaStatus::Compensating => DriveOutcome::Elsewhere,
        })
    }
}

impl std::fmt::Debug for Orchestrator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Orchestrator").field("registry", &self.registry).finish_non_exhaustive()
    }
}

/// The id of the saga of a business key: derived, so that asking twice names the same saga.
pub fn saga_id(definition: &str, key: &str) -> SagaId {
    SagaId(ids::derive(Uuid::nil(), &["saga", definition, key]))
}
