use seaworthy_core::{
    ids::{MessageId, SagaId},
    message::Message,
    ports::SagaStatus,
};
use smol_str::SmolStr;

use super::{
    Deeds, Handling,
    hands::{Hands, InHand},
    work::{Detail, Kind, Unit, Work},
    works::Works,
};
use crate::{
    invariants::{
        Interest, Lookup,
        messages::{ByMessage, Messages},
        name_numbers::NameNumbers,
    },
    trace::{Effect, Event, ProcessIndex, What},
};

/// Deeds of a run, by the request or delivery that they belong to.
///
/// A process has a request in hand from taking it to answering it, and a delivery from receiving it to acknowledging it
/// or giving it back. What it does meanwhile is taken to be done for whatever it has in hand; a commit that writes an
/// inbox row is for that message and nothing else, and so is a message that names what caused it. A piece of work that
/// comes again, to the same process or to another, is the same piece of work.
///
/// State: that of [`Works`], and what each process has in hand.
#[derive(Debug, Default)]
pub(in crate::invariants) struct Doings {
    pub(in crate::invariants) deeds: Deeds,
    groups: NameNumbers,
    kinds: NameNumbers,
    operations: NameNumbers,
    staged: ByMessage<bool>,
    works: Works,
    hands: Hands,
    /// Positions of the pieces of work that a saga which has not ended was begun for, if further knowledge was asked for.
    sagas: Lookup<SagaId, Vec<u32>>,
    /// Deeds of processes that had nothing in hand: a heartbeat, a poller of one's own.
    pub(super) idle: u64,
    /// Only what is done for one piece of work beyond doubt counts.
    is_careful: bool,
}

impl Doings {
    /// Returns the events that it wants to see.
    pub(in crate::invariants) fn interest() -> Interest {
        Interest::PROCESS
            | Interest::REQUEST
            | Interest::SUBSCRIPTION
            | Interest::DELIVER
            | Interest::ACK
            | Interest::NACK
            | Interest::COMMIT
            | Interest::PUBLISH
            | Interest::EXTERNAL
    }

    /// At the start of a run, with the deeds that are known so far.
    pub(in crate::invariants) fn new(deeds: Deeds) -> Self {
        Self { deeds, ..Self::default() }
    }

    /// The same, for who wants to learn: what may be done for one of several pieces of work counts for none.
    pub(super) fn careful(deeds: Deeds) -> Self {
        Self { is_careful: true, ..Self::new(deeds) }
    }

    /// The same, for who wants to know more of each piece of work.
    pub(in crate::invariants) fn with_details(self) -> Self {
        Self { works: self.works.with_details(), ..self }
    }

    /// A kind of work by its names.
    pub(in crate::invariants) fn handling(&self, kind: Kind) -> Handling {
        match kind {
            Kind::Request { operation, accepted } => {
                Handling::Request { operation: self.operations.name(operation).clone(), accepted }
            }
            Kind::Message { group, kind } => {
                Handling::Message { group: self.groups.name(group).clone(), kind: self.kinds.name(kind).clone() }
            }
        }
    }

    /// The group of a number.
    pub(in crate::invariants) fn group(&self, group: u16) -> &SmolStr {
        self.groups.name(group)
    }

    /// All pieces of work, in the order in which they began.
    pub(in crate::invariants) fn works(&self) -> impl Iterator<Item = &Work> {
        self.works.iter()
    }

    /// Further knowledge of a piece of work, by its position among all of them, if it was [asked for](Self::with_details).
    pub(in crate::invariants) fn detail(&self, at: usize) -> Option<&Detail> {
        self.works.detail(at)
    }

    /// The groups, with the messages that a process has in hand for them.
    pub(super) fn in_hand(&self, process: ProcessIndex, message: MessageId) -> impl Iterator<Item = &SmolStr> {
        self.hands.of(process).iter().filter_map(move |in_hand| match in_hand.unit {
            Unit::Message(group, id) if id == message => Some(self.groups.name(group)),
            _ => None,
        })
    }

