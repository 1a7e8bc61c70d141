use seaworthy_core::{
    ids::{MessageId, SagaId},
    saga::Record,
};
use smol_str::SmolStr;

use super::{Interest, Invariant, Judge, Lookup, Mode, SagaLog};
use crate::trace::{Effect, Event, What, Work};

/// `bounded-attempts`: what fails each time is tried so often and no more, or says each time that it failed.
///
/// A fault of the plan has each attempt at one message, at one event of a subscriber, or at one step of one saga, fail. A
/// message is tried at most a hundred times ([`BoundedAttempts::messages`]) until it is a dead letter, and an event until it is
/// parked. A step may be tried for ever, where its policy says so, but not unseen: at most thirty times
/// ([`BoundedAttempts::steps`]) without an entry in the log that says that it failed.
///
/// Once the world has healed, no fault of the plan has anything fail any more: what then fails each time does so by itself. A
/// message may do so a hundred times as well, and a step sixty times ([`BoundedAttempts::healed_steps`]), each of them logged: at the core's
/// settings that is a third of an hour.
///
/// State: one entry for each piece of work that the plan spoils, or that fails after that.
#[derive(Debug)]
pub struct BoundedAttempts {
    messages_max: u32,
    steps_max: u32,
    healed_max: u32,
    spoiled: Lookup<Work, Spoiled>,
    has_healed: bool,
    /// Attempts that failed since the world has healed.
    steps: Lookup<(SagaId, SmolStr), Spoiled>,
    messages: Lookup<(SmolStr, MessageId), Counted>,
}

/// Failures of a message, as the service itself counts them.
#[derive(Debug)]
struct Counted {
    last: u32,
    since: Spoiled,
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

/// The core's first nine delays are a minute together, and each one after that half a minute at most.
const HEALED_MAX: u32 = 60;

impl Default for BoundedAttempts {
    fn default() -> Self {
        Self::new()
    }
}

impl BoundedAttempts {
    /// The invariant at the start of a run.
    pub fn new() -> Self {
        Self {
            messages_max: MESSAGES_MAX,
            steps_max: STEPS_MAX,
            healed_max: HEALED_MAX,
            spoiled: Lookup::new(),
            has_healed: false,
            steps: Lookup::new(),
            messages: Lookup::new(),
        }
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

    /// Sets the number of attempts that a saga's step may take once nothing is wrong any more.
    #[must_use]
    pub fn healed_steps(mut self, most: u32) -> Self {
        self.healed_max = most;
        self
    }

    /// Counts the attempts at steps that failed although nothing is wrong any more.
    fn log(&mut self, log: &SagaLog, event: &Event, judge: &mut Judge<'_>) {
        for record in log.records.iter().flatten() {
            let Some(step) = record.step() else { continue };
            let place = (log.saga, step.clone());
            match record {
                Record::Attempting { .. } | Record::Announced { .. } => {}
                Record::Retry { error, .. } => {
                    judge.judged();
                    let failing = self.steps.get_or_insert_with(place, || Spoiled::first(event));
                    if failing.fails_beyond(self.healed_max) {
                        let attempts = failing.attempts;
                        let sentence = format!(
                            "step `{step}` failed {attempts} times since nothing is wrong any more, and is tried on: {error}"
                        );
                        judge.violate(log.saga, sentence, vec![failing.first, event.number]);
                    }
                }
                _ => _ = self.steps.remove(&place),
            }
        }
    }

    /// Counts the attempts at a message that failed although nothing is wrong any more.
    fn fail(
        &mut self,
        (consumer, message, failures): (&SmolStr, MessageId, u32),
        event: &Event,
        judge: &mut Judge<'_>,
    ) {
        judge.judged();
        let new = || Counted { last: 0, since: Spoiled::first(event) };
        let Counted { last, since } = self.messages.get_or_insert_with((consumer.clone(), message), new);
        // One that was handled before, and comes again too late to be acknowledged, counts from one each time.
        if failures > std::mem::replace(last, failures) && since.fails_beyond(self.messages_max) {
            let sentence = format!(
                "`{consumer}` failed at a message {} times since nothing is wrong any more, and it is no dead letter",
                since.attempts
            );
            judge.violate(message, sentence, vec![since.first, event.number]);
        }
    }
}

impl Spoiled {
    /// Nothing has failed yet; the first one is about to be counted.
    fn first(event: &Event) -> Self {
        Self { first: event.number, attempts: 0, is_told: false }
    }

    /// Counts one more, and returns `true` the first time that there are more than `most`.
    fn fails_beyond(&mut self, most: u32) -> bool {
        self.attempts += 1;
        self.attempts > most && !std::mem::replace(&mut self.is_told, true)
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
        Interest::FAULT | Interest::INBOX | Interest::SAGA_LOGGED | Interest::RESTORED | Interest::PHASE
    }

    fn subject(&self) -> Option<&'static str> {
        Some("a message or a saga's step that fails at each attempt")
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        match &event.what {
            What::Spoils { what, .. } => {
                let spoiled = self.spoiled.get_or_insert_with(*what, || Spoiled::first(event));
                judge.judged();
                let (most, how) = match what {
                    Work::Message(_) => {
                        (self.messages_max, "a message was tried, failed each time, and is no dead letter")
                    }
                    Work::Event(_) => {
                        (self.messages_max, "an event was tried by a subscriber, failed each time, and is not parked")
                    }
                    Work::Call(_) => (self.messages_max, "a call was made, failed each time, and was not given up"),
                    Work::Saga(_) => {
                        (self.steps_max, "a saga's step was tried, failed each time, and logged nothing of it")
                    }
                };
                if spoiled.fails_beyond(most) {
                    let sentence = format!("{how}: {} attempts", spoiled.attempts);
                    judge.violate(what.id(), sentence, vec![spoiled.first, event.number]);
                }
            }
            // What was counted may be lost.
            What::Restored { .. } => self.spoiled = Lookup::new(),
            What::Healed => self.has_healed = true,
            What::Commit { outcome, effects, .. }
                if outcome.took_effect() && (self.has_healed || !self.spoiled.is_empty()) =>
            {
                for effect in effects.iter() {
                    match effect {
                        Effect::Handled { consumer, message } | Effect::Buried { consumer, message, .. } => {
                            self.spoiled.remove(&Work::Message(*message));
                            self.spoiled.remove(&Work::Event(*message));
                            if !self.messages.is_empty() {
                                self.messages.remove(&(consumer.clone(), *message));
                            }
                        }
                        Effect::Failed { consumer, message, failures, .. } if self.has_healed => {
                            self.fail((consumer, *message, *failures), event, judge);
                        }
                        Effect::SagaLogged { saga, .. } => _ = self.spoiled.remove(&Work::Saga(*saga)),
                        _ => {}
                    }
                }
                if self.has_healed {
                    for log in judge.saga_logs(event).iter() {
                        self.log(log, event, judge);
                    }
                }
            }
            _ => {}
        }
    }
}
