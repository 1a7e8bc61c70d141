mod check;
mod error;

use std::{sync::Arc, time::Duration};

use serde::{Serialize, de::DeserializeOwned};
use smol_str::SmolStr;

use self::check::{check_phases, check_settings, check_steps};
pub use self::error::DefinitionError;
use super::{
    Action, Awaits, Compensation, KeyContext, Outputs, Phase, RetryPolicy, State, StepError,
    result::ResultOf,
    shape::{Shape, StepShape},
};
use crate::ports::{DefinitionRef, Panicked, SagaKey, Spawner, caught_now};

/// Input of a saga: anything that can be stored and shared.
pub trait SagaData: Serialize + DeserializeOwned + Send + Sync + 'static {}

impl<D: Serialize + DeserializeOwned + Send + Sync + 'static> SagaData for D {}

/// One step of a definition that is put together at run time. Both builders come down to a list of these.
pub struct StepSpec<D> {
    /// Name of the step, distinct in its saga.
    pub name: SmolStr,
    /// Phase of the step.
    pub phase: Phase,
    /// Neighbours with the same number here run side by side; `None` for a step that runs alone.
    pub parallel: Option<u32>,
    /// Action of the step.
    pub action: Arc<dyn Action<D>>,
    /// Compensation of the step; needed if it is compensatable.
    pub compensation: Option<Arc<dyn Compensation<D>>>,
    /// Retry policy of its action; the definition's policy where `None`.
    pub retry: Option<RetryPolicy>,
    /// Retry policy of its compensation; the definition's policy where `None`.
    pub compensation_retry: Option<RetryPolicy>,
    /// Time that it may take from its first logged attempt; before the pivot only.
    pub deadline: Option<Duration>,
}

impl<D> Clone for StepSpec<D> {
    fn clone(&self) -> Self {
        Self { name: self.name.clone(), action: self.action.clone(), compensation: self.compensation.clone(), ..*self }
    }
}

/// Settings of a whole definition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DefinitionPolicy {
    /// Time that a saga may take from its start until its pivot has committed; then it turns back.
    pub deadline: Option<Duration>,
    /// Retry policy of steps that have none of their own.
    pub retry: RetryPolicy,
}

/// A saga's definition: checked, hashed, and ready to be registered.
///
/// ```
/// use std::sync::Arc;
/// use seaworthy_core::saga::{Action, Definition, DefinitionError, DefinitionPolicy, NothingToUndo, Phase, StepSpec};
///
/// struct Noted;
/// impl Action<u32> for Noted {}
///
/// // Phases that were read from a file, say.
/// let step = |name: &str, phase| StepSpec::<u32> {
///     name: name.into(),
///     phase,
///     parallel: None,
///     action: Arc::new(Noted),
///     compensation: (phase == Phase::Compensatable).then(|| Arc::new(NothingToUndo) as _),
///     retry: None,
///     compensation_retry: None,
///     deadline: None,
/// };
/// let policy = DefinitionPolicy::default();
/// let steps = vec![step("check", Phase::Compensatable), step("confirm", Phase::Pivot)];
/// assert_eq!(Definition::from_specs("order", 1, policy, steps)?.shape().pivot(), Some(1));
///
/// let steps = vec![step("confirm", Phase::Pivot), step("check", Phase::Compensatable)];
/// assert!(matches!(Definition::from_specs("order", 1, policy, steps), Err(DefinitionError::PhaseOrder { .. })));
/// # Ok::<(), DefinitionError>(())
/// ```
pub struct Definition<D> {
    pub(crate) shape: Arc<Shape>,
    pub(crate) actions: Vec<Arc<dyn Action<D>>>,
    pub(crate) compensations: Vec<Option<Arc<dyn Compensation<D>>>>,
    pub(crate) specs: Vec<StepSpec<D>>,
    /// Steps whose waits have keys.
    pub(crate) keyed: Vec<usize>,
    pub(crate) result: Option<ResultOf>,
}

