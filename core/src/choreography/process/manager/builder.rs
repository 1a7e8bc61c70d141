use std::{marker::PhantomData, sync::Arc};

use serde::de::DeserializeOwned;
use smol_str::SmolStr;

use super::{ProcessManager, React, TIMER};
use crate::choreography::{Domain, REJECTED, REVOKED, RegistrationError, Rejection, TranslateError, process::Reaction};

/// Builder of a [`ProcessManager`], which collects its reactions.
#[must_use = "a process manager is built by `build`"]
pub struct ProcessManagerBuilder<S> {
    manager: ProcessManager<S>,
    /// The first mistake; the builder goes on so that calls can be chained.
    mistake: Option<RegistrationError>,
    state: PhantomData<fn() -> S>,
}

impl<S: 'static> ProcessManagerBuilder<S> {
    pub(super) fn new(manager: ProcessManager<S>) -> Self {
        Self { manager, mistake: None, state: PhantomData }
    }

    /// Reacts to events of this type of a domain. The first event of a business transaction begins a process, whichever it is.
    pub fn on<D: Domain, E: DeserializeOwned>(
        mut self,
        event: &str,
        react: impl Fn(&mut S, &E) -> Result<Reaction, TranslateError> + Send + Sync + 'static,
    ) -> Self {
        let kind = SmolStr::from(event);
        if !D::EVENTS.contains(&event) && event != REVOKED {
            self.mistake.get_or_insert(RegistrationError::Unknown { domain: SmolStr::new_static(D::NAME), kind });
            return self;
        }
        if !self.manager.topics.iter().any(|topic| topic == D::NAME) {
            self.manager.topics.push(SmolStr::new_static(D::NAME));
            self.manager.ignored.extend(D::EVENTS);
            // Its own messages have these types.
            if let Some(own) = D::EVENTS.iter().find(|kind| [TIMER, REJECTED].contains(kind)) {
                self.mistake.get_or_insert(RegistrationError::Twice(SmolStr::new_static(own)));
            }
        }
        let react: React<S> = Arc::new(move |state, message| Ok(react(state, &message.json()?)?));
        let twice = self.manager.reactions.insert(kind.clone(), react).is_some();
        self.once(twice, kind)
    }

    /// Reacts to a timer that has gone off.
    pub fn on_timer(
        mut self,
        timer: &str,
        react: impl Fn(&mut S) -> Result<Reaction, TranslateError> + Send + Sync + 'static,
    ) -> Self {
        let react: React<S> = Arc::new(move |state, _| Ok(react(state)?));
        let twice = self.manager.timers.insert(timer.into(), react).is_some();
        self.once(twice, timer.into())
    }

    /// Reacts to the rejection of a command of this type that it has sent. Without a reaction it becomes a dead letter.
    pub fn on_rejection(
        mut self,
        command: &str,
        react: impl Fn(&mut S, &Rejection) -> Result<Reaction, TranslateError> + Send + Sync + 'static,
    ) -> Self {
        let react: React<S> = Arc::new(move |state, message| Ok(react(state, &message.json()?)?));
        let twice = self.manager.rejections.insert(command.into(), react).is_some();
        self.once(twice, command.into())
    }

    fn once(mut self, twice: bool, name: SmolStr) -> Self {
        if twice {
            self.mistake.get_or_insert(RegistrationError::Twice(name));
        }
        self
    }

    /// Returns the process manager.
    ///
    /// # Errors
    /// The first [`RegistrationError`].
    pub fn build(self) -> Result<ProcessManager<S>, RegistrationError> {
        self.mistake.map_or(Ok(self.manager), Err)
    }
}
