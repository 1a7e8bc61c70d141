use std::{hash::Hasher, num::NonZeroU32};

use rustc_hash::FxHasher;
use seaworthy_core::{
    ids::{MessageId, SagaId},
    message::Message,
    ports::{SagaStatus, Timestamp},
};
use smol_str::SmolStr;

use super::{Deeds, Handling};
use crate::{
    invariants::{
        Interest, Lookup,
        brief::Brief,
        messages::{ByMessage, Messages},
        name_numbers::NameNumbers,
        pages::Pages,
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
/// State: one small entry for each request and each message of each group, since either may come again at any time; and a
/// larger one beside it where something was learnt that a run is measured by.
#[derive(Debug, Default)]
pub(in crate::invariants) struct Doings {
    pub(in crate::invariants) deeds: Deeds,
    groups: NameNumbers,
    kinds: NameNumbers,
    operations: NameNumbers,
    staged: ByMessage<bool>,
    /// Pieces of work, in the order in which they began.
    works: Pages<Work>,
    /// Further knowledge of each of them, if anybody asked for it.
    details: Option<Pages<Detail>>,
    /// Position of each request among them.
    requests: Lookup<u64, u32>,
    /// One more than the position of each message among them, for each group.
    messages: Vec<ByMessage<Option<NonZeroU32>>>,
    hands: Vec<Vec<InHand>>,
    /// Positions of the pieces of work that a saga which has not ended was begun for, if further knowledge was asked for.
    sagas: Lookup<SagaId, Vec<u32>>,
    /// Deeds of processes that had nothing in hand: a heartbeat, a poller of one's own.
    pub(super) idle: u64,
    /// Only what is done for one piece of work beyond doubt counts.
    is_careful: bool,
}

/// One piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::invariants) enum Unit {
    /// A request, by its number.
    Request(u64),
    /// A message, as one group sees it.
    Message(u16, MessageId),
}

/// A [`Handling`] in numbers: what a run asks for often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::invariants) enum Kind {
    Request { operation: u16, accepted: bool },
    Message { group: u16, kind: u16 },
}

/// Deeds for one piece of work.
#[derive(Clone, Debug)]
pub(in crate::invariants) struct Work {
    /// The group that has a message; none for a request.
    group: Option<u16>,
    /// The number of the request's operation, or of the message's type.
    what: u16,
    /// End of the work: `true` for a message or a request that was accepted. `None` if it did not end.
    ended: Option<bool>,
    /// `true` if something was done that may have been for this or for another piece of work.
    pub(super) is_doubtful: bool,
    /// Everything that was done.
    pub(in crate::invariants) done: u64,
    /// `true` if a saga that was begun for this turned back before this had ended, or was driven by a process that had not this in
    /// hand: then it took another way than in good weather, or its deeds belong to no piece of work.
    pub(in crate::invariants) is_left_to_saga: bool,
    /// Deeds for this beyond doubt: they name the message, or the process had nothing else in hand.
    pub(in crate::invariants) surely: u64,
}

/// Further knowledge of a piece of work: which it is, and the events that show it.
#[derive(Clone, Debug)]
pub(in crate::invariants) struct Detail {
    pub(in crate::invariants) unit: Unit,
    /// The event that began it.
    pub(in crate::invariants) first: Brief,
    /// The last event that did something for it.
    pub(in crate::invariants) last_deed: Option<Brief>,
    /// The event that ended it.
    pub(in crate::invariants) end: Brief,
    /// For a message, what it is about, what it says, and when it was made.
    pub(in crate::invariants) content: Option<Content>,
}

/// Remains of a message: enough to see that another one has made it needless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::invariants) struct Content {
    pub(in crate::invariants) subject: u64,
    pub(in crate::invariants) data: u64,
    pub(in crate::invariants) time: Timestamp,
}

