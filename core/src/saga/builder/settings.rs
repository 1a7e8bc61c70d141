//! Settings of a definition, and of the steps that were added last.

use std::time::Duration;

use serde::Serialize;

use super::SagaBuilder;
use crate::saga::{DefinitionError, Outputs, RetryPolicy, StepError, StepSpec, result::ResultOf};

impl<D: Sync + 'static, S> SagaBuilder<D, S> {
    /// Sets the time that a saga may take from its start until its pivot has committed; then it turns back.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.policy.deadline = Some(deadline);
        self
    }

    /// Sets the retry policy of steps that have none of their own.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.policy.retry = policy;
        self
    }

    /// Sets the retry policy of the actions that were added last (a step, a group, a nested saga).
    pub fn step_retry(mut self, policy: RetryPolicy) -> Self {
        self.set_last("step_retry", |step| step.retry = Some(policy));
        self
    }

    /// Sets the retry policy of the compensations that were added last.
    pub fn compensation_retry(mut self, policy: RetryPolicy) -> Self {
        if !self.steps.is_empty() && self.steps[self.last..].iter().all(|step| step.compensation.is_none()) {
            self.refuse("compensation_retry", "it has no compensation");
        }
        self.set_last("compensation_retry", |step| step.compensation_retry = Some(policy));
        self
    }

    /// Sets the time that each step which was added last may take from its first logged attempt; before the pivot only.
    pub fn step_deadline(mut self, deadline: Duration) -> Self {
        self.set_last("step_deadline", |step| step.deadline = Some(deadline));
        self
    }

    /// Declares the saga's result, see [`Definition::result`](crate::saga::Definition::result).
    ///
    /// ```
    /// use seaworthy_core::saga::{Action, SagaBuilder};
    ///
    /// struct Pay;
    /// impl Action<u32> for Pay {}
    ///
    /// let checkout = SagaBuilder::<u32>::new("checkout", 1)
    ///     .pivot("pay", Pay)
    ///     .result(|outputs| Ok(format!("receipt {:?}", outputs.output::<u32>("pay")?)))
    ///     .build()?;
    /// # Ok::<(), seaworthy_core::saga::DefinitionError>(())
    /// ```
    pub fn result<R: Serialize>(
        mut self,
        result: impl Fn(Outputs<'_>) -> Result<R, StepError> + Send + Sync + 'static,
    ) -> Self {
        self.result = Some(ResultOf::closure(result));
        self
    }

    /// Declares the output of a step, by its path, to be the saga's result; null where the step was skipped.
    pub fn result_of(mut self, step: &str) -> Self {
        self.result = Some(ResultOf::step(step.into()));
        self
    }

    /// Changes what was added last. A setting that would mean nothing is an error, never ignored.
    fn set_last(&mut self, setting: &'static str, set: impl FnMut(&mut StepSpec<D>)) {
        let last = &mut self.steps[self.last..];
        if last.is_empty() {
            self.refuse(setting, "no step has been added yet");
        } else {
            last.iter_mut().for_each(set);
        }
    }

    fn refuse(&mut self, setting: &'static str, reason: &'static str) {
        self.error.get_or_insert(DefinitionError::NeedlessSetting { setting, reason });
    }
}
