use smol_str::format_smolstr;

use super::outside;
use crate::{
    cut::cut,
    ids::Direction,
    saga::{
        CompensationState, Failure, Record, SagaData, State, Status, StepError, Value,
        execution::Execution,
        log::{Halt, Keep, Written},
        record::micros,
    },
};

impl<D: SagaData> Execution<'_, D> {
    /// Attempts a step's compensation until it is settled or has to wait for long.
    pub(crate) async fn backward(&self, index: usize, alone: bool) -> Result<(), Halt> {
        let resources = &self.log.resources;
        let shape = &self.definition.shape.steps[index];
        let compensation =
            self.definition.compensations[index].as_deref().expect("a definition gives each compensatable step one");
        let mut answer: Option<Value> = None;
        loop {
            let state = self.log.state().await;
            let step = &state.steps[index];
            let wanted = state.status == Status::Compensating
                && state.needs_compensation(index)
                && step.compensation == CompensationState::Pending
                && step.backward.not_before.is_none_or(|moment| moment <= resources.store_now());
            if !wanted || resources.stop.is_set() {
                return Ok(());
            }
            let call = self.call(index, Direction::Compensation, &state, false);
            if compensation.is_remote() && answer.is_none() {
                match self.attempt(compensation.ask(&call, &*resources.external)).await {
                    Ok(agreed) => answer = Some(agreed),
                    Err(error) => {
                        self.not_undone(index, &state, call.attempt, outside(error), alone).await?;
                        continue;
                    }
                }
            }
            let mut tx = match resources.store.begin().await {
                Ok(tx) => tx,
                Err(error) => {
                    self.log.fail(error).await?;
                    continue;
                }
            };
            let given = answer.clone().unwrap_or(Value::NULL);
            let refused = match self.attempt(compensation.apply(&mut *tx, &call, given)).await {
                Ok(()) => {
                    let record = Record::Compensated { step: shape.path.clone(), maybe_executed: call.maybe_executed };
                    match self.log.commit(tx, Some(record), Keep::Owned).await? {
                        Ok(Written::Yes) => return Ok(()),
                        Ok(Written::LookAgain) => continue,
                        Err(refused) => StepError::Store(refused),
                    }
                }
                Err(error) => {
                    drop(tx);
                    error
                }
            };
            self.not_undone(index, &state, call.attempt, refused, alone).await?;
        }
    }

    /// Logs a compensation that failed: to be tried again, or exhausted.
    async fn not_undone(
        &self,
        index: usize,
        state: &State,
        attempt: u32,
        error: StepError,
        alone: bool,
    ) -> Result<(), Halt> {
        let shape = &self.definition.shape.steps[index];
        let (failure, error) = match error {
            StepError::Store(error) if error.is_retryable() => return self.log.fail(error).await.map(drop),
            StepError::Refused(error) | StepError::Unavailable(error) => (Failure::Transient, error),
            StepError::Store(error) => {
                tracing::warn!(%error, "the store refuses the compensation, which is tried again as its policy says");
                (Failure::Transient, format_smolstr!("{error}"))
            }
            StepError::Unknown(error) => (Failure::Unknown, error),
        };
        let step = shape.path.clone();
        let spent = state.steps[index].backward.spent + 1;
        if failure == Failure::Transient && shape.compensation_retry.is_exhausted(spent) {
            tracing::error!("the compensation has used up its attempts");
            let record = Record::CompensationExhausted { step, error: cut(error.into()) };
            return self.log.write(Some(record), Keep::Owned).await.map(drop);
        }
        let delay = shape.compensation_retry.delay(attempt - 1, &*self.log.resources.random);
        let record = Record::Retry {
            step,
            direction: Direction::Compensation,
            attempt,
            failure,
            delay_us: micros(delay),
            error: cut(error.into()),
        };
        self.retry(record, delay, alone).await
    }
}
