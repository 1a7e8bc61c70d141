mod settings;

use std::{marker::PhantomData, sync::Arc};

use smol_str::SmolStr;

use super::{
    Action, Compensation, Definition, DefinitionError, DefinitionPolicy, Endures, NothingToUndo, Phase, StepSpec, Wait,
    group::{CompensatableGroup, RetriableGroup, spec},
    nested,
    result::ResultOf,
};

/// State of a [`SagaBuilder`]: every phase may still come.
#[derive(Debug)]
pub enum BeforePivot {}

/// State of a [`SagaBuilder`] past the pivot, or past the first retriable step: only retriable steps may come.
#[derive(Debug)]
pub enum AfterPivot {}

/// Builds a definition in the order `compensatable* -> pivot? -> retriable*`; any other order does not compile.
///
/// ```
/// use std::time::Duration;
/// use seaworthy_core::saga::{Action, NothingToUndo, RetryPolicy, SagaBuilder};
///
/// struct Noted;
/// impl Action<u32> for Noted {}
///
/// let checkout = SagaBuilder::<u32>::new("checkout", 1)
///     .deadline(Duration::from_secs(60))
///     .compensatable("reserve", Noted, NothingToUndo)
///     .parallel(|group| {
///         group.compensatable("charge", Noted, NothingToUndo).compensatable("check_fraud", Noted, NothingToUndo)
///     })
///     .pivot("confirm", Noted)
///     .retriable("ship", Noted)
///     .step_retry(RetryPolicy::default().base(Duration::from_secs(1)))
///     .build()?;
/// assert_eq!(checkout.shape().steps.len(), 5);
/// # Ok::<(), seaworthy_core::saga::DefinitionError>(())
/// ```
///
/// ```compile_fail
/// # use seaworthy_core::saga::{Action, NothingToUndo, SagaBuilder};
/// # struct Noted;
/// # impl Action<u32> for Noted {}
/// SagaBuilder::<u32>::new("checkout", 1).pivot("confirm", Noted).compensatable("reserve", Noted, NothingToUndo);
/// ```
pub struct SagaBuilder<D, S = BeforePivot> {
    name: SmolStr,
    version: u32,
    policy: DefinitionPolicy,
    steps: Vec<StepSpec<D>>,
    /// Index of the first step of the last call, for the `step_*` settings.
    last: usize,
    groups: u32,
    error: Option<DefinitionError>,
    result: Option<ResultOf>,
    state: PhantomData<S>,
}

impl<D: Sync + 'static> SagaBuilder<D> {
    /// Starts a definition. Change the version whenever steps, phases or groups change: running sagas keep theirs.
    pub fn new(name: &str, version: u32) -> Self {
        Self {
            name: name.into(),
            version,
            policy: DefinitionPolicy::default(),
            steps: Vec::new(),
            last: 0,
            groups: 0,
            error: None,
            result: None,
            state: PhantomData,
        }
    }

    /// Adds a step that can be undone.
    pub fn compensatable(
        self,
        name: &str,
        action: impl Action<D> + 'static,
        compensation: impl Compensation<D> + 'static,
    ) -> Self {
        let step = spec(name, Phase::Compensatable, Arc::new(action), Some(Arc::new(compensation)));
        self.add(vec![step])
    }

    /// Adds a step that waits, and leaves nothing to undo.
    pub fn wait<L: 'static>(self, name: &str, wait: Wait<D, L>) -> Self {
        self.compensatable(name, wait, NothingToUndo)
    }

    /// Adds steps that can be undone and run side by side. Once one of them is rejected, the attempts of the others are cut
    /// short: what may have taken effect is undone with the rest.
    pub fn parallel(self, steps: impl FnOnce(CompensatableGroup<D>) -> CompensatableGroup<D>) -> Self {
        let group = steps(CompensatableGroup { steps: Vec::new() });
        self.add_group(group.steps)
    }

    /// Adds the point of no return.
    pub fn pivot(self, name: &str, action: impl Action<D> + 'static) -> SagaBuilder<D, AfterPivot> {
        self.add(vec![spec(name, Phase::Pivot, Arc::new(action), None)]).past_pivot()
    }

    /// Adds the first step that is tried again until it is done, without a pivot before it.
    pub fn retriable(self, name: &str, action: impl Action<D> + 'static) -> SagaBuilder<D, AfterPivot> {
        self.past_pivot().retriable(name, action)
    }

    /// Adds a saga that has compensatable steps only, over a part of the input.
    pub fn nested<C: Sync + 'static>(
        mut self,
        name: &str,
        saga: &Definition<C>,
        part: impl Fn(&D) -> &C + Send + Sync + 'static,
    ) -> Self {
        let steps = nested::compensatable(name, saga, part, &mut self.groups);
        self.add_nested(steps)
    }

    /// Adds a saga without a pivot that is undone as a whole: by its steps' own compensations, where they have one,
    /// and then by `compensation`.
    pub fn nested_undone_by<C: Sync + 'static>(
        mut self,
        name: &str,
        saga: &Definition<C>,
        part: impl Fn(&D) -> &C + Send + Sync + 'static,
        compensation: impl Compensation<D> + 'static,
    ) -> Self {
        let steps = nested::undone_by(name, saga, part, Arc::new(compensation), &mut self.groups);
        self.add_nested(steps)
    }

    /// Adds a saga whose pivot is this saga's pivot.
    pub fn nested_pivot<C: Sync + 'static>(
        mut self,
        name: &str,
        saga: &Definition<C>,
        part: impl Fn(&D) -> &C + Send + Sync + 'static,
    ) -> SagaBuilder<D, AfterPivot> {
        let steps = nested::pivot(name, saga, part, &mut self.groups);
        self.add_nested(steps).past_pivot()
    }
}

