use std::{any::TypeId, sync::Arc, time::Duration};

use bytes::Bytes;
use tracing::Instrument;
use uuid::Uuid;

use super::{
    DriveOutcome, OrchestratorConfig, Record, Registry, SagaData, SagaError, State,
    launch::Launcher,
    next,
    record::micros,
    registry::Driver,
    resources::{Owned, Resources},
};
use crate::{
    ids::{self, SagaId},
    message::Message,
    ports::{NewSaga, Ports, SagaAppend, SagaCreate, SagaStatus, Transaction},
    wake::Wake,
};

/// A saga that was asked for.
#[derive(Clone)]
pub struct Started {
    /// Id of the saga, derived from definition name and business key.
    pub saga: SagaId,
    /// `true` if it is new; `false` if there was one for this key.
    pub created: bool,
    launcher: Option<Arc<Launcher>>,
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

    /// Starts a saga of the definition's highest registered version, and drives it in a task of its own. Idempotent by
    /// business key: if there is one for `key`, nothing happens.
    ///
    /// # Errors
    /// [`SagaError`]. After a store error ask again with the same key. Dropping the future leaves open whether the saga
    /// exists; if it does, recovery drives it.
    pub async fn start<D: SagaData>(&self, definition: &str, key: &str, data: &D) -> Result<Started, SagaError> {
        let mut tx = self.resources.store.begin().await?;
        let started = self.begin(&mut *tx, definition, key, data, Occasion::of(definition, key)).await?;
        if started.created {
            tx.commit().await?;
        }
        self.launch(&started);
        Ok(started)
    }

    /// Creates a saga in the caller's transaction: it exists if, and only if, that commits. Once that is known, it is
    /// driven in a task of its own, at the latest when what this returns is dropped; whoever wants it earlier
    /// [launches](Orchestrator::launch) it or [drives](Orchestrator::drive_started) it. A message's handler and a saga's
    /// step may start sagas in this way, too. Where a process dies in between, recovery takes the saga over.
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
        self.start_on(tx, definition, key, data, Occasion::of(definition, key)).await
    }

    /// Starts a saga as [`start_in`](Orchestrator::start_in) does, with a correlation id of the caller's. Without one, the
    /// saga's own id is shared by its messages.
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
        self.start_on(tx, definition, key, data, Occasion { correlation_id, origin: None }).await
    }

    /// Starts a saga as [`start_in`](Orchestrator::start_in) does, for a message that is being handled: the saga's messages
    /// share its correlation id and trace context, and name it as their cause.
    ///
    /// # Errors
    /// [`SagaError`].
    pub async fn start_for<D: SagaData>(
        &self,
        tx: &mut dyn Transaction,
        definition: &str,
        key: &str,
        data: &D,
        message: &Message,
    ) -> Result<Started, SagaError> {
        let origin = Record::Caused { message: message.id, traceparent: message.traceparent.clone() };
        let occasion = Occasion { correlation_id: message.correlation_id, origin: Some(origin) };
        self.start_on(tx, definition, key, data, occasion).await
    }

    async fn start_on<D: SagaData>(
        &self,
        tx: &mut dyn Transaction,
        definition: &str,
        key: &str,
        data: &D,
        occasion: Occasion,
    ) -> Result<Started, SagaError> {
        let started = self.begin(tx, definition, key, data, occasion).await?;
        if let Some(launcher) = &started.launcher {
            tx.after_commit(launcher.after_commit());
        }
        Ok(started)
    }

    async fn begin<D: SagaData>(
        &self,
        tx: &mut dyn Transaction,
        definition: &str,
        key: &str,
        data: &D,
        Occasion { correlation_id, origin }: Occasion,
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
            lease: Duration::ZERO,
        };
        self.create(tx, driver, new, origin).instrument(span).await
    }

    async fn create(
        &self,
        tx: &mut dyn Transaction,
        driver: &Arc<dyn Driver>,
        mut new: NewSaga,
        origin: Option<Record>,
    ) -> Result<Started, SagaError> {
        // Without room here it is anybody's from the beginning.
        let room = self.resources.reserve();
        if room.is_some() {
            new.lease = self.resources.config.lease;
        }
        if let SagaCreate::Exists(saga) = tx.saga_create(&new).await? {
            return Ok(Started { saga, created: false, launcher: None });
        }
        let shape = driver.shape();
        let mut state = State::new(shape.clone());
        let mut records = Vec::with_capacity(1 + usize::from(origin.is_some()));
        for record in [Record::Started { deadline_us: shape.deadline.map(micros) }].into_iter().chain(origin) {
            state = next(state, &record, self.resources.store_now()).expect("a saga without a log can be started");
            records.push(record.encode());
        }
        let length = records.len() as u64;
        let append = SagaAppend {
            saga: new.id,
            epoch: 1,
            expected_length: 0,
            records,
            status: SagaStatus::Running,
            lease: new.lease,
            sleep: Duration::ZERO,
            definition: None,
            forgets: false,
        };
        tx.saga_append(&append).await?;
        let owned = Owned {
            saga: new.id,
            key: new.key,
            input: new.input,
            correlation_id: new.correlation_id,
            epoch: 1,
            length,
            state: Some(state),
            status: SagaStatus::Running,
            passage: None,
        };
        let saga = owned.saga;
        let launcher = Launcher::new(self.resources.clone(), driver.clone(), owned, room);
        Ok(Started { saga, created: true, launcher: Some(launcher) })
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
    /// [`SagaError::NotFound`], [`SagaError::Store`].
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
        let instance = self.resources.store.saga(saga).await?.ok_or(SagaError::NotFound(saga))?;
        Ok(match instance.status {
            SagaStatus::Completed => DriveOutcome::Completed,
            SagaStatus::Compensated => DriveOutcome::Compensated,
            SagaStatus::Abandoned => DriveOutcome::Abandoned,
            SagaStatus::Stuck => DriveOutcome::Stuck,
            SagaStatus::Running | SagaStatus::Compensating => DriveOutcome::Elsewhere,
        })
    }
}

/// Occasion on which a saga is started.
struct Occasion {
    correlation_id: Uuid,
    /// Entry that names the message, if it is for one.
    origin: Option<Record>,
}

impl Occasion {
    /// A start of its own accord.
    fn of(definition: &str, key: &str) -> Self {
        Self { correlation_id: saga_id(definition, key).0, origin: None }
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
