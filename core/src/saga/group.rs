//! Building blocks of a [`SagaBuilder`](super::SagaBuilder): groups of steps, and a step as its builders write it.

use std::sync::Arc;

use smol_str::SmolStr;

use super::{Action, Compensation, Endures, NothingToUndo, Phase, StepSpec, Wait};

/// Steps that can be undone and run side by side.
pub struct CompensatableGroup<D> {
    pub(super) steps: Vec<StepSpec<D>>,
}

impl<D: Sync> CompensatableGroup<D> {
    /// Adds a step that can be undone.
    pub fn compensatable(
        mut self,
        name: &str,
        action: impl Action<D> + 'static,
        compensation: impl Compensation<D> + 'static,
    ) -> Self {
        self.steps.push(spec(name, Phase::Compensatable, Arc::new(action), Some(Arc::new(compensation))));
        self
    }

    /// Adds a step that waits, and leaves nothing to undo.
    pub fn wait<L: 'static>(self, name: &str, wait: Wait<D, L>) -> Self
    where
        D: 'static,
    {
        self.compensatable(name, wait, NothingToUndo)
    }
}

/// Steps that are tried again until they are done and run side by side.
pub struct RetriableGroup<D> {
    pub(super) steps: Vec<StepSpec<D>>,
}

impl<D: Sync> RetriableGroup<D> {
    /// Adds a step that is tried again until it is done.
    pub fn retriable(mut self, name: &str, action: impl Action<D> + 'static) -> Self {
        self.steps.push(spec(name, Phase::Retriable, Arc::new(action), None));
        self
    }

    /// Adds a step that waits, and goes on in any case.
    pub fn wait<L: Endures + 'static>(self, name: &str, wait: Wait<D, L>) -> Self
    where
        D: 'static,
    {
        self.retriable(name, wait)
    }
}

pub(super) fn spec<D>(
    name: &str,
    phase: Phase,
    action: Arc<dyn Action<D>>,
    compensation: Option<Arc<dyn Compensation<D>>>,
) -> StepSpec<D> {
    StepSpec {
        // A `/` would make it look like a step of a nested saga; the empty name is refused when it is built.
        name: if name.contains('/') { SmolStr::default() } else { name.into() },
        phase,
        parallel: None,
        action,
        compensation,
        retry: None,
        compensation_retry: None,
        deadline: None,
    }
}