#[derive(Clone, Copy, Debug)]
struct InHand {
    unit: Unit,
    /// The delivery; `u64::MAX` for a request.
    tag: u64,
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
        Self { details: Some(Pages::default()), ..self }
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
        self.details.as_ref()?.get(at)
    }

    /// The groups, with the messages that a process has in hand for them.
    pub(super) fn in_hand(&self, process: ProcessIndex, message: MessageId) -> impl Iterator<Item = &SmolStr> {
        let hand = self.hands.get(usize::from(process.0)).map(Vec::as_slice).unwrap_or_default();
        hand.iter().filter_map(move |in_hand| match in_hand.unit {
            Unit::Message(group, id) if id == message => Some(self.groups.name(group)),
            _ => None,
        })
    }

    /// Takes in one event.
    pub(in crate::invariants) fn observe(&mut self, event: &Event, messages: &mut Messages) {
        match &event.what {
            // What a process had in hand is gone; a crash itself is told after what the process did not live to hear of.
            What::Boot { .. } => self.put_down(event.process, |_| true),
            What::Request { request, operation } => {
                let what = self.operations.number(operation);
                let in_hand = InHand { unit: Unit::Request(*request), tag: u64::MAX };
                self.begin(event, in_hand, what, None, messages);
            }
            What::Reply { request, accepted, outcome } => {
                let unit = Unit::Request(*request);
                self.put_down(event.process, |in_hand| in_hand.unit == unit);
                if outcome.took_effect() {
                    self.end(unit, *accepted, event.number, messages);
                }
            }
            What::Deliver { group, tag, message, .. } => {
                let unit = Unit::Message(self.groups.number(group), message.id);
                let what = self.kinds.number(&message.kind);
                self.begin(event, InHand { unit, tag: *tag }, what, Some(&**message), messages);
            }
            What::Ack { group, tag, message, outcome } => {
                self.put_down(event.process, |in_hand| in_hand.tag == *tag);
                if outcome.took_effect() {
                    let unit = Unit::Message(self.groups.number(group), *message);
                    self.end(unit, true, event.number, messages);
                }
            }
            What::Nack { tag, .. } => self.put_down(event.process, |in_hand| in_hand.tag == *tag),
            // Whoever subscribes anew has lost what it had.
            What::Subscribe { group, .. } => {
                let group = self.groups.number(group);
                let is_of = |in_hand: &InHand| matches!(in_hand.unit, Unit::Message(one, _) if one == group);
                self.put_down(event.process, is_of);
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
            match effect {
                Effect::Staged(message) => *self.staged.of(messages.number(message.id)) = true,
                Effect::Handled { message, .. } | Effect::Exhumed { message, .. } | Effect::Buried { message, .. } => {
                    handled = Some(*message);
                }
                _ => {}
            }
        }
        if done != 0 {
            self.attribute(event, done, handled, messages);
        }
        if self.details.is_some() {
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
        let hand = self.hands.get(usize::from(process.0)).map(Vec::as_slice).unwrap_or_default();
        let places = hand.iter().filter_map(|in_hand| position(&self.requests, &self.messages, in_hand.unit, messages));
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
        let hand = self.hands.get(usize::from(event.process.0)).map(Vec::as_slice).unwrap_or_default();
        if hand.is_empty() {
            self.idle |= done;
            return;
        }
        let is_for = |in_hand: &InHand| matches!((in_hand.unit, for_message), (Unit::Message(_, id), Some(message)) if id == message);
        let is_exact = hand.iter().any(is_for);
        let is_sure = is_exact || hand.len() == 1;
        let is_doubtful = !is_sure && self.is_careful;
        for in_hand in hand.iter().filter(|in_hand| !is_exact || is_for(in_hand)) {
            let Some(at) = position(&self.requests, &self.messages, in_hand.unit, messages) else { continue };
            if let Some(work) = self.works.get_mut(at) {
                work.done |= done;
                work.surely |= if is_sure { done } else { 0 };
                work.is_doubtful |= is_doubtful;
            }
            if let Some(detail) = self.details.as_mut().and_then(|details| details.get_mut(at)) {
                detail.last_deed = Some(Brief::new(event.number));
            }
        }
    }

    fn begin(&mut self, event: &Event, in_hand: InHand, what: u16, message: Option<&Message>, messages: &mut Messages) {
        let fresh = self.works.len();
        let is_fresh = match in_hand.unit {
            Unit::Request(number) => *self.requests.get_or_insert_with(number, || fresh as u32) as usize == fresh,
            Unit::Message(group, id) => {
                let group = usize::from(group);
                if self.messages.len() <= group {
                    self.messages.resize_with(group + 1, ByMessage::default);
                }
                let position = self.messages[group].of(messages.number(id));
                position.is_none() && {
                    *position = NonZeroU32::new(fresh as u32 + 1);
                    true
                }
            }
        };
        if is_fresh {
            let group = match in_hand.unit {
                Unit::Request(_) => None,
                Unit::Message(group, _) => Some(group),
            };
            self.works.push(Work {
                group,
                what,
                ended: None,
                is_doubtful: false,
                done: 0,
                is_left_to_saga: false,
                surely: 0,
            });
            if let Some(details) = &mut self.details {
                details.push(Detail {
                    unit: in_hand.unit,
                    first: Brief::new(event.number),
                    last_deed: None,
                    end: Brief::new(0),
                    content: message.map(Content::from_message),
                });
            }
        }
        let index = usize::from(event.process.0);
        if self.hands.len() <= index {
            self.hands.resize_with(index + 1, Vec::new);
        }
        self.hands[index].push(in_hand);
    }

    fn end(&mut self, unit: Unit, accepted: bool, number: u64, messages: &mut Messages) {
        let Some(at) = position(&self.requests, &self.messages, unit, messages) else { return };
        if let Some(work) = self.works.get_mut(at)
            && work.ended.is_none()
        {
            work.ended = Some(accepted);
            if let Some(detail) = self.details.as_mut().and_then(|details| details.get_mut(at)) {
                detail.end = Brief::new(number);
            }
        }
    }

    fn put_down(&mut self, process: ProcessIndex, is_put_down: impl Fn(&InHand) -> bool) {
        if let Some(hand) = self.hands.get_mut(usize::from(process.0)) {
            hand.retain(|in_hand| !is_put_down(in_hand));
        }
    }
}

impl Work {
    /// Returns the kind of this work, if it has ended.
    pub(in crate::invariants) fn kind(&self) -> Option<Kind> {
        let accepted = self.ended?;
        Some(match self.group {
            None => Kind::Request { operation: self.what, accepted },
            Some(group) => Kind::Message { group, kind: self.what },
        })
    }

    /// Returns `true` for the work on a request.
    pub(in crate::invariants) fn is_of_request(&self) -> bool {
        self.group.is_none()
    }
}

/// Position of a piece of work among all of them.
fn position(
    requests: &Lookup<u64, u32>,
    numbered: &[ByMessage<Option<NonZeroU32>>],
    unit: Unit,
    messages: &mut Messages,
) -> Option<usize> {
    match unit {
        Unit::Request(number) => requests.get(&number).map(|at| *at as usize),
        Unit::Message(group, id) => {
            let after = *numbered.get(usize::from(group))?.get(messages.number(id))?;
            after.map(|after| after.get() as usize - 1)
        }
    }
}

impl Content {
    fn from_message(message: &Message) -> Self {
        let hash = |bytes: &[u8]| {
            let mut hasher = FxHasher::default();
            hasher.write(bytes);
            hasher.finish()
        };
        Self { subject: hash(message.subject.as_bytes()), data: hash(&message.data), time: message.time }
    }
}
