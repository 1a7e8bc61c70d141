use std::{any::TypeId, pin::pin, sync::Arc, time::Duration};

use bytes::Bytes;
use tracing::Instrument;
use uuid::Uuid;

use super::{
    DriveOutcome, OrchestratorConfig, Record, Registry, SagaData, SagaError, State,
    migration::Renames,
    next,
    record::micros,
    registry::Driver,
    resources::{Owned, Resources},
};
use crate::{
    ids::{self, SagaId},
    ports::{NewSaga, Ports, SagaAppend, SagaCreate, SagaStatus, Transaction, scoped},
};

/// A saga that was asked for.
#[derive(Clone, Debug)]
#[must_use = "a saga that was started in a transaction is driven at once only if it is launched after the commit"]
pub struct Started {
    /// Id of the saga, derived from definition name and business key.
    pub saga: SagaId,
    /// `true` if it is new; `false` if there was one for this key.
    pub created: bool,
    launch: Option<Launch>,
}

/// Everything that is needed to drive a new saga without reading anything.
#[derive(Clone)]
struct Launch {
    driver: Arc<dyn Driver>,
    owned: Owned,
}

impl std::fmt::Debug for Launch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Launch")
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

    /// Starts a saga of the definition's highest registered version, and drives it in a task of its own. Idempotent by
    /// business key: if there is one for `key`, nothing happens.
    ///
    /// # Errors
    /// [`SagaError`]. After a store error ask again with the same key. Dropping the future leaves open whether the saga
    /// exists; if it does, recovery drives it.
    pub async fn start<D: SagaData>(&self, definition: &str, key: &str, data: &D) -> Result<Started, SagaError> {
        let mut tx = self.resources.store.begin().await?;
        let started = self.start_in(&mut *tx, definition, key, data).await?;
        if started.created {
            tx.commit().await?;
        }
        self.launch(&started);
        Ok(started)
    }

    /// Creates a saga in the caller's transaction: it exists if, and only if, that commits. Call
    /// [`launch`](Orchestrator::launch) after the commit; without it, recovery takes the saga over when the lease ends.
    ///
    /// # Errors
    /// [`SagaError`].
    pub async fn start_in<D: SagaData>(
        &self,
        tx: &mut dyn Transaction,
        definition: &str,
        key: &str,
        data: &D,
    ) -> Result<Started, SagaError> {
        let correlation_id = saga_id(definition, key).0;
        self.start_correlated_in(tx, definition, key, data, correlation_id).await
    }

    /// Starts a saga as [`start_in`](Orchestrator::start_in) does, with a correlation id of the caller's, such as that
    /// of the message being handled. Without one, the saga's own id is shared by its messages.
    ///
    /// # Errors
    /// [`SagaError`].
    pub async fn start_correlated_in<D: SagaData>(
        &self,
        tx: &mut dyn Transaction,
        definition: &str,
        key: &str,
        data: &D,
        correlation_id: Uuid,
    ) -> Result<Started, SagaError> {
        let driver = self.registry.latest(definition);
        let driver = driver.ok_or_else(|| SagaError::NotRegistered(definition.into()))?;
        let (input, expected) = driver.input();
        if input != TypeId::of::<D>() {
            let given = std::any::type_name::<D>();
            return Err(SagaError::WrongInput { definition: definition.into(), expected, given });
        }
        let saga = saga_id(definition, key);
        let span = tracing::info_span!("saga.start", %saga, %definition);
        let input = serde_json::to_vec(data).map_err(|error| SagaError::Input(error.to_string()))?;
        let new = NewSaga {
            id: saga,
            definition: driver.shape().definition.clone(),
            key: key.into(),
            input: Bytes::from(input),
            correlation_id,
            lease: self.resources.config.lease,
        };
        self.create(tx, driver, new).instrument(span).await
    }

    async fn create(
        &self,
        tx: &mut dyn Transaction,
        driver: &Arc<dyn Driver>,
        new: NewSaga,
    ) -> Result<Started, SagaError> {
        if let SagaCreate::Exists(saga) = tx.saga_create(&new).await? {
            return Ok(Started { saga, created: false, launch: None });
        }
        let shape = driver.shape();
        let record = Record::Started { deadline_us: shape.deadline.map(micros) };
        let state = next(State::new(shape.clone()), &record, self.resources.store_now())
            .expect("a saga without a log can be started");
        let append = SagaAppend {
            saga: new.id,
            epoch: 1,
            expected_length: 0,
            records: vec![record.encode()],
            status: SagaStatus::Running,
            lease: new.lease,
            sleep: Duration::ZERO,
        };
        tx.saga_append(&append).await?;
        let owned = Owned {
            saga: new.id,
            key: new.key,
            input: new.input,
            correlation_id: new.correlation_id,
            epoch: 1,
            length: 1,
            state: Some(state),
            renames: Renames::default(),
        };
        Ok(Started { saga: owned.saga, created: true, launch: Some(Launch { driver: driver.clone(), owned }) })
    }

    /// Drives a saga that was just started, in a task of its own; call it once its transaction has committed. Does
    /// nothing for a saga that was there before, or when the process is at its limit: then recovery drives it.
    pub fn launch(&self, started: &Started) {
        let Some(Launch { driver, owned }) = &started.launch else { return };
        if self.resources.room() > 0 {
            self.spawn(driver.clone(), owned.clone());
        }
    }

    /// Drives a saga that was just started, in the caller's task, until it comes to rest.
    pub async fn drive_started(&self, started: Started) -> DriveOutcome {
        match started.launch {
            Some(Launch { driver, owned }) => driver.drive(self.resources.clone(), owned).await,
            None => DriveOutcome::Elsewhere,
        }
    }

    /// Takes a saga over if nobody owns it, and drives it in the caller's task until it comes to rest. A stuck saga
    /// stays as it is.
    ///
    /// Dropping the future leaves the saga to recovery, once its lease has ended.
    ///
    /// # Errors
    /// [`SagaError::NotFound`], [`SagaError::Store`].
    pub async fn drive(&self, saga: SagaId) -> Result<DriveOutcome, SagaError> {
        let mut acquired = self.acquire(Some(saga), 1).await?;
        if let Some(instance) = acquired.pop() {
            return Ok(match self.resolve(instance).await {
                Ok((driver, owned)) => driver.drive(self.resources.clone(), owned).await,
                Err(outcome) => outcome,
            });
        }
        let instance = self.resources.store.saga(saga).await?.ok_or(SagaError::NotFound(saga))?;
        Ok(match instance.status {
            SagaStatus::Completed => DriveOutcome::Completed,
            SagaStatus::Compensated => DriveOutcome::Compensated,
            SagaStatus::Abandoned => DriveOutcome::Abandoned,
            SagaStatus::Stuck => DriveOutcome::Stuck,
            SagaStatus::Running | SagaStatus::Compensating => DriveOutcome::Elsewhere,
        })
    }

    pub(crate) fn spawn(&self, driver: Arc<dyn Driver>, owned: Owned) {
        let resources = self.resources.clone();
        let task = async move {
            // Dropped on its way, as by a panic in one of its steps, it is left to recovery.
            let driven = scoped(Some(&*resources.spawner), pin!(driver.drive(resources.clone(), owned))).await;
            if driven.is_err() {
                tracing::debug!("a saga was dropped on its way");
            }
        };
        self.resources.spawner.spawn("saga", Box::pin(task));
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
