use smol_str::format_smolstr;

use super::{FailedAttempt, Part, STUMBLES_MAX, Trouble, outside, waiting::Arrived};
use crate::{
    cut::cut,
    ids::Direction,
    ports::{StoreError, caught_now},
    saga::{
        ActionState, AttemptFailure, Phase, Record, SagaData, Status, StepError, Value,
        branch::Branch,
        execution::Execution,
        log::{Halt, Keep, Written},
    },
};

impl<D: SagaData> Execution<'_, D> {
    /// Attempts a step's action until it is settled, has to wait for long, or the saga has turned.
    pub(crate) async fn forward(&self, branch: Branch<'_>) -> Result<(), Halt> {
        let (index, resources) = (branch.index, &self.log.resources);
        let shape = &self.definition.shape.steps[index];
        let action = &*self.definition.actions[index];
        // What the participant answered, while our own store makes difficulties.
        let mut answer: Option<Value> = None;
        // The attempt has its number in the log already.
        let mut is_announced = false;
        // The attempt whose entry was written last, whether or not the store has said so.
        let mut announced = None;
        let mut stumbles = 0;
        loop {
            let state = self.log.state();
            let step = &state.steps[index];
            let wanted = state.status == Status::Running
                && step.action == ActionState::Pending
                && !state.is_rejected()
                && state.may_run(index);
            if !wanted || resources.stop.is_set() {
                return Ok(());
            }
            // Its entry is in the log although the answer was lost: nobody else writes there, and nobody was asked yet.
            if announced.take_if(|attempt| *attempt == step.forward.last).is_some() {
                is_announced = true;
            }
            // An operator has settled the attempt meanwhile: its participant is asked again, under the same id.
            if shape.remote && !step.asking {
                (answer, is_announced) = (None, false);
            }
            // Deadlines and budgets are judged by `next_move`, but for the budget of the attempt under way.
            let is_open = state.turning_point().is_none_or(|moment| moment > resources.store_now())
                && (is_announced || answer.is_some() || state.given_up(index).is_none());
            if !is_open {
                return Ok(());
            }
            if let Some(moment) = step.forward.not_before.filter(|moment| *moment > resources.store_now()) {
                if self.comes_due(branch, moment).await {
                    continue;
                }
                return Ok(());
            }
            let mut call = self.call(index, Direction::Action, &state, is_announced || answer.is_some());
            if step.forward.last == 0 && step.waiting.is_none() {
                match caught_now(Some(&*resources.spawner), || action.applies(&call)) {
                    Ok(true) => {}
                    Ok(false) => {
                        self.log.defer(Record::Skipped { step: shape.path.clone() }).await;
                        return Ok(());
                    }
                    // Its answer follows from the saga alone: asked again it would panic again.
                    Err(panicked) => {
                        let reason = cut(format!("nobody can say whether step `{}` applies: {panicked}", shape.path));
                        return self.log.write(Some(Record::Stuck { reason }), Keep::Owned).await.map(drop);
                    }
                }
            }
            let mut received = None;
            let mut given = answer.clone().unwrap_or(Value::NULL);
            if let Some(awaits) = &shape.awaits {
                match self.arrived(branch, &state, awaits).await? {
                    Arrived::Signal(signal) => (received, given) = (Some(signal.id), signal.payload),
                    Arrived::Over(output) => given = output,
                    Arrived::LookAgain => continue,
                    Arrived::Not => return Ok(()),
                }
            }
            if shape.remote && answer.is_none() {
                if is_announced {
                    // This attempt itself has asked nobody yet.
                    call.maybe_executed = step.unknown;
                } else {
                    let record = Record::Attempting { step: shape.path.clone(), attempt: call.attempt };
                    announced = Some(call.attempt);
                    if self.log.write(Some(record), Keep::Owned).await? == Written::LookAgain {
                        continue;
                    }
                    announced = None;
                }
                match self.attempt(branch, Part::Ask, action.ask(&call, &*resources.external)).await {
                    None => return Ok(()),
                    Some(Ok(agreed)) => {
                        given = agreed.clone();
                        answer = Some(agreed);
                    }
                    Some(Err(Trouble { error, panicked })) => {
                        let trouble = Trouble { error: outside(error), panicked };
                        self.failed(branch, call.attempt, trouble, false).await?;
                        is_announced = false;
                        continue;
                    }
                }
            } else if !shape.remote && !is_announced && self.is_suspect(step.forward.lost) {
                let (direction, attempt) = (Direction::Action, call.attempt);
                let record = Record::Announced { step: shape.path.clone(), direction, attempt };
                announced = Some(attempt);
                if self.log.write(Some(record), Keep::Owned).await? == Written::LookAgain {
                    continue;
                }
                (announced, is_announced) = (None, true);
            }
            let mut tx = match self.log.begin().await {
                Ok(tx) => tx,
                Err(error) => {
                    self.log.fail(error).await?;
                    continue;
                }
            };
            let trouble = match self.attempt(branch, Part::Apply, action.apply(&mut *tx, &call, given)).await {
                None => return Ok(()),
                Some(Ok(output)) => {
                    let step = shape.path.clone();
                    let record = match received {
                        Some(signal) => Record::Received { step, signal, output },
                        None => Record::Done { step, output },
                    };
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
            self.failed(branch, call.attempt, trouble, answer.is_some()).await?;
            (answer, is_announced, stumbles) = (None, false, 0);
        }
    }

    /// Looks again after a failure that may be over at the next try. Returns the trouble of an attempt that has failed:
    /// any other, and one that came again each time.
    pub(super) async fn after_stumble(&self, trouble: Trouble, stumbles: &mut u32) -> Result<Option<Trouble>, Halt> {
        let StepError::Store(error) = &trouble.error else { return Ok(Some(trouble)) };
        *stumbles += 1;
        if !error.is_retryable() || *stumbles > STUMBLES_MAX {
            return Ok(Some(trouble));
        }
        self.log.stumble(error, *stumbles).await?;
        Ok(None)
    }

    /// Logs a failed attempt and waits, if the wait is short. `agreed`: its participant has done its part.
    async fn failed(
        &self,
        branch: Branch<'_>,
        attempt: u32,
        Trouble { error, panicked }: Trouble,
        agreed: bool,
    ) -> Result<(), Halt> {
        let shape = &self.definition.shape.steps[branch.index];
        let (failure, error) = match error {
            // A pivot whose participant has agreed has happened: only our own part is left to do.
            StepError::Refused(reason)
                if shape.phase == Phase::Compensatable || (shape.phase == Phase::Pivot && !agreed) =>
            {
                tracing::info!("the step was rejected");
                let (step, reason) = (shape.path.clone(), cut(reason.into()));
                let record = Record::Rejected { step, reason, maybe_executed: agreed };
                return self.log.write(Some(record), Keep::Owned).await.map(drop);
            }
            StepError::Refused(error) | StepError::Unavailable(error) => (AttemptFailure::Transient, error),
            StepError::Store(error) => (AttemptFailure::Transient, told(&error)),
            StepError::Unknown(error) => (AttemptFailure::Unknown, error),
        };
        // What a participant has agreed to stays in doubt until our own part of the step has committed.
        let failure = if agreed { AttemptFailure::Unknown } else { failure };
        self.retry(branch, FailedAttempt { attempt, failure, error: error.into(), panicked }).await
    }
}

/// Returns what is kept of a store's error that a step met again and again.
pub(super) fn told(error: &StoreError) -> smol_str::SmolStr {
    if error.is_retryable() {
        format_smolstr!("{error}, {} times in a row on a fresh snapshot", STUMBLES_MAX + 1)
    } else {
        tracing::warn!(%error, "the store refuses the step, which is tried again as its policy says");
        format_smolstr!("{error}")
    }
}
