use std::{sync::Arc, time::Duration};

use serde::{Serialize, de::DeserializeOwned};
use smol_str::SmolStr;

use super::{
    Action, AtLimit, Awaits, Compensation, Outputs, Phase, RetryPolicy, StepError,
    result::ResultOf,
    shape::{Shape, StepShape},
};
use crate::ports::DefinitionRef;

/// Input of a saga: anything that can be stored and shared.
pub trait SagaData: Serialize + DeserializeOwned + Send + Sync + 'static {}

impl<D: Serialize + DeserializeOwned + Send + Sync + 'static> SagaData for D {}

/// Error of a saga definition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DefinitionError {
    /// It has no steps.
    #[error("definition `{0}` has no steps: add one")]
    Empty(SmolStr),
    /// A step's name is empty, or holds a `/`, which separates the names of nested sagas.
    #[error("`{0}` can't name a step: a name is not empty and holds no `/`")]
    Name(SmolStr),
    /// Two steps have one name.
    #[error("two steps are named `{0}`: give each a name of its own, which log and operation ids use")]
    DuplicateStep(SmolStr),
    /// Steps are out of order.
    #[error(
        "step `{step}` is {phase:?} but comes too late: the order is compensatable, then one pivot, then retriable"
    )]
    PhaseOrder {
        /// Name of the step.
        step: SmolStr,
        /// Phase of the step.
        phase: Phase,
    },
    /// There is a second pivot.
    #[error("step `{0}` would be a second pivot: a saga has one point of no return, and steps behind it are retriable")]
    SecondPivot(SmolStr),
    /// A compensatable step has no compensation.
    #[error("step `{0}` is compensatable but has no compensation: give it one, or `NothingToUndo`")]
    NoCompensation(SmolStr),
    /// A pivot or retriable step has a compensation.
    #[error("step `{0}` is not compensatable, so its compensation would never run: remove the compensation")]
    NeedlessCompensation(SmolStr),
    /// A pivot shares its group, or a group mixes phases.
    #[error("the parallel group of step `{0}` mixes phases or holds a pivot: run only steps of one phase in parallel")]
    MixedGroup(SmolStr),
    /// A retriable step has a deadline.
    #[error("step `{0}` is retriable, so it is tried again until it is done: remove its deadline")]
    NeedlessDeadline(SmolStr),
    /// A step waits for something and asks somebody.
    #[error("step `{0}` waits and asks: make two steps of it, one after the other")]
    WaitsAndAsks(SmolStr),
    /// A wait after the pivot would be rejected at its limit.
    #[error(
        "step `{0}` is retriable, so it can't be rejected when it has waited for too long: give it an output for then"
    )]
    NeedlessRejection(SmolStr),
    /// A setting for the steps added last finds none that it is for.
    #[error("`{setting}` configures the preceding step, but {reason}: call it right after the step that it configures")]
    NeedlessSetting {
        /// The builder's method.
        setting: &'static str,
        /// Reason why it means nothing here.
        reason: &'static str,
    },
    /// The step whose output is to be the saga's result is not there.
    #[error("the result can't be the output of step `{0}`: there is no such step")]
    NoResult(SmolStr),
    /// A nested saga stands where its own pivot does not allow it.
    #[error("the nested saga `{nested}` {reason}")]
    Nested {
        /// Name of the nested saga.
        nested: SmolStr,
        /// Reason why it is not allowed there.
        reason: &'static str,
    },
}

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
        let shape = Arc::new(Shape::new(name.into(), version, policy.deadline, shapes.collect()));
        Ok(Self {
            shape,
            actions: steps.iter().map(|step| step.action.clone()).collect(),
            compensations: steps.iter().map(|step| step.compensation.clone()).collect(),
            specs: steps,
            result: None,
        })
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

fn check_phases<D>(steps: &[StepSpec<D>]) -> Result<(), DefinitionError> {
    let mut reached = Phase::Compensatable;
    for (index, step) in steps.iter().enumerate() {
        let name = || step.name.clone();
        if step.phase == Phase::Pivot && steps[..index].iter().any(|earlier| earlier.phase == Phase::Pivot) {
            return Err(DefinitionError::SecondPivot(name()));
        }
        if step.phase < reached {
            return Err(DefinitionError::PhaseOrder { step: name(), phase: step.phase });
        }
        reached = step.phase;
        let Some(before) = index.checked_sub(1).map(|before| &steps[before]) else { continue };
        let same_group = step.parallel.is_some() && before.parallel == step.parallel;
        if same_group && (before.phase != step.phase || step.phase == Phase::Pivot) {
            return Err(DefinitionError::MixedGroup(name()));
        }
    }
    Ok(())
}

fn check_steps<D: Sync>(steps: &[StepSpec<D>]) -> Result<(), DefinitionError> {
    for (index, step) in steps.iter().enumerate() {
        if step.name.split('/').any(str::is_empty) {
            return Err(DefinitionError::Name(step.name.clone()));
        }
        if steps[..index].iter().any(|earlier| earlier.name == step.name) {
            return Err(DefinitionError::DuplicateStep(step.name.clone()));
        }
        match (step.phase, &step.compensation) {
            (Phase::Compensatable, None) => return Err(DefinitionError::NoCompensation(step.name.clone())),
            (Phase::Pivot | Phase::Retriable, Some(_)) => {
                return Err(DefinitionError::NeedlessCompensation(step.name.clone()));
            }
            _ => {}
        }
        let awaits = step.action.awaits();
        if awaits.is_some() && step.action.is_remote() {
            return Err(DefinitionError::WaitsAndAsks(step.name.clone()));
        }
        let rejects = matches!(awaits, Some(Awaits::Signal { at_limit: AtLimit::Reject, .. }));
        if step.phase == Phase::Retriable && rejects {
            return Err(DefinitionError::NeedlessRejection(step.name.clone()));
        }
        if step.phase == Phase::Retriable && step.deadline.is_some() {
            return Err(DefinitionError::NeedlessDeadline(step.name.clone()));
        }
    }
    Ok(())
}
