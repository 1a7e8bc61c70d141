use std::{pin::pin, time::Duration};

use futures_util::future::{Either, select};
use serde::de::DeserializeOwned;
use tracing::Instrument;

use super::{Orchestrator, Record, SagaError, SagaOutcome, registry::Resolved};
use crate::{
    ids::SagaId,
    ports::{LogEntry, SagaInstance, SagaStatus},
};

/// A saga that somebody waits for: for its end, for its result, or for the reason why it has none. Cloning is cheap.
///
/// It reads what the store keeps of the saga, so it works in any process on that store, whoever drives the saga, after a
/// restart, and after the saga's log was purged. In the process that drives the saga it hears of the end at once;
/// elsewhere it looks every now and then, as [`OrchestratorConfig::outcome_poll`](super::OrchestratorConfig) says.
///
/// ```
/// use seaworthy_core::saga::{Orchestrator, SagaError};
///
/// async fn checkout(sagas: &Orchestrator, order: &str, quantity: u32) -> Result<String, SagaError> {
///     let started = sagas.start("checkout", order, &quantity).await?;
///     sagas.handle(started.saga).result::<String>().await
/// }
/// ```
#[derive(Clone, Debug)]
pub struct SagaHandle {
    saga: SagaId,
    orchestrator: Orchestrator,
}

impl Orchestrator {
    /// Returns a handle of a saga that was started, here or elsewhere, now or long ago.
    ///
    /// Whoever started it in a transaction of their own commits first, and lets go of the
    /// [`Started`](super::Started) or [launches](Orchestrator::launch) it: until then there is nothing to wait for.
    pub fn handle(&self, saga: SagaId) -> SagaHandle {
        SagaHandle { saga, orchestrator: self.clone() }
    }
}

impl SagaHandle {
    /// Id of the saga.
    pub fn saga(&self) -> SagaId {
        self.saga
    }

    /// Waits until the saga has come to rest: until it has ended, or is stuck. A store that is down is asked again.
    ///
    /// Dropping the future ends the wait and nothing else. There is no time limit but the caller's:
    /// [`outcome_within`](Self::outcome_within) has one.
    ///
    /// # Errors
    /// [`SagaError::NotFound`] if there is no such saga, or not any more; [`SagaError::Stopping`] once this process stops;
    /// [`SagaError::Store`] for what the store refuses; [`SagaError::Purged`] and [`SagaError::Incompatible`] for a saga
    /// with a result that an older release of this library has completed, which kept none.
    pub async fn outcome(&self) -> Result<SagaOutcome, SagaError> {
        self.wait(|_| true).await
    }

    /// Waits until the saga has ended; a stuck one is waited for until an operator has helped.
    ///
    /// # Errors
    /// Those of [`outcome`](Self::outcome).
    pub async fn end(&self) -> Result<SagaOutcome, SagaError> {
        self.wait(SagaOutcome::is_end).await
    }

    /// Waits as [`outcome`](Self::outcome) does, but no longer than `limit` by this process's clock: `None` if the saga is
    /// still on its way then.
    ///
    /// # Errors
    /// Those of [`outcome`](Self::outcome).
    pub async fn outcome_within(&self, limit: Duration) -> Result<Option<SagaOutcome>, SagaError> {
        let clock = &self.orchestrator.resources.clock;
        match select(pin!(self.outcome()), pin!(clock.limit(limit))).await {
            Either::Left((outcome, _)) => outcome.map(Some),
            Either::Right(_) => Ok(None),
        }
    }

    /// Waits until the saga has completed, and returns its result: what its definition says, see
    /// [`SagaBuilder::result`](super::SagaBuilder::result).
    ///
    /// # Errors
    /// [`SagaError::NotCompleted`] if it came to rest in another way, stuck included; [`SagaError::Result`] if the result is
    /// not a `T`, or there is none; those of [`outcome`](Self::outcome).
    pub async fn result<T: DeserializeOwned>(&self) -> Result<T, SagaError> {
        let saga = self.saga;
        let told = |reason: String| SagaError::Result { saga, reason };
        match self.outcome().await? {
            SagaOutcome::Completed { error: Some(error), .. } => Err(told(error.to_string())),
            SagaOutcome::Completed { result, .. } => result.decode().map_err(|error| told(error.to_string())),
            outcome => Err(SagaError::NotCompleted { saga, status: outcome.status(), reason: outcome.reason() }),
        }
    }

    async fn wait(&self, is_enough: impl Fn(&SagaOutcome) -> bool) -> Result<SagaOutcome, SagaError> {
        let resources = &self.orchestrator.resources;
        let watcher = resources.watchers.watch(self.saga);
        let wait = async {
            let mut looks = 0;
            loop {
                // In line before the saga is looked at.
                let rest = watcher.rest();
                match self.orchestrator.outcome_now(self.saga).await {
                    Ok(Some(outcome)) if is_enough(&outcome) => return Ok(outcome),
                    Ok(_) => {}
                    Err(SagaError::Store(error)) if error.is_retryable() => {
                        tracing::debug!(%error, "the store is asked again");
                    }
                    Err(error) => return Err(error),
                }
                if resources.stop.is_set() {
                    return Err(SagaError::Stopping(self.saga));
                }
                // The caller holds on to something meanwhile, so a simulation waits for it, a few times.
                let pause = resources.clock.sleep(resources.config.outcome_poll.delay(looks, &*resources.random));
                select(select(pin!(rest), pin!(resources.stop.wait())), pause).await;
                looks += 1;
            }
        };
        wait.instrument(tracing::debug_span!("saga.await", saga = %self.saga)).await
    }
}

impl Orchestrator {
    /// Returns the rest to which a saga has come; `None` if it is on its way.
    async fn outcome_now(&self, saga: SagaId) -> Result<Option<SagaOutcome>, SagaError> {
        let instance = self.instance(saga).await?;
        if instance.status.is_active() {
            return Ok(None);
        }
        match SagaOutcome::kept(&instance) {
            Some(outcome) => Ok(Some(outcome)),
            None => self.outcome_by_log(&instance).await,
        }
    }

    /// Finds out what the release that moved the saga last did not keep.
    async fn outcome_by_log(&self, instance: &SagaInstance) -> Result<Option<SagaOutcome>, SagaError> {
        if instance.status == SagaStatus::Completed {
            let Resolved::Driver(driver, _) = self.registry.resolve(&instance.definition) else {
                return Ok(SagaOutcome::of_log(instance.status, &[]));
            };
            let Some(result) = driver.result() else { return Ok(SagaOutcome::of_log(instance.status, &[])) };
            let state = self.state_of(instance).await?;
            return Ok(Some(result.outcome(&state, &*self.resources.spawner)));
        }
        let page = self.resources.config.log_page.max(1);
        let mut log: Vec<LogEntry> = Vec::new();
        loop {
            let after = log.last().map_or(0, |entry| entry.sequence);
            let read = self.resources.store.saga_log(instance.id, after, page);
            let entries = self.resources.answered(read).await?;
            let is_last = entries.len() < page;
            log.extend(entries);
            if is_last {
                break;
            }
        }
        let records: Vec<Record> = log.iter().filter_map(|entry| Record::decode(&entry.record).ok()).collect();
        Ok(SagaOutcome::of_log(instance.status, &records))
    }
}