impl<D: Sync> Definition<D> {
    /// Checks a list of steps and makes a definition of it.
    ///
    /// # Errors
    /// [`DefinitionError`] for every list that is not `compensatable* -> pivot? -> retriable*`, and for the other ways
    /// in which steps can fail to fit.
    pub fn from_specs(
        name: &str,
        version: u32,
        policy: DefinitionPolicy,
        steps: Vec<StepSpec<D>>,
    ) -> Result<Self, DefinitionError> {
        if steps.is_empty() {
            return Err(DefinitionError::Empty(name.into()));
        }
        check_phases(&steps)?;
        check_steps(&steps)?;
        check_settings(&name.into(), &policy, &steps)?;
        let mut group = 0;
        let shapes = steps.iter().enumerate().map(|(index, step)| {
            let same = index > 0 && step.parallel.is_some() && steps[index - 1].parallel == step.parallel;
            group += u32::from(index > 0 && !same);
            StepShape {
                path: step.name.clone(),
                phase: step.phase,
                group,
                remote: step.action.is_remote(),
                awaits: step.action.awaits(),
                retry: step.retry.unwrap_or(policy.retry),
                compensation_retry: step.compensation_retry.unwrap_or(policy.retry),
                deadline: step.deadline,
            }
        });
        let keyed: Vec<usize> = (0..steps.len()).filter(|index| steps[*index].action.is_keyed()).collect();
        let shape = Arc::new(Shape::new(name.into(), version, policy.deadline, shapes.collect()).keyed(&keyed));
        Ok(Self {
            shape,
            actions: steps.iter().map(|step| step.action.clone()).collect(),
            compensations: steps.iter().map(|step| step.compensation.clone()).collect(),
            keyed,
            specs: steps,
            result: None,
        })
    }

    /// Returns the key of a step's wait, if it is known in a state.
    pub(crate) fn key(
        &self,
        index: usize,
        data: &D,
        state: &State,
        spawner: &dyn Spawner,
    ) -> Result<Option<SmolStr>, Panicked> {
        let context = KeyContext { data, step: &self.shape.steps[index].path, state };
        caught_now(Some(spawner), || self.actions[index].key(&context))
    }

    /// Returns the keys by which messages find a saga in a state, as far as they are known.
    pub(crate) fn keys(&self, data: &D, state: &State, spawner: &dyn Spawner) -> Vec<SagaKey> {
        self.keyed.iter().filter_map(|index| self.saga_key(*index, data, state, spawner)).collect()
    }

    /// Returns the key by which messages find a step of a saga in a state, if it is known.
    pub(crate) fn saga_key(&self, index: usize, data: &D, state: &State, spawner: &dyn Spawner) -> Option<SagaKey> {
        let name = self.shape.steps[index].awaits.as_ref().and_then(Awaits::signal)?.clone();
        // One that panics does so again where the wait begins, and is told there.
        let key = self.key(index, data, state, spawner).ok().flatten()?;
        Some(SagaKey { name, key })
    }
}

impl<D> Definition<D> {
    /// Declares the saga's result: what a closure makes of the outputs of its steps, once all of them are done or skipped.
    /// Whoever [waits](super::SagaHandle) for the saga gets it. It is kept with the saga, so it should be small; a definition
    /// without one keeps nothing. That of a nested saga is nobody's.
    ///
    /// The closure must follow from the outputs alone. Where it fails the saga has completed all the same, and whoever waits
    /// is told of the error.
    #[must_use]
    pub fn result<R: Serialize>(
        mut self,
        result: impl Fn(Outputs<'_>) -> Result<R, StepError> + Send + Sync + 'static,
    ) -> Self {
        self.result = Some(ResultOf::closure(result));
        self
    }

    /// Declares the output of a step, by its path, to be the saga's result; null where the step was skipped.
    ///
    /// # Errors
    /// [`DefinitionError::NoResult`] if there is no such step.
    pub fn result_of(mut self, step: &str) -> Result<Self, DefinitionError> {
        if self.shape.index_of(step).is_none() {
            return Err(DefinitionError::NoResult(step.into()));
        }
        self.result = Some(ResultOf::step(step.into()));
        Ok(self)
    }

    /// The definition without its code.
    pub fn shape(&self) -> &Arc<Shape> {
        &self.shape
    }

    /// Name, version and structure hash, as they are pinned to a saga when it starts.
    pub fn reference(&self) -> &DefinitionRef {
        &self.shape.definition
    }
}

impl<D> std::fmt::Debug for Definition<D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Definition").field(&self.shape).finish()
    }
}
