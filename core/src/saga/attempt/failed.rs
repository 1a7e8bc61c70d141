//! Failures of an attempt: those that may be over at the next try, and what the others leave in the log.

use smol_str::{SmolStr, format_smolstr};

use super::{FailedAttempt, STUMBLES_MAX, Trouble};
use crate::{
    cut::cut,
    ports::StoreError,
    saga::{
        AttemptFailure, Phase, Record, SagaData, StepError,
        branch::Branch,
        execution::Execution,
        log::{Halt, Keep},
    },
};

impl<D: SagaData> Execution<'_, D> {
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

    /// Logs a failed attempt and waits, if the wait is short. `agreed`: its participant has done its part, and ours has failed.
    pub(super) async fn failed(
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
        self.retry(branch, FailedAttempt { attempt, failure, error: error.into(), panicked, own: agreed }).await
    }
}

/// Returns what is kept of a store's error that a step met again and again.
pub(super) fn told(error: &StoreError) -> SmolStr {
    if error.is_retryable() {
        format_smolstr!("{error}, {} times in a row on a fresh snapshot", STUMBLES_MAX + 1)
    } else {
        tracing::warn!(%error, "the store refuses the step, which is tried again as its policy says");
        format_smolstr!("{error}")
    }
}
