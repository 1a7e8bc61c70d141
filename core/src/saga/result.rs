use std::{fmt, sync::Arc};

use serde::Serialize;
use smol_str::{SmolStr, ToSmolStr as _, format_smolstr};

use super::{Outputs, SagaOutcome, State, StepError, Value};
use crate::{
    cut::cut,
    ports::{Spawner, caught_now},
};

type OfOutputs = dyn Fn(Outputs<'_>) -> Result<Value, StepError> + Send + Sync;

/// Result of a saga, as its definition says: a function of the outputs of its steps. It is asked when the saga completes,
/// and its answer is kept with the saga.
#[derive(Clone)]
pub(crate) struct ResultOf {
    of: Arc<OfOutputs>,
    /// The step whose output it is, if it is one.
    pub(crate) step: Option<SmolStr>,
}

impl ResultOf {
    /// The result that a closure makes of the outputs.
    pub(crate) fn closure<R: Serialize>(
        result: impl Fn(Outputs<'_>) -> Result<R, StepError> + Send + Sync + 'static,
    ) -> Self {
        Self { of: Arc::new(move |outputs| Value::new(&result(outputs)?)), step: None }
    }

    /// The output of a step.
    pub(crate) fn step(path: SmolStr) -> Self {
        let step = Some(path.clone());
        Self { of: Arc::new(move |outputs| Ok(outputs.0.output(&path).cloned().unwrap_or_default())), step }
    }

    /// Returns the outcome of a saga that has completed. All its steps are done, so a closure that fails takes nothing away
    /// but the result.
    pub(crate) fn outcome(&self, state: &State, spawner: &dyn Spawner) -> SagaOutcome {
        let failed = match caught_now(Some(spawner), || (self.of)(Outputs(state))) {
            Ok(Ok(result)) => return SagaOutcome::Completed { result, error: None },
            Ok(Err(error)) => error.to_smolstr(),
            Err(panicked) => format_smolstr!("{panicked}"),
        };
        tracing::warn!(definition = %state.shape().definition.name, error = %failed, "the saga has completed, and its result can't be had");
        SagaOutcome::Completed { result: Value::NULL, error: Some(cut(failed)) }
    }
}

impl fmt::Debug for ResultOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResultOf").field("step", &self.step).finish_non_exhaustive()
    }
}
