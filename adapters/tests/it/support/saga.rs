//! Sagas made of steps that do what a test says.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use seaworthy_core::{
    ids::SagaId,
    ports::{External, SagaStatus, StoreError, Transaction},
    saga::{
        Action, Compensation, Definition, Orchestrator, OrchestratorConfig, Record, Registry, StepCall, StepError,
        Value,
    },
};

use super::World;

/// What an attempt of a step comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Does {
    Well,
    Nothing,
    Reject,
    Fail,
    Doubt,
    Conflict,
    /// The store fails its statements, and nothing else.
    Outage,
    Panic,
    /// Stages two messages of one kind.
    Twins,
    /// Takes so many milliseconds, and does well.
    Take(u64),
}

/// A step, or its compensation, which counts its attempts. Clones count together.
#[derive(Clone)]
pub(crate) struct Part {
    remote: bool,
    does: Arc<dyn Fn(u32) -> Does + Send + Sync>,
    attempts: Arc<AtomicU32>,
}

impl Part {
    /// Writes to our own store only; `does` is asked with the number of the attempt, from 1.
    pub(crate) fn local(does: impl Fn(u32) -> Does + Send + Sync + 'static) -> Self {
        Self { remote: false, does: Arc::new(does), attempts: Arc::default() }
    }

    /// Asks somebody else.
    pub(crate) fn remote(does: impl Fn(u32) -> Does + Send + Sync + 'static) -> Self {
        Self { remote: true, ..Self::local(does) }
    }

    pub(crate) fn well() -> Self {
        Self::local(|_| Does::Well)
    }

    pub(crate) fn attempts(&self) -> u32 {
        self.attempts.load(Ordering::SeqCst)
    }

    async fn go(&self, tx: Option<&mut dyn Transaction>, call: &StepCall<'_, u32>) -> Result<Value, StepError> {
        let attempt = self.attempts.fetch_add(1, Ordering::SeqCst) + 1;
        match (self.does)(attempt) {
            Does::Well => Ok(Value::NULL),
            Does::Nothing => pending().await,
            Does::Reject => Err(StepError::Refused("no".into())),
            Does::Fail => Err(StepError::Unavailable("it is down".into())),
            Does::Doubt => Err(StepError::Unknown("no answer".into())),
            Does::Conflict => Err(StepError::Store(StoreError::Conflict("not unique".into()))),
            Does::Outage => Err(StepError::Store(StoreError::Unavailable("no disk".into()))),
            Does::Panic => panic!("the step panics"),
            Does::Twins => {
                let message = call.message("trips", "trip.booked", "trips", call.key, bytes::Bytes::new());
                let tx = tx.expect("a local step");
                tx.stage(&message).await?;
                tx.stage(&message).await?;
                Ok(Value::NULL)
            }
            Does::Take(millis) => {
                tokio::time::sleep(Duration::from_millis(millis)).await;
                Ok(Value::NULL)
            }
        }
    }
}

#[async_trait]
impl Action<u32> for Part {
    fn is_remote(&self) -> bool {
        self.remote
    }

    async fn ask(&self, call: &StepCall<'_, u32>, _: &dyn External) -> Result<Value, StepError> {
        self.go(None, call).await
    }

    async fn apply(
        &self,
        tx: &mut dyn Transaction,
        call: &StepCall<'_, u32>,
        answer: Value,
    ) -> Result<Value, StepError> {
        if self.remote { Ok(answer) } else { self.go(Some(tx), call).await }
    }
}

#[async_trait]
impl Compensation<u32> for Part {
    fn is_remote(&self) -> bool {
        self.remote
    }

    async fn ask(&self, call: &StepCall<'_, u32>, _: &dyn External) -> Result<Value, StepError> {
        self.go(None, call).await
    }

    async fn apply(&self, tx: &mut dyn Transaction, call: &StepCall<'_, u32>, _: Value) -> Result<(), StepError> {
        if self.remote { Ok(()) } else { self.go(Some(tx), call).await.map(drop) }
    }
}

impl World {
    /// An orchestrator of this process with one definition, and its recovery.
    pub(crate) fn sagas(&self, definition: Definition<u32>) -> Orchestrator {
        self.sagas_with(definition, OrchestratorConfig::default())
    }

    pub(crate) fn sagas_with(&self, definition: Definition<u32>, config: OrchestratorConfig) -> Orchestrator {
        let mut registry = Registry::new();
        registry.register(definition).expect("one definition");
        let orchestrator = Orchestrator::new(&self.ports, registry, config);
        let (recovery, stop) = (orchestrator.clone(), self.ports.stop.clone());
        self.ports.spawn("recovery", async move { recovery.run_recovery(&stop).await });
        orchestrator
    }

    /// The names of a saga's log entries, with their steps.
    pub(crate) async fn log_of(&self, saga: SagaId) -> Vec<String> {
        let entries = self.ports.store.saga_log(saga, 0, 100_000).await.expect("a store that is up");
        let name = |record: Record| match record.step() {
            Some(step) => format!("{} {step}", record.name()),
            None => record.name().to_owned(),
        };
        entries.iter().map(|entry| name(Record::decode(&entry.record).expect("the log is ours"))).collect()
    }

    /// The reason with which a saga ended up stuck.
    pub(crate) async fn reason_of(&self, saga: SagaId) -> String {
        let entries = self.ports.store.saga_log(saga, 0, 100_000).await.expect("a store that is up");
        match Record::decode(&entries.last().expect("it was started").record) {
            Ok(Record::Stuck { reason }) => reason,
            other => panic!("it is not stuck, but {other:?}"),
        }
    }

    pub(crate) async fn status_of(&self, saga: SagaId) -> SagaStatus {
        self.ports.store.saga(saga).await.expect("a store that is up").expect("it was started").status
    }
}
