use std::{fmt, ops::Deref};

use super::{Aggregate, DomainEvent};

/// A loaded aggregate: its state, the version that it was loaded at, and the events of the changes since then.
///
/// It is saved once: [`Repository::save`](super::Repository::save) takes it by value. A failed attempt therefore leaves
/// nothing behind that a retry could save by mistake, neither the events nor a stale version; the retry loads anew.
pub struct Tracked<A: Aggregate> {
    state: A,
    version: Option<u64>,
    changed: bool,
    events: Vec<A::Event>,
}

impl<A: Aggregate> Tracked<A> {
    /// A new aggregate, not stored yet.
    pub fn new(state: A) -> Self {
        let events = A::transition(None, &state).into_iter().collect();
        Self { state, version: None, changed: true, events }
    }

    /// An aggregate as it was stored at `version`.
    pub(super) fn loaded(state: A, version: u64) -> Self {
        Self { state, version: Some(version), changed: false, events: Vec::new() }
    }

    /// Changes the state, and records an event if that is a declared transition.
    pub fn change<R>(&mut self, change: impl FnOnce(&mut A) -> R) -> R {
        let before = self.state.clone();
        let result = change(&mut self.state);
        self.record(&before);
        result
    }

    /// Changes the state unless `change` refuses; then the state is what it was, whatever `change` did to it.
    ///
    /// # Errors
    /// Those of `change`.
    pub fn try_change<R, E>(&mut self, change: impl FnOnce(&mut A) -> Result<R, E>) -> Result<R, E> {
        let before = self.state.clone();
        match change(&mut self.state) {
            Ok(result) => {
                self.record(&before);
                Ok(result)
            }
            Err(refusal) => {
                self.state = before;
                Err(refusal)
            }
        }
    }

    fn record(&mut self, before: &A) {
        if *before != self.state {
            self.changed = true;
            self.events.extend(A::transition(Some(before), &self.state));
        }
    }

    /// The events recorded so far, in order.
    pub fn events(&self) -> &[A::Event] {
        &self.events
    }

    /// The version that it was loaded at; `None` if it is new.
    pub fn version(&self) -> Option<u64> {
        self.version
    }

    /// Returns `true` if saving it would write anything.
    pub fn is_changed(&self) -> bool {
        self.changed
    }

    pub(super) fn into_parts(self) -> (A, Vec<A::Event>) {
        (self.state, self.events)
    }
}

impl<A: Aggregate> Deref for Tracked<A> {
    type Target = A;

    fn deref(&self) -> &A {
        &self.state
    }
}

impl<A: Aggregate> fmt::Debug for Tracked<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(A::NAME)
            .field("id", &self.state.id())
            .field("version", &self.version)
            .field("events", &self.events.iter().map(DomainEvent::name).collect::<Vec<_>>())
            .finish()
    }
}
