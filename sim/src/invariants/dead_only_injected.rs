use std::collections::BTreeSet;

use seaworthy_core::{ids::MessageId, message::Message};

use super::{
    Interest, Invariant, Judge, Lookup, Mode,
    rows::{Rows, Settled},
};
use crate::{
    plan::{FaultKind, Point},
    trace::{Effect, Event, Outcome, ProcessIndex, What},
};

/// `dead-only-injected`: a message is given up only where the plan, or the scenario, made it undeliverable.
///
/// - An outbox row may die if the broker refused its message for good, in a publish by a process that a `reject` fault
///   of the plan had struck at a publish. An outage, a lost acknowledgement or a crash never excuses it.
/// - An inbox message may become a dead letter if a `reject` fault had struck at a call to an external participant,
///   which a handler may have needed.
/// - A message that the scenario itself makes undeliverable ([`DeadOnlyInjected::poison`]) may die anywhere.
///
/// State: one entry for each message that was refused, and for each row in flight.
#[derive(Default)]
pub struct DeadOnlyInjected {
    poison: Option<Poison>,
    poisoned: Lookup<MessageId, ()>,
    refusing: BTreeSet<ProcessIndex>,
    external_refused: bool,
    refused: Lookup<MessageId, ()>,
    rows: Rows,
}

type Poison = Box<dyn Fn(&Message) -> bool + Send>;

impl DeadOnlyInjected {
    /// The invariant at the start of a run.
    pub fn new() -> Self {
        Self::default()
    }

    /// Says which messages the scenario makes undeliverable on purpose: of an unknown type, too large, unroutable.
    #[must_use]
    pub fn poison(mut self, is_poison: impl Fn(&Message) -> bool + Send + 'static) -> Self {
        self.poison = Some(Box::new(is_poison));
        self
    }

    fn meet(&mut self, message: &Message) {
        if self.poison.as_ref().is_some_and(|is_poison| is_poison(message)) {
            self.poisoned.insert(message.id, ());
        }
    }
}

impl Invariant for DeadOnlyInjected {
    fn name(&self) -> &'static str {
        "dead-only-injected"
    }

    fn mode(&self) -> Mode {
        Mode::Always
    }

    fn interest(&self) -> Interest {
        Interest::FAULT | Interest::STAGED | Interest::INBOX | Interest::PUBLISH | Interest::CLAIM | Interest::SETTLE
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        match &event.what {
            What::Fault { kind: FaultKind::Reject, point: Some(Point::Publish), .. } => {
                self.refusing.insert(event.process);
            }
            What::Fault { kind: FaultKind::Reject, point: Some(Point::External), .. } => self.external_refused = true,
            What::Commit { outcome, effects, .. } if outcome.took_effect() => {
                for effect in effects.iter() {
                    match effect {
                        Effect::Staged(message) => self.meet(message),
                        Effect::Handled { .. } => judge.judged(),
                        Effect::Dispatched(message) => {
                            judge.judged();
                            self.refused.remove(message);
                        }
                        Effect::GivenUp { message, reason } => {
                            judge.judged();
                            if self.refused.remove(message).is_none() && !self.poisoned.contains(message) {
                                judge.violate(
                                    message.to_string(),
                                    format!(
                                        "a relay gave up a message that the broker was never told to refuse: {reason}"
                                    ),
                                    vec![event.number],
                                );
                            }
                        }
                        Effect::Buried { consumer, message, reason } => {
                            judge.judged();
                            if !self.external_refused && !self.poisoned.contains(message) {
                                judge.violate(
                                    message.to_string(),
                                    format!("`{consumer}` gave up a message that nothing in the plan spoils: {reason}"),
                                    vec![event.number],
                                );
                            }
                        }
                        _ => {}
                    }
                }
            }
            What::Publish { message, outcome: Outcome::Rejected, .. } if self.refusing.contains(&event.process) => {
                self.refused.insert(message.id, ());
            }
            What::Publish { message, .. } => self.meet(message),
            What::Claim { store, rows, outcome, .. } if outcome.took_effect() => self.rows.claim(store, rows),
            What::Settle { store, rows, outcome, .. } if outcome.took_effect() => {
                for row in rows.iter() {
                    match self.rows.settle(store, row) {
                        Some((message, Settled::Dispatched)) => {
                            judge.judged();
                            self.refused.remove(&message);
                        }
                        Some((message, Settled::Dead)) => {
                            judge.judged();
                            if self.refused.remove(&message).is_none() && !self.poisoned.contains(&message) {
                                judge.violate(
                                    message.to_string(),
                                    format!("a relay gave up row {} of `{store}`, which the broker was never told to refuse", row.row.0),
                                    vec![event.number],
                                );
                            }
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
}
