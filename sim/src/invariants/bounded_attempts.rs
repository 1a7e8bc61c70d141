use super::{Interest, Invariant, Judge, Lookup, Mode};
use crate::trace::{Effect, Event, What, Work};

/// `bounded-attempts`: what fails each time is tried so often and no more, or says each time that it failed.
///
/// A fault of the plan has each attempt at one message, or at one step of one saga, fail. A message is tried at most a hundred
/// times ([`BoundedAttempts::messages`]) until it is a dead letter. A step may be tried for ever, where its policy says so, but
/// not unseen: at most thirty times ([`BoundedAttempts::steps`]) without an entry in the log that says that it failed.
///
/// State: one entry for each piece of work that the plan spoils.
#[derive(Debug)]
pub struct BoundedAttempts {
    messages_max: u32,
    steps_max: u32,
    spoiled: Lookup<Work, Spoiled>,
}

#[derive(Debug)]
struct Spoiled {
    first: u64,
    attempts: u32,
    is_told: bool,
}

/// The core's defaults come to forty: ten failures of the store, each after four attempts at once. A process that dies in
/// the midst of them counts none.
const MESSAGES_MAX: u32 = 100;

/// Nine attempts at once of the core's defaults are one that is logged.
const STEPS_MAX: u32 = 30;

impl Default for BoundedAttempts {
    fn default() -> Self {
        Self::new()
    }
}

impl BoundedAttempts {
    /// The invariant at the start of a run.
    pub fn new() -> Self {
        Self { messages_max: MESSAGES_MAX, steps_max: STEPS_MAX, spoiled: Lookup::new() }
    }

    /// Sets the number of attempts that a message may take.
    #[must_use]
    pub fn messages(mut self, most: u32) -> Self {
        self.messages_max = most;
        self
    }

    /// Sets the number of attempts that a saga's step may take without an entry in the log.
    #[must_use]
    pub fn steps(mut self, most: u32) -> Self {
        self.steps_max = most;
        self
    }
}

impl Invariant for BoundedAttempts {
    fn name(&self) -> &'static str {
        "bounded-attempts"
    }

    fn mode(&self) -> Mode {
        Mode::Always
    }

    fn interest(&self) -> Interest {
        Interest::FAULT | Interest::INBOX | Interest::SAGA_LOGGED | Interest::RESTORED
    }

    fn subject(&self) -> Option<&'static str> {
        Some("a message or a saga's step that fails at each attempt")
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        match &event.what {
            What::Spoils { what, .. } => {
                let new = || Spoiled { first: event.number, attempts: 0, is_told: false };
                let spoiled = self.spoiled.get_or_insert_with(*what, new);
                spoiled.attempts += 1;
                judge.judged();
                let (most, how) = match what {
                    Work::Message(_) => {
                        (self.messages_max, "a message was tried, failed each time, and is no dead letter")
                    }
                    Work::Call(_) => (self.messages_max, "a call was made, failed each time, and was not given up"),
                    Work::Saga(_) => {
                        (self.steps_max, "a saga's step was tried, failed each time, and logged nothing of it")
                    }
                };
                if spoiled.attempts > most && !std::mem::replace(&mut spoiled.is_told, true) {
                    let sentence = format!("{how}: {} attempts", spoiled.attempts);
                    judge.violate(what.id(), sentence, vec![spoiled.first, event.number]);
                }
            }
            // What was counted may be lost.
            What::Restored { .. } => self.spoiled = Lookup::new(),
            What::Commit { outcome, effects, .. } if outcome.took_effect() && !self.spoiled.is_empty() => {
                for effect in effects.iter() {
                    match effect {
                        Effect::Handled { message, .. } | Effect::Buried { message, .. } => {
                            self.spoiled.remove(&Work::Message(*message));
                        }
                        Effect::SagaLogged { saga, .. } => _ = self.spoiled.remove(&Work::Saga(*saga)),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
}
