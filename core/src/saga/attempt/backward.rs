use super::{FailedAttempt, Part, Trouble, failed::told, outside};
use crate::{
    cut::cut,
    ids::Direction,
    saga::{
        AttemptFailure, CompensationState, Record, SagaData, State, Status, StepError, Value,
        branch::Branch,
        execution::Execution,
        log::{Halt, Keep, Written},
    },
};

impl<D: SagaData> Execution<'_, D> {
    /// Attempts a step's compensation until it is settled or has to wait for long.
    pub(crate) async fn backward(&self, branch: Branch<'_>) -> Result<(), Halt> {
        let (index, resources) = (branch.index, &self.log.resources);
        let shape = &self.definition.shape.steps[index];
        let compensation =
            self.definition.compensations[index].as_deref().expect("a definition gives each compensatable step one");
        let mut answer: Option<Value> = None;
        // The attempt has its number in the log already.
        let mut is_announced = false;
        // The attempt whose entry was written last, whether or not the store has said so.
        let mut announced = None;
        let mut stumbles = 0;
        loop {
            let state = self.log.state();
            let step = &state.steps[index];
            let wanted = state.status == Status::Compensating
                && state.needs_compensation(index)
                && step.compensation == CompensationState::Pending;
            if !wanted || resources.stop.is_set() {
                return Ok(());
            }
            if let Some(moment) = step.backward.not_before.filter(|moment| *moment > resources.store_now()) {
                if self.comes_due(branch, moment).await {
                    continue;
                }
                return Ok(());
            }
            // Its entry is in the log although the answer was lost: nobody else writes there.
            if announced.take_if(|attempt| *attempt == step.backward.last).is_some() {
                is_announced = true;
            }
            if !is_announced && step.backward.lost >= shape.compensation_retry.crashes_max.max(1) {
                let error = format!("its last {} attempts ended with their process or in a panic", step.backward.lost);
                self.exhausted(branch, error).await?;
                continue;
            }
            let call = self.call(index, Direction::Compensation, &state, is_announced);
            if !is_announced && answer.is_none() && self.is_suspect(step.backward.lost) {
                let (direction, attempt) = (Direction::Compensation, call.attempt);
                let record = Record::Announced { step: shape.path.clone(), direction, attempt };
                announced = Some(attempt);
                if self.log.write(Some(record), Keep::Owned).await? == Written::LookAgain {
                    continue;
                }
                (announced, is_announced) = (None, true);
            }
            if compensation.is_remote() && answer.is_none() {
                match self.attempt(branch, Part::Ask, compensation.ask(&call, &*resources.external)).await {
                    None => return Ok(()),
                    Some(Ok(agreed)) => answer = Some(agreed),
                    Some(Err(Trouble { error, panicked })) => {
                        let trouble = Trouble { error: outside(error), panicked };
                        self.not_undone(branch, &state, call.attempt, trouble, false).await?;
                        is_announced = false;
                        continue;
                    }
                }
            }
            let mut tx = match self.log.begin().await {
                Ok(tx) => tx,
                Err(error) => {
                    self.log.fail(error).await?;
                    continue;
                }
            };
            let given = answer.clone().unwrap_or(Value::NULL);
            let trouble = match self.attempt(branch, Part::Apply, compensation.apply(&mut *tx, &call, given)).await {
                None => return Ok(()),
                Some(Ok(())) => {
                    let record = Record::Compensated { step: shape.path.clone(), maybe_executed: call.maybe_executed };
                    match self.log.commit(tx, Some(record), Keep::Owned).await? {
                        Ok(Written::Yes) => return Ok(()),
                        Ok(Written::LookAgain) => continue,
                        Err(refused) => StepError::Store(refused).into(),
                    }
                }
                Some(Err(trouble)) => {
                    drop(tx);
                    trouble
                }
            };
            let Some(trouble) = self.after_stumble(trouble, &mut stumbles).await? else { continue };
            self.not_undone(branch, &state, call.attempt, trouble, answer.is_some()).await?;
            (is_announced, stumbles) = (false, 0);
        }
    }

    /// Logs a compensation that failed: to be tried again, or exhausted. `agreed`: whoever was asked has done their part, and ours has
    /// failed, of which there is an end whoever is asked.
    async fn not_undone(
        &self,
        branch: Branch<'_>,
        state: &State,
        attempt: u32,
        Trouble { error, panicked }: Trouble,
        agreed: bool,
    ) -> Result<(), Halt> {
        let (failure, error) = match error {
            StepError::Refused(error) | StepError::Unavailable(error) => (AttemptFailure::Transient, error),
            StepError::Store(error) => (AttemptFailure::Transient, told(&error)),
            StepError::Unknown(error) => (AttemptFailure::Unknown, error),
        };
        let attempts = &state.steps[branch.index].backward;
        let has_budget = failure == AttemptFailure::Transient || panicked;
        let compensation = self.definition.compensations[branch.index].as_deref();
        let asks = compensation.is_some_and(|compensation| compensation.is_remote());
        let policy = self.policy(branch);
        let is_over = has_budget && policy.is_exhausted(attempts.spent + 1, asks);
        if is_over || (agreed && policy.is_own_part_exhausted(attempts.own + 1)) {
            return self.exhausted(branch, error.into()).await;
        }
        self.retry(branch, FailedAttempt { attempt, failure, error: error.into(), panicked, own: agreed }).await
    }

    async fn exhausted(&self, branch: Branch<'_>, error: String) -> Result<(), Halt> {
        let step = self.definition.shape.steps[branch.index].path.clone();
        tracing::error!(saga = %self.log.saga, %step, %error, "the compensation has used up its attempts");
        let record = Record::CompensationExhausted { step, error: cut(error) };
        self.log.write(Some(record), Keep::Owned).await.map(drop)
    }
}
