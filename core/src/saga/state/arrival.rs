//! Signals that came, and the steps that wait for them.

use super::State;
use crate::{
    ports::Timestamp,
    saga::{Awaits, Signal},
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
        if let Some(signal) = self.signal_for(index) {
            return Some(Arrival::Signal(signal));
        }
        self.shape.steps[index].awaits.as_ref()?;
        let until = self.steps[index].waiting?.until?;
        (until <= now).then_some(Arrival::Over)
    }

    /// Returns the oldest signal that is a step's. What came by a key is for the step of that key, which it has once it waits;
    /// only where no step has keys it is for any.
    fn signal_for(&self, index: usize) -> Option<&Signal> {
        let name = self.shape.steps[index].awaits.as_ref().and_then(Awaits::signal)?;
        let step = &self.steps[index];
        match (self.shape.waits(name), &step.key) {
            ((_, false), _) => self.signals.first(name),
            (_, Some(key)) => self.signals.first_of(name, Some(key)),
            // It came to its wait before its definition had keys, and its log does not tell which it has now.
            (_, None) if step.waiting.is_some() && self.shape.is_keyed(index) => self.signals.first(name),
            _ => self.signals.first_of(name, None),
        }
    }

    /// Keeps a signal that a step waits for, or will wait for. One that came before, and one too many of its key, is nobody's.
    pub(crate) fn keep(&mut self, signal: &Signal) {
        let (waits, _) = self.shape.waits(&signal.name);
        let open = waits - self.steps.settled(&signal.name);
        if self.signals.count(&signal.name, signal.key.as_ref()) < open && !self.signals.knows(signal) {
            self.signals.push(signal.clone());
        }
    }
}
