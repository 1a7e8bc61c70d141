//! Signals that came, and the steps that wait for them.

use smol_str::SmolStr;

use super::State;
use crate::{
    ports::Timestamp,
    saga::{ActionState, Awaits, Signal, StepShape},
};

/// End of a step's wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival<'a> {
    /// The signal has come.
    Signal(&'a Signal),
    /// Its time is over.
    Over,
}

impl State {
    /// Returns what ends the wait of a step, if anything does yet: by `now` of the store's clock.
    pub(crate) fn arrival(&self, index: usize, now: Timestamp) -> Option<Arrival<'_>> {
        let shape = &self.shape.steps[index];
        let name = shape.awaits.as_ref()?.signal();
        let step = &self.steps[index];
        // What was given by a key is for the step of that key, which is known once it waits.
        let is_its_own = |signal: &&Signal| {
            let is_of_key = |key: &SmolStr| step.waiting.is_some() && step.key.as_ref().is_none_or(|own| own == key);
            signal.key.as_ref().is_none_or(is_of_key)
        };
        let mut signals = self.signals.iter().filter(is_its_own);
        if let Some(signal) = name.and_then(|name| signals.find(|signal| signal.name == *name)) {
            return Some(Arrival::Signal(signal));
        }
        let until = step.waiting?.until?;
        (until <= now).then_some(Arrival::Over)
    }

    /// Keeps a signal that a step waits for, or will wait for. One that came before, and one too many of its key, is nobody's.
    pub(crate) fn keep(&mut self, signal: &Signal) {
        let awaits = |shape: &StepShape| shape.awaits.as_ref().and_then(Awaits::signal) == Some(&signal.name);
        let mut open = 0;
        for (shape, step) in self.shape.steps.iter().zip(self.steps.iter()).filter(|(shape, _)| awaits(shape)) {
            if step.signal.as_ref() == Some(&signal.id) {
                return;
            }
            open += usize::from(step.action == ActionState::Pending && shape.awaits.is_some());
        }
        let of_name = || self.signals.iter().filter(|kept| kept.name == signal.name);
        if of_name().filter(|kept| kept.key == signal.key).count() < open && of_name().all(|kept| kept.id != signal.id)
        {
            self.signals.push(signal.clone());
        }
    }
}