    /// Takes in one event.
    pub(in crate::invariants) fn observe(&mut self, event: &Event, messages: &mut Messages) {
        match &event.what {
            // What a process had in hand is gone; a crash itself is told after what the process did not live to hear of.
            What::Boot { .. } => self.hands.put_down(event.process, |_| true),
            What::Request { request, operation } => {
                let what = self.operations.number(operation);
                let in_hand = InHand { unit: Unit::Request(*request), tag: u64::MAX };
                self.begin(event, in_hand, what, None, messages);
            }
            What::Reply { request, accepted, outcome } => {
                let unit = Unit::Request(*request);
                self.hands.put_down(event.process, |in_hand| in_hand.unit == unit);
                if outcome.took_effect() {
                    self.works.end(unit, *accepted, event.number, messages);
                }
            }
            What::Deliver { group, tag, message, .. } => {
                let unit = Unit::Message(self.groups.number(group), message.id);
                let what = self.kinds.number(&message.kind);
                self.begin(event, InHand { unit, tag: *tag }, what, Some(&**message), messages);
            }
            What::Ack { group, tag, message, outcome } => {
                self.hands.put_down(event.process, |in_hand| in_hand.tag == *tag);
                if outcome.took_effect() {
                    let unit = Unit::Message(self.groups.number(group), *message);
                    self.works.end(unit, true, event.number, messages);
                }
            }
            What::Nack { tag, .. } => self.hands.put_down(event.process, |in_hand| in_hand.tag == *tag),
            // Whoever subscribes anew has lost what it had.
            What::Subscribe { group, .. } => {
                let group = self.groups.number(group);
                let is_of = |in_hand: &InHand| matches!(in_hand.unit, Unit::Message(one, _) if one == group);
                self.hands.put_down(event.process, is_of);
            }
            What::Commit { outcome, effects, .. } if outcome.took_effect() => self.commit(event, effects, messages),
            What::Publish { message, outcome, .. } if outcome.took_effect() => self.publish(event, message, messages),
            What::External { service, operation, outcome, .. } if outcome.took_effect() => {
                let done = self.deeds.of_call(service, operation);
                self.attribute(event, done, None, messages);
            }
            _ => {}
        }
    }

    fn commit(&mut self, event: &Event, effects: &[Effect], messages: &mut Messages) {
        let (mut done, mut handled) = (0, None);
        for effect in effects {
            done |= self.deeds.of_effect(effect);
            if let Effect::Staged(message) = effect {
                *self.staged.of(messages.number(message.id)) = true;
            } else if let Some((_, message)) = effect.concludes() {
                handled = Some(message);
            }
        }
        if done != 0 {
            self.attribute(event, done, handled, messages);
        }
        if self.works.has_details() {
            effects.iter().for_each(|effect| self.drive(event.process, effect, messages));
        }
    }

    /// Takes in what becomes of a saga that was begun for a piece of work.
    fn drive(&mut self, process: ProcessIndex, effect: &Effect, messages: &mut Messages) {
        match effect {
            Effect::SagaCreated { saga, .. } => {
                let works = self.works_in_hand(process, messages);
                self.sagas.insert(*saga, works);
            }
            Effect::SagaLogged { saga, status, .. } => {
                let Some(works) = self.sagas.get(saga).filter(|works| !works.is_empty()).cloned() else { return };
                let turns_back = matches!(status, SagaStatus::Compensating | SagaStatus::Compensated);
                let in_hand = self.works_in_hand(process, messages);
                for at in works {
                    if let Some(work) = self.works.get_mut(at as usize)
                        && work.ended.is_none()
                    {
                        work.is_left_to_saga |= turns_back || !in_hand.contains(&at);
                    }
                }
                if status.is_terminal() {
                    self.sagas.remove(saga);
                }
            }
            _ => {}
        }
    }

    /// Positions of what a process has in hand.
    fn works_in_hand(&self, process: ProcessIndex, messages: &mut Messages) -> Vec<u32> {
        let places = self.hands.of(process).iter().filter_map(|in_hand| self.works.position(in_hand.unit, messages));
        places.map(|at| at as u32).collect()
    }

    /// A message that was staged is the relay's to publish, whatever else its process has in hand.
    fn publish(&mut self, event: &Event, message: &Message, messages: &mut Messages) {
        if !*self.staged.of(messages.number(message.id)) {
            let done = self.deeds.of_message(&message.kind);
            self.attribute(event, done, message.causation_id, messages);
        }
    }

    /// Books deeds on what the process has in hand: on the message they are for, if it is known and in hand.
    fn attribute(&mut self, event: &Event, done: u64, for_message: Option<MessageId>, messages: &mut Messages) {
        let hand = self.hands.of(event.process);
        if hand.is_empty() {
            self.idle |= done;
            return;
        }
        let is_for = |in_hand: &InHand| matches!((in_hand.unit, for_message), (Unit::Message(_, id), Some(message)) if id == message);
        let is_exact = hand.iter().any(is_for);
        let is_sure = is_exact || hand.len() == 1;
        let is_doubtful = !is_sure && self.is_careful;
        for in_hand in hand.iter().filter(|in_hand| !is_exact || is_for(in_hand)) {
            let Some(at) = self.works.position(in_hand.unit, messages) else { continue };
            if let Some(work) = self.works.get_mut(at) {
                work.done |= done;
                work.surely |= if is_sure { done } else { 0 };
                work.is_doubtful |= is_doubtful;
            }
            self.works.note_deed(at, event.number);
        }
    }

    fn begin(&mut self, event: &Event, in_hand: InHand, what: u16, message: Option<&Message>, messages: &mut Messages) {
        self.works.begin(in_hand.unit, what, event.number, message, messages);
        self.hands.take(event.process, in_hand);
    }
}
