use std::sync::Arc;

use seaworthy_core::{ids::MessageId, ports::SubscriptionSpec};
use smol_str::SmolStr;

use super::{
    Interest, Invariant, Judge, Mode, brief::Brief, groups::Groups, messages::ByMessage, name_numbers::NameNumbers,
    practice::Practice,
};
use crate::{
    plan::FaultKind,
    trace::{Event, What},
};

/// `acknowledged-before-handled`: a consumer group that handles a type of message in an inbox told the broker of success
/// before there was any.
///
/// A crash between the two loses the message; this tells it also in a run in which nothing crashed. A group handles a
/// type if it was learnt from runs without a fault that it handles each of them ([`Practice`]); and a message that it
/// acknowledges first and handles later shows by itself that it was too early. A dead letter is handled as well. A message that
/// [expires](seaworthy_core::message::Schedule::expires) may be acknowledged unhandled: then nobody needs it. Once clocks have
/// [differed](FaultKind::ClockSkew), another delivery of it may be handled later, by one to which it has not expired.
///
/// State: one small entry for each message and group that was handled or acknowledged. None is ever forgotten, because a
/// message may be acknowledged again at any time.
#[derive(Debug)]
pub struct AcknowledgedBeforeHandled {
    groups: Groups,
    practice: Arc<Practice>,
    /// For each group.
    seen: Vec<ByMessage<Option<Seen>>>,
    kinds: NameNumbers,
    /// The kind of each message that was delivered and does not expire.
    kind_of: ByMessage<Option<u16>>,
    /// Messages that were delivered and expire.
    expires: ByMessage<bool>,
    /// Not all clocks have said the same at all times.
    clocks_differ: bool,
}

#[derive(Clone, Copy, Debug)]
enum Seen {
    Handled,
    Acked { at: Brief, is_told: bool },
}

impl AcknowledgedBeforeHandled {
    /// The invariant at the start of a run with these consumer groups.
    pub fn new(groups: &[SubscriptionSpec]) -> Self {
        Self {
            groups: Groups::new(groups),
            practice: Arc::default(),
            seen: groups.iter().map(|_| ByMessage::default()).collect(),
            kinds: NameNumbers::default(),
            kind_of: ByMessage::default(),
            expires: ByMessage::default(),
            clocks_differ: false,
        }
    }

    /// Says that `group` handles messages under the consumer name `consumer` in its inbox. Without this the name is
    /// learnt, or else taken to be the group's.
    #[must_use]
    pub fn consumer(mut self, group: &str, consumer: &str) -> Self {
        self.groups.rename(group, consumer);
        self
    }

    fn ack(&mut self, group: usize, message: MessageId, number: u64, judge: &mut Judge<'_>) {
        let name = self.groups.name(group);
        let index = judge.message(message);
        if self.clocks_differ && *self.expires.of(index) {
            return;
        }
        let kind = self.kind_of.of(index).map(|kind| self.kinds.name(kind));
        let handles = kind.and_then(|kind| self.practice.handles(name, kind)) == Some(true);
        if handles {
            judge.judged();
        }
        let seen = self.seen[group].of(index);
        if seen.is_some() {
            return;
        }
        *seen = Some(Seen::Acked { at: Brief::new(number), is_told: handles });
        if handles {
            let sentence = format!("`{name}` acknowledged a message that it had not handled");
            judge.violate(message, sentence, vec![number]);
        }
    }

    fn handle(&mut self, consumer: &SmolStr, message: MessageId, number: u64, judge: &mut Judge<'_>) {
        let Some(group) = self.groups.of_consumer(consumer) else { return };
        judge.judged();
        let seen = self.seen[group].of(judge.message(message));
        if let Some(Seen::Acked { at, is_told: false }) = seen.replace(Seen::Handled) {
            let sentence = format!("`{}` acknowledged a message before it handled it", self.groups.name(group));
            judge.violate(message, sentence, vec![at.number(), number]);
        }
    }
}

impl Invariant for AcknowledgedBeforeHandled {
    fn name(&self) -> &'static str {
        "acknowledged-before-handled"
    }

    fn mode(&self) -> Mode {
        Mode::Always
    }

    fn interest(&self) -> Interest {
        Interest::INBOX | Interest::DELIVER | Interest::ACK | Interest::FAULT
    }

    fn subject(&self) -> Option<&'static str> {
        Some("a message handled in the inbox of a consumer group")
    }

    fn learns(&self) -> bool {
        true
    }

    fn learn(&mut self, practice: &Arc<Practice>) {
        self.groups.learn(practice);
        self.practice = practice.clone();
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        match &event.what {
            What::Fault { kind: FaultKind::ClockSkew, .. } => self.clocks_differ = true,
            What::Deliver { message, .. } if message.schedule.expires.is_some() => {
                *self.expires.of(judge.message(message.id)) = true;
            }
            What::Deliver { message, .. } => {
                let kind_of = self.kind_of.of(judge.message(message.id));
                if kind_of.is_none() {
                    *kind_of = Some(self.kinds.number(&message.kind));
                }
            }
            What::Commit { outcome, effects, .. } if outcome.took_effect() => {
                for effect in effects.iter() {
                    if let Some((consumer, message)) = effect.concludes() {
                        self.handle(consumer, message, event.number, judge);
                    }
                }
            }
            What::Ack { group, message, outcome, .. } if outcome.took_effect() => {
                if let Some(group) = self.groups.of_group(group) {
                    self.ack(group, *message, event.number, judge);
                }
            }
            _ => {}
        }
    }
}
