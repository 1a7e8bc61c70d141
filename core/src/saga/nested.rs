//! A nested saga is laid out flat: its steps become steps of the outer saga, under its name, each in its own phase. So
//! the outer saga's pivot is the nested one's, and one log, one order of compensation and one recovery hold for both.

use std::sync::Arc;

use async_trait::async_trait;
use smol_str::SmolStr;

use super::{
    Action, Awaits, Compensation, Definition, DefinitionError, KeyContext, NothingToUndo, Phase, StepCall, StepError,
    StepSpec, Until, Value, group::spec,
};
use crate::{
    message::Message,
    ports::{External, Transaction},
};

type Steps<D> = Result<Vec<StepSpec<D>>, DefinitionError>;

/// A nested saga whose steps can all be undone.
pub(crate) fn compensatable<D, C, F>(name: &str, saga: &Definition<C>, part: F, groups: &mut u32) -> Steps<D>
where
    D: Sync + 'static,
    C: Sync + 'static,
    F: Fn(&D) -> &C + Send + Sync + 'static,
{
    require(name, saga, "has steps that can't be undone: nest it as the pivot, or say what undoes it", |phase| {
        phase == Phase::Compensatable
    })?;
    flatten(name, saga, part, groups)
}

/// A nested saga of retriable steps.
pub(crate) fn retriable<D, C, F>(name: &str, saga: &Definition<C>, part: F, groups: &mut u32) -> Steps<D>
where
    D: Sync + 'static,
    C: Sync + 'static,
    F: Fn(&D) -> &C + Send + Sync + 'static,
{
    require(name, saga, "stands after the pivot, where only retriable steps may be", |phase| {
        phase == Phase::Retriable
    })?;
    flatten(name, saga, part, groups)
}

/// A nested saga that has the pivot.
pub(crate) fn pivot<D, C, F>(name: &str, saga: &Definition<C>, part: F, groups: &mut u32) -> Steps<D>
where
    D: Sync + 'static,
    C: Sync + 'static,
    F: Fn(&D) -> &C + Send + Sync + 'static,
{
    if saga.shape.pivot().is_none() {
        return Err(DefinitionError::Nested { nested: name.into(), reason: "has no pivot to be the outer saga's" });
    }
    flatten(name, saga, part, groups)
}

/// A nested saga without a pivot that is undone as a whole. A step of its own carries the compensation: it comes
/// first, so it is undone last, and whenever anything of the nested saga has begun.
pub(crate) fn undone_by<D, C, F>(
    name: &str,
    saga: &Definition<C>,
    part: F,
    compensation: Arc<dyn Compensation<D>>,
    groups: &mut u32,
) -> Steps<D>
where
    D: Sync + 'static,
    C: Sync + 'static,
    F: Fn(&D) -> &C + Send + Sync + 'static,
{
    require(name, saga, "has a pivot of its own, so it can't be undone", |phase| phase != Phase::Pivot)?;
    let mut steps = vec![spec(name, Phase::Compensatable, Arc::new(Begin), Some(compensation))];
    for mut step in flatten(name, saga, part, groups)? {
        step.phase = Phase::Compensatable;
        step.compensation.get_or_insert_with(|| Arc::new(NothingToUndo));
        steps.push(step);
    }
    Ok(steps)
}

fn require<C>(
    name: &str,
    saga: &Definition<C>,
    reason: &'static str,
    allowed: impl Fn(Phase) -> bool,
) -> Result<(), DefinitionError> {
    if saga.specs.iter().all(|step| allowed(step.phase)) {
        Ok(())
    } else {
        Err(DefinitionError::Nested { nested: name.into(), reason })
    }
}

fn flatten<D, C, F>(name: &str, saga: &Definition<C>, part: F, groups: &mut u32) -> Steps<D>
where
    D: Sync + 'static,
    C: Sync + 'static,
    F: Fn(&D) -> &C + Send + Sync + 'static,
{
    if name.is_empty() || name.contains('/') {
        return Err(DefinitionError::Name(name.into()));
    }
    if saga.shape.deadline.is_some() {
        let reason = "has a deadline of its own, which nobody would keep: give one to the outer saga, or to steps";
        return Err(DefinitionError::Nested { nested: name.into(), reason });
    }
    let part: Arc<dyn Fn(&D) -> &C + Send + Sync> = Arc::new(part);
    let first = *groups + 1;
    let steps = saga.specs.iter().zip(&saga.shape.steps).map(|(step, shape)| {
        let parallel = step.parallel.map(|_| first + shape.group);
        *groups = first + shape.group;
        let compensation = step
            .compensation
            .clone()
            .map(|inner| Arc::new(NestedCompensation { inner, part: part.clone() }) as Arc<dyn Compensation<D>>);
        StepSpec {
            name: SmolStr::from(format!("{name}/{}", step.name)),
            phase: step.phase,
            parallel,
            action: Arc::new(NestedAction { inner: step.action.clone(), part: part.clone() }) as Arc<dyn Action<D>>,
            compensation,
            // The nested definition's own policy goes with its steps.
            retry: Some(shape.retry),
            compensation_retry: Some(shape.compensation_retry),
            deadline: step.deadline,
        }
    });
    Ok(steps.collect())
}

/// Marks in the log that a nested saga begins.
struct Begin;

impl<D: Sync> Action<D> for Begin {}

struct NestedAction<D, C> {
    inner: Arc<dyn Action<C>>,
    part: Arc<dyn Fn(&D) -> &C + Send + Sync>,
}

#[async_trait]
impl<D: Sync, C: Sync> Action<D> for NestedAction<D, C> {
    fn applies(&self, call: &StepCall<'_, D>) -> bool {
        self.inner.applies(&call.project(|data| (self.part)(data)))
    }

    fn is_remote(&self) -> bool {
        self.inner.is_remote()
    }

    fn awaits(&self) -> Option<Awaits> {
        self.inner.awaits()
    }

    fn until(&self, call: &StepCall<'_, D>) -> Until {
        self.inner.until(&call.project(|data| (self.part)(data)))
    }

    fn is_keyed(&self) -> bool {
        self.inner.is_keyed()
    }

    fn key(&self, context: &KeyContext<'_, D>) -> Option<SmolStr> {
        self.inner.key(&context.project(|data| (self.part)(data)))
    }

    fn key_of(&self, message: &Message) -> Option<SmolStr> {
        self.inner.key_of(message)
    }

    async fn ask(&self, call: &StepCall<'_, D>, external: &dyn External) -> Result<Value, StepError> {
        self.inner.ask(&call.project(|data| (self.part)(data)), external).await
    }

    async fn apply(&self, tx: &mut dyn Transaction, call: &StepCall<'_, D>, answer: Value) -> Result<Value, StepError> {
        self.inner.apply(tx, &call.project(|data| (self.part)(data)), answer).await
    }
}

struct NestedCompensation<D, C> {
    inner: Arc<dyn Compensation<C>>,
    part: Arc<dyn Fn(&D) -> &C + Send + Sync>,
}

#[async_trait]
impl<D: Sync, C: Sync> Compensation<D> for NestedCompensation<D, C> {
    fn is_remote(&self) -> bool {
        self.inner.is_remote()
    }

    async fn ask(&self, call: &StepCall<'_, D>, external: &dyn External) -> Result<Value, StepError> {
        self.inner.ask(&call.project(|data| (self.part)(data)), external).await
    }

    async fn apply(&self, tx: &mut dyn Transaction, call: &StepCall<'_, D>, answer: Value) -> Result<(), StepError> {
        self.inner.apply(tx, &call.project(|data| (self.part)(data)), answer).await
    }
}