impl<D: Sync + 'static> SagaBuilder<D, AfterPivot> {
    /// Adds a step that is tried again until it is done.
    pub fn retriable(self, name: &str, action: impl Action<D> + 'static) -> Self {
        self.add(vec![spec(name, Phase::Retriable, Arc::new(action), None)])
    }

    /// Adds a step that waits, and goes on in any case.
    pub fn wait<L: Endures + 'static>(self, name: &str, wait: Wait<D, L>) -> Self {
        self.retriable(name, wait)
    }

    /// Adds steps that are tried again until they are done and run side by side.
    pub fn parallel(self, steps: impl FnOnce(RetriableGroup<D>) -> RetriableGroup<D>) -> Self {
        let group = steps(RetriableGroup { steps: Vec::new() });
        self.add_group(group.steps)
    }

    /// Adds a saga that has retriable steps only, over a part of the input.
    pub fn nested<C: Sync + 'static>(
        mut self,
        name: &str,
        saga: &Definition<C>,
        part: impl Fn(&D) -> &C + Send + Sync + 'static,
    ) -> Self {
        let steps = nested::retriable(name, saga, part, &mut self.groups);
        self.add_nested(steps)
    }
}

impl<D: Sync + 'static, S> SagaBuilder<D, S> {
    /// Checks the steps and makes a definition of them.
    ///
    /// # Errors
    /// [`DefinitionError`]: what types can't show, such as two steps of one name.
    pub fn build(self) -> Result<Definition<D>, DefinitionError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        if let Some(step) = self.steps.iter().find(|step| step.name.is_empty()) {
            return Err(DefinitionError::Name(step.name.clone()));
        }
        let mut definition = Definition::from_specs(&self.name, self.version, self.policy, self.steps)?;
        let missing = |step: &&SmolStr| definition.shape.index_of(step).is_none();
        if let Some(step) = self.result.as_ref().and_then(|result| result.step.as_ref()).filter(missing) {
            return Err(DefinitionError::NoResult(step.clone()));
        }
        definition.result = self.result;
        Ok(definition)
    }

    fn add(mut self, steps: Vec<StepSpec<D>>) -> Self {
        self.last = self.steps.len();
        self.steps.extend(steps);
        self
    }

    fn add_group(mut self, mut steps: Vec<StepSpec<D>>) -> Self {
        self.groups += 1;
        steps.iter_mut().for_each(|step| step.parallel = Some(self.groups));
        self.add(steps)
    }

    fn add_nested(mut self, steps: Result<Vec<StepSpec<D>>, DefinitionError>) -> Self {
        match steps {
            Ok(steps) => self.add(steps),
            Err(error) => {
                self.error.get_or_insert(error);
                self
            }
        }
    }

    fn past_pivot(self) -> SagaBuilder<D, AfterPivot> {
        SagaBuilder {
            name: self.name,
            version: self.version,
            policy: self.policy,
            steps: self.steps,
            last: self.last,
            groups: self.groups,
            error: self.error,
            result: self.result,
            state: PhantomData,
        }
    }
}
