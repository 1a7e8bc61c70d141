//! Starts of sagas: by a caller, in somebody's transaction, for a message.

use std::{any::TypeId, sync::Arc, time::Duration};

use bytes::Bytes;
use smol_str::SmolStr;
use tracing::Instrument;
use uuid::Uuid;

use super::{
    Orchestrator, Record, SagaData, SagaError, Started, State, launch::Launcher, next, record::micros,
    registry::Driver, resources::Owned, saga_id,
};
use crate::{
    cut::cut,
    message::{Message, from_json},
    ports::{NewSaga, SagaAppend, SagaCreate, SagaKey, SagaStatus, Transaction},
};

impl Orchestrator {
    /// Starts a saga of the definition's highest registered version, and drives it in a task of its own. Idempotent by
    /// business key: if there is one for `key` with the same input, nothing happens. Wait for its end with a
    /// [handle](Orchestrator::handle).
    ///
    /// # Errors
    /// [`SagaError`]; [`SagaError::OtherInput`] if there is one for `key` with another input. After a store error ask again
    /// with the same key; a store that has not answered within [`store_limit`](super::OrchestratorConfig::store_limit) is one whose
    /// answer is unknown. Dropping the future leaves open whether the saga exists; if it does, recovery drives it.
    pub async fn start<D: SagaData>(&self, definition: &str, key: &str, data: &D) -> Result<Started, SagaError> {
        let work = async {
            let mut tx = self.resources.store.begin().await?;
            let started = self.begin(&mut *tx, definition, key, data, Occasion::unprompted(definition, key)).await?;
            if started.created {
                tx.commit().await?;
            }
            Ok::<_, SagaError>(started)
        };
        let started = self.resources.answered(work).await?;
        self.launch(&started);
        Ok(started)
    }

    /// Creates a saga in the caller's transaction: it exists if, and only if, that commits. Once that is known, it is
    /// driven in a task of its own, at the latest when what this returns is dropped; whoever wants it earlier
    /// [launches](Orchestrator::launch) it or [drives](Orchestrator::drive_started) it. A message's handler and a saga's
    /// step may start sagas in this way, too. Where a process dies in between, recovery takes the saga over.
    ///
    /// # Errors
    /// [`SagaError`]; [`SagaError::OtherInput`] if there is one for `key` with another input. Of these the transaction takes
    /// no harm: it may go on, but for a [`SagaError::Store`].
    pub async fn start_in<D: SagaData>(
        &self,
        tx: &mut dyn Transaction,
        definition: &str,
        key: &str,
        data: &D,
    ) -> Result<Started, SagaError> {
        self.start_on(tx, definition, key, data, Occasion::unprompted(definition, key)).await
    }

    /// Starts a saga as [`start_in`](Orchestrator::start_in) does, with a correlation id of the caller's. Without one, the
    /// saga's own id is shared by its messages.
    ///
    /// # Errors
    /// The same as those of [`start_in`](Orchestrator::start_in), which leave the transaction as they do there.
    pub async fn start_correlated_in<D: SagaData>(
        &self,
        tx: &mut dyn Transaction,
        definition: &str,
        key: &str,
        data: &D,
        correlation_id: Uuid,
    ) -> Result<Started, SagaError> {
        let occasion = Occasion { correlation_id, traceparent: None, origin: None };
        self.start_on(tx, definition, key, data, occasion).await
    }

    /// Starts a saga as [`start_in`](Orchestrator::start_in) does, for a request from outside that carries a trace context, as
    /// the header [`traceparent`](crate::message::TraceContext) has it: all messages of the saga carry it on.
    ///
    /// ```
    /// use seaworthy_core::{ports::Transaction, saga::{Orchestrator, SagaError, Started}};
    ///
    /// /// `header` is what the caller's HTTP request came with.
    /// async fn place(
    ///     sagas: &Orchestrator,
    ///     tx: &mut dyn Transaction,
    ///     order: &str,
    ///     header: &str,
    /// ) -> Result<Started, SagaError> {
    ///     sagas.start_traced_in(tx, "checkout", order, &3_u32, header).await
    /// }
    /// ```
    ///
    /// # Errors
    /// The same as those of [`start_in`](Orchestrator::start_in), which leave the transaction as they do there.
    pub async fn start_traced_in<D: SagaData>(
        &self,
        tx: &mut dyn Transaction,
        definition: &str,
        key: &str,
        data: &D,
        traceparent: impl Into<SmolStr>,
    ) -> Result<Started, SagaError> {
        let occasion = Occasion { traceparent: Some(traceparent.into()), ..Occasion::unprompted(definition, key) };
        self.start_on(tx, definition, key, data, occasion).await
    }

