//! Keys by which messages find the saga's steps: told to the store as soon as they are known.

use std::sync::PoisonError;

use smol_str::SmolStr;

use super::SagaLog;
use crate::{
    ports::SagaKey,
    saga::{ActionState, State},
};

/// Keys of the saga that an entry tells.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tells {
    Nothing,
    /// Those that it makes known.
    New,
    /// All that are known.
    All,
}

impl SagaLog<'_> {
    /// Returns the keys that an entry tells with which the saga comes to a state, each with its step: none that this owner has
    /// told before.
    pub(super) fn keys(&self, tells: Tells, state: &State) -> Vec<(usize, SagaKey)> {
        let Some(key) = self.key.as_ref().filter(|_| tells != Tells::Nothing) else { return Vec::new() };
        // Before it is written: the state of now is still the log's.
        let before = self.state();
        let untold = self.untold.lock().unwrap_or_else(PoisonError::into_inner);
        let is_told = |index: usize| tells == Tells::All || key(index, &before).is_none();
        untold
            .iter()
            .filter_map(|&index| Some((index, key(index, state)?)))
            .filter(|(index, _)| is_told(*index))
            .collect()
    }

    /// Notes that the store knows the keys of some steps, in their order.
    pub(super) fn has_told(&self, steps: &[usize]) {
        if !steps.is_empty() {
            let mut untold = self.untold.lock().unwrap_or_else(PoisonError::into_inner);
            untold.retain(|index| steps.binary_search(index).is_err());
        }
    }

    /// Returns the keys of steps that wait without one, since they came to their waits under a version that had none.
    pub(super) fn keys_of_waits(&self, state: &State) -> Vec<(SmolStr, SmolStr)> {
        let Some(key) = &self.key else { return Vec::new() };
        let waits = |index: &&usize| {
            let step = &state.steps[**index];
            step.waiting.is_some() && step.key.is_none() && step.action == ActionState::Pending
        };
        let waiting = self.shape.keyed_steps().iter().filter(waits);
        waiting.filter_map(|index| Some((self.shape.steps[*index].path.clone(), key(*index, state)?.key))).collect()
    }
}
