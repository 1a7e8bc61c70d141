use seaworthy_core::ports::Operation;
use std::collections::BTreeSet;

use seaworthy_core::{
    choreography::{REJECTED, Rejection, RejectionReason, waits_for_turn},
    events::only_waits,
    ids::MessageId,
    message::Message,
};

use super::{Interest, Invariant, Judge, Lookup, Mode, rows::Settled};
use crate::{
    plan::FaultKind,
    trace::{Effect, Event, Outcome, ProcessIndex, What, Work},
};

/// `dead-only-injected`: a message is given up only where the plan, or the scenario, made it undeliverable.
///
/// - An outbox row may die if the broker refused its message for good, in a publish by a process that a `reject` fault
///   of the plan had struck at a publish. An outage, a lost acknowledgement or a crash never excuses it.
/// - An inbox message may become a dead letter if a `reject` fault had struck at a call to an external participant,
///   which a handler may have needed.
/// - A message may become a dead letter, or its row may die, if a fault of the plan spoils each attempt at it; a message may
///   become a dead letter if one spoils a call to an external participant.
/// - A subscriber to events may park what [only waits](only_waits): it goes on by itself.
/// - A command [whose turn has not come](waits_for_turn) may become a dead letter once the plan has spoiled any message, or had one
///   refused: it waits for a command that may be that one, or have followed from it.
/// - A source may keep a command that was rejected among its [letters](seaworthy_core::choreography::rejected_letters): that is its
///   decision. One that was rejected since it was stale each time was no decision of anybody's.
/// - A consumer may give up anything once a store was put back to an earlier moment, its own or that of somebody who answers it: it may be
///   about what is gone.
/// - A message that the scenario itself makes undeliverable ([`DeadOnlyInjected::poison`]) may die anywhere.
///
/// A message that the broker refuses of its own accord, as one over its limit, is given up rightly by the relay; that it
/// was staged at all is what is told.
///
/// State: one entry for each message that was refused.
#[derive(Default)]
pub struct DeadOnlyInjected {
    poison: Option<Poison>,
    poisoned: Lookup<MessageId, ()>,
    refusing: BTreeSet<ProcessIndex>,
    external_refused: bool,
    refused: Lookup<MessageId, ()>,
    unasked: Lookup<MessageId, Unasked>,
    /// Commands that somebody has decided to reject.
    rejected: Lookup<MessageId, ()>,
    /// `true` once a store was put back.
    is_restored: bool,
}

/// A refusal that is the broker's own and not the plan's.
struct Unasked {
    what: String,
    number: u64,
}

/// Ending of the names under which domains keep rejected commands.
const REJECTED_LETTERS: &str = ".rejected";

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

    /// Returns `true` if something was given up, or may have been, behind which another message has to wait.
    fn may_stand_behind(&self) -> bool {
        !self.poisoned.is_empty() || !self.refusing.is_empty()
    }

    fn meet(&mut self, message: &Message) {
        if self.poison.as_ref().is_some_and(|is_poison| is_poison(message)) {
            self.poisoned.insert(message.id, ());
        }
        if message.kind == REJECTED
            && let Ok(Rejection { command, reason }) = message.json()
            && !matches!(reason, RejectionReason::Stale { .. } | RejectionReason::Contended { .. })
        {
            self.rejected.insert(command.id, ());
        }
    }

    /// A relay has given a message up: `row` in words, and why if it said so.
    fn give_up(
        &mut self,
        message: MessageId,
        row: &dyn Fn() -> String,
        why: Option<&str>,
        number: u64,
        judge: &mut Judge<'_>,
    ) {
        judge.judged();
        let unasked = self.unasked.remove(&message);
        if self.refused.remove(&message).is_some() || self.poisoned.contains(&message) {
            return;
        }
        let why = why.map(|why| format!(": {why}")).unwrap_or_default();
        let (sentence, events) = match unasked {
            Some(Unasked { what, number: refused }) => (
                format!(
                    "a relay gave up {}: the broker itself refused {what}, without the plan's doing{why}; if that is \
                     meant, say so with `DeadOnlyInjected::poison`",
                    row()
                ),
                vec![refused, number],
            ),
            None => {
                (format!("a relay gave up {}, which the broker was never told to refuse{why}", row()), vec![number])
            }
        };
        judge.violate(message, sentence, events);
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
        Interest::FAULT | Interest::STAGED | Interest::INBOX | Interest::PUBLISH | Interest::SETTLE | Interest::RESTORED
    }

    fn subject(&self) -> Option<&'static str> {
        Some("an outbox row settled, or a message handled in an inbox")
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        match &event.what {
            What::Fault { kind: FaultKind::Reject, point: Some(Operation::Publish), .. } => {
                self.refusing.insert(event.process);
            }
            What::Fault { kind: FaultKind::Reject, point: Some(Operation::External), .. } => {
                self.external_refused = true
            }
            What::Spoils { what: Work::Call(_), .. } => self.external_refused = true,
            What::Spoils { what: Work::Message(message) | Work::Event(message), .. } => {
                self.poisoned.insert(*message, ());
            }
            What::Restored { .. } => self.is_restored = true,
            What::Commit { outcome, effects, .. } if outcome.took_effect() => {
                for effect in effects.iter() {
                    match effect {
                        Effect::Staged(message) => self.meet(message),
                        Effect::Handled { .. } => judge.judged(),
                        Effect::Dispatched(message) => {
                            judge.judged();
                            self.refused.remove(message);
                            self.unasked.remove(message);
                        }
                        Effect::GivenUp { message, reason } => {
                            let row = || "a message".to_owned();
                            self.give_up(*message, &row, Some(reason), event.number, judge);
                        }
                        // A subscriber keeps it there until its turn, and gives nothing up.
                        Effect::Buried { reason, .. } if only_waits(reason) => judge.judged(),
                        Effect::Buried { consumer, message, reason } => {
                            judge.judged();
                            let is_excused = self.external_refused
                                || self.is_restored
                                || self.poisoned.contains(message)
                                || consumer.ends_with(REJECTED_LETTERS) && self.rejected.contains(message)
                                || waits_for_turn(reason) && self.may_stand_behind();
                            if !is_excused {
                                judge.violate(
                                    *message,
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
            What::Publish { message, outcome: Outcome::Rejected, why } => {
                self.meet(message);
                let Message { kind, subject, .. } = &**message;
                let because = if why.is_empty() { String::new() } else { format!(" because {why}") };
                let what = format!("`{kind}` of `{subject}`{because}");
                self.unasked.insert(message.id, Unasked { what, number: event.number });
            }
            What::Publish { message, .. } => self.meet(message),
            What::Settle { store, rows, .. } => {
                for (at, row) in rows.iter().enumerate() {
                    match judge.settled(at) {
                        Some((message, Settled::Dispatched)) => {
                            judge.judged();
                            self.refused.remove(&message);
                            self.unasked.remove(&message);
                        }
                        Some((message, Settled::Dead)) => {
                            let row = || format!("row {} of `{store}`", row.row.0);
                            self.give_up(message, &row, None, event.number, judge);
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
}
