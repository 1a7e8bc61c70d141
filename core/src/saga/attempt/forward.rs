use std::pin::pin;

use futures_util::future::{Either, select};
use smol_str::format_smolstr;

use super::outside;
use crate::{
    cut::cut,
    ids::Direction,
    ports::Timestamp,
    saga::{
        ActionState, Failure, Phase, Record, SagaData, Status, StepError, Value,
        execution::Execution,
        log::{Halt, Keep, Written},
        record::micros,
    },
};

/// Failed attempt: its error, and `true` if its participant had agreed before.
struct Failed {
    error: StepError,
    agreed: bool,
}

impl<D: SagaData> Execution<'_, D> {
    /// Attempts a step's action until it is settled, has to wait for long, or the saga has turned.
    ///
    /// `alone`: no sibling is under way, so the saga may be given up while the step waits.
    pub(crate) async fn forward(&self, index: usize, alone: bool) -> Result<(), Halt> {
        let resources = &self.log.resources;
        let shape = &self.definition.shape.steps[index];
        let action = &*self.definition.actions[index];
        // What the participant answered, while our own store makes difficulties.
        let mut answer: Option<Value> = None;
        loop {
            let state = self.log.state().await;
            let step = &state.steps[index];
            let wanted = state.status == Status::Running
                && step.action == ActionState::Pending
                && !state.is_rejected()
                && state.may_run(index);
            if !wanted || resources.stop.is_set() {
                return Ok(());
            }
            let now = resources.store_now();
            let turning_point = state.turning_point();
            // Deadlines, timers and budgets are the plan's to judge.
            let due = turning_point.is_none_or(|moment| moment > now)
                && step.forward.not_before.is_none_or(|moment| moment <= now)
                && (step.is_doubtful() || !shape.retry.is_exhausted(step.forward.spent));
            if !due {
                return Ok(());
            }
            let call = self.call(index, Direction::Action, &state, answer.is_some());
            if step.forward.last == 0 && !action.applies(&call) {
                self.log.defer(Record::Skipped { step: shape.path.clone() }).await;
                return Ok(());
            }
            if shape.remote && answer.is_none() {
                let record = Record::Attempting { step: shape.path.clone(), attempt: call.attempt };
                if self.log.write(Some(record), Keep::Owned).await? == Written::LookAgain {
                    continue;
                }
                // The step's own deadline may count from this very attempt. Once a pivot is being asked there is no way
                // back, and so no turning point.
                let limit = self.log.state().await.turning_point();
                let ask = self.attempt(action.ask(&call, &*resources.external));
                match self.until(limit, ask).await {
                    None => return Ok(()),
                    Some(Ok(agreed)) => answer = Some(agreed),
                    Some(Err(error)) => {
                        let failed = Failed { error: outside(error), agreed: false };
                        self.failed(index, call.attempt, failed, alone).await?;
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
            let refused = match self.attempt(action.apply(&mut *tx, &call, given)).await {
                Ok(output) => {
                    let record = Record::Done { step: shape.path.clone(), output };
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
            let failed = Failed { error: refused, agreed: answer.is_some() };
            if self.failed(index, call.attempt, failed, alone).await? {
                answer = None;
            }
        }
    }

    /// Logs a failed attempt and waits, if the wait is short. Returns whether the attempt is over.
    async fn failed(
        &self,
        index: usize,
        attempt: u32,
        Failed { error, agreed }: Failed,
        alone: bool,
    ) -> Result<bool, Halt> {
        let shape = &self.definition.shape.steps[index];
        let (failure, error) = match error {
            StepError::Store(error) if error.is_retryable() => {
                self.log.fail(error).await?;
                return Ok(false);
            }
            // A pivot whose participant has agreed has happened: only our own part is left to do.
            StepError::Refused(reason)
                if shape.phase == Phase::Compensatable || (shape.phase == Phase::Pivot && !agreed) =>
            {
                tracing::info!("the step was rejected");
                let record =
                    Record::Rejected { step: shape.path.clone(), reason: cut(reason.into()), maybe_executed: agreed };
                self.log.defer(record).await;
                return Ok(true);
            }
            StepError::Refused(error) | StepError::Unavailable(error) => (Failure::Transient, error),
            StepError::Store(error) => {
                tracing::warn!(%error, "the store refuses the step, which is tried again as its policy says");
                (Failure::Transient, format_smolstr!("{error}"))
            }
            StepError::Unknown(error) => (Failure::Unknown, error),
        };
        // What a participant has agreed to stays in doubt until our own part of the step has committed.
        let failure = if agreed { Failure::Unknown } else { failure };
        let delay = shape.retry.delay(attempt - 1, &*self.log.resources.random);
        let record = Record::Retry {
            step: shape.path.clone(),
            direction: Direction::Action,
            attempt,
            failure,
            delay_us: micros(delay),
            error: cut(error.into()),
        };
        self.retry(record, delay, alone).await?;
        Ok(true)
    }

    /// Awaits a call, but not past `limit`; the doubt that is left then is resolved by going back.
    async fn until<T>(&self, limit: Option<Timestamp>, call: impl Future<Output = T>) -> Option<T> {
        let Some(limit) = limit else { return Some(call.await) };
        let resources = &self.log.resources;
        let mut call = pin!(call);
        loop {
            let left = limit.since(resources.store_now());
            if left.is_zero() {
                return None;
            }
            // Our clock may step while this waits, so the store's is looked at now and then. Where the store does not
            // answer, ours has to do.
            let wait = async {
                resources.clock.sleep(left.min(resources.config.lease)).await;
                let _ = resources.read_store_clock().await;
            };
            if let Either::Left((answer, _)) = select(call.as_mut(), pin!(wait)).await {
                return Some(answer);
            }
        }
    }
}
