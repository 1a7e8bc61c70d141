//! Keys of a user's own by which messages find the sagas that wait for them.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use smol_str::SmolStr;

use super::{State, StepError, Value};
use crate::ports::SagaKey;

/// Knowledge of which the key of a step's wait is made ([`Wait::keyed`](super::Wait::keyed)): the saga's input, and the outputs
/// of its steps so far.
#[derive(Debug)]
pub struct KeyContext<'a, D> {
    /// The saga's input; for a step of a nested saga, its part of it.
    pub data: &'a D,
    pub(super) step: &'a SmolStr,
    pub(super) state: &'a State,
}

impl<'a, D> KeyContext<'a, D> {
    /// The output of a step; `None` if that one is not done yet. Inside a nested saga, its own steps go by their own names.
    ///
    /// # Errors
    /// [`StepError::Unavailable`] if the output is not a `T`.
    pub fn output<T: DeserializeOwned>(&self, step: &str) -> Result<Option<T>, StepError> {
        self.state.output_beside(self.step, step).map(Value::decode).transpose()
    }

    /// The same context over a part of its data.
    pub(super) fn project<C>(&self, part: impl FnOnce(&'a D) -> &'a C) -> KeyContext<'a, C> {
        KeyContext { data: part(self.data), step: self.step, state: self.state }
    }
}

/// Key of a saga's step in a state, if it is known.
pub(super) type KeyOf = Arc<dyn Fn(usize, &State) -> Option<SagaKey> + Send + Sync>;