    /// Starts a saga as [`start_in`](Orchestrator::start_in) does, for a message that is being handled: the saga's messages
    /// share its correlation id and trace context, and name it as their cause.
    ///
    /// # Errors
    /// The same as those of [`start_in`](Orchestrator::start_in), which leave the transaction as they do there.
    pub async fn start_for<D: SagaData>(
        &self,
        tx: &mut dyn Transaction,
        definition: &str,
        key: &str,
        data: &D,
        message: &Message,
    ) -> Result<Started, SagaError> {
        let origin = Record::Caused { message: message.id, traceparent: message.traceparent.clone() };
        let correlation_id = message.correlation_id;
        let occasion = Occasion { correlation_id, traceparent: None, origin: Some(origin) };
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
        Occasion { correlation_id, traceparent, origin }: Occasion,
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
        let keys = |state: &State| driver.keys(data, state, &*self.resources.spawner);
        self.create(tx, driver, new, (traceparent, origin), keys, is_same_input::<D>).instrument(span).await
    }

    async fn create(
        &self,
        tx: &mut dyn Transaction,
        driver: &Arc<dyn Driver>,
        mut new: NewSaga,
        (traceparent, origin): (Option<SmolStr>, Option<Record>),
        keys: impl Fn(&State) -> Vec<SagaKey>,
        is_same: impl Fn(&[u8], &[u8]) -> bool,
    ) -> Result<Started, SagaError> {
        // Without room here it is anybody's from the beginning.
        let room = self.resources.reserve();
        if room.is_some() {
            new.lease = self.resources.config.lease;
        }
        if let SagaCreate::Exists { saga, input } = tx.saga_create(&new).await? {
            if !is_same(&input, &new.input) {
                let text = |input: &[u8]| cut(String::from_utf8_lossy(input).into_owned());
                let (definition, key) = (new.definition.name, new.key);
                let (stored, given) = (text(&input), text(&new.input));
                return Err(SagaError::OtherInput { definition, key, saga, stored, given });
            }
            return Ok(Started { saga, created: false, launcher: None });
        }
        let shape = driver.shape();
        let mut state = State::new(shape.clone());
        let mut records = Vec::with_capacity(1 + usize::from(origin.is_some()));
        let started = Record::Started { deadline_us: shape.deadline.map(micros), traceparent };
        for record in [started].into_iter().chain(origin) {
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
            keys: keys(&state),
            outcome: None,
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
}

/// Returns `true` for two encoded inputs that say the same. One that another release has written is read as today's.
fn is_same_input<D: SagaData>(stored: &[u8], given: &[u8]) -> bool {
    let value = |text| serde_json::from_slice::<serde_json::Value>(text).ok();
    let as_today = || serde_json::to_value(from_json::<D>(stored).ok()?).ok();
    stored == given
        || value(given).is_some_and(|given| value(stored).as_ref() == Some(&given) || as_today() == Some(given))
}

/// Occasion on which a saga is started.
struct Occasion {
    correlation_id: Uuid,
    /// Trace context of the request that it is for.
    traceparent: Option<SmolStr>,
    /// Entry that names the message, if it is for one.
    origin: Option<Record>,
}

impl Occasion {
    /// A start of its own accord.
    fn unprompted(definition: &str, key: &str) -> Self {
        Self { correlation_id: saga_id(definition, key).0, traceparent: None, origin: None }
    }
}
