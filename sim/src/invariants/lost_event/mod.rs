mod habits;
mod handlings;

use std::sync::Arc;

use seaworthy_core::{ids::MessageId, message::Message, ports::SubscriptionSpec};
use smol_str::SmolStr;

use self::{habits::Habits, handlings::Handlings};
use super::{Ending, Interest, Invariant, Judge, Lookup, Mode, groups::Groups, practice::Practice, rows::Settled};
use crate::trace::{Effect, Event, SettledAs, What};

/// `lost-event`: once the run has come to rest, every committed event has reached every consumer group that is bound to
/// its topic, or is dead with a reason.
///
/// An event has reached a group that uses an inbox when it was handled there or became a dead letter: an
/// acknowledgement alone is what the broker believes, and a consumer that acknowledges before it commits loses events.
/// Whether a group uses an inbox for a type of event, and under which name, is learnt from runs without a fault
/// ([`Practice`]). What was not seen there shows in the run itself, by the handling of one of that type under the group's
/// own name; [`LostEvent::handles`] and [`LostEvent::consumer`] say it beforehand. Where there is no inbox, or the consumer
/// ignores the type or some of it, the acknowledgement is all there is, and it counts.
///
/// An event is known by its id from where it is first seen: one that is published before it is staged (an outbox that is
/// only a fallback) and handled meanwhile is not lost.
///
/// Where stores are put back ([`LostEvent::restored`]), what a group has handled stays handled, unless its own store was put back to a
/// copy of before: an event that is staged once more under its id, after it was lost with the store of whoever sends it, need not be
/// handled again by a group that has seen it.
///
/// State: one entry for each event that some group has not dealt with yet, and one for each that was published and never
/// staged; where stores are put back, one for each event that was handled.
#[derive(Debug)]
pub struct LostEvent {
    groups: Groups,
    habits: Habits,
    open: Lookup<MessageId, OpenMessage>,
    early: Lookup<MessageId, Early>,
    /// Kept only where stores are put back.
    handlings: Option<Handlings>,
}

/// State of a message that was published before any commit staged it.
#[derive(Debug)]
struct Early {
    kind: SmolStr,
    published: u64,
    handled: u64,
    acked: u64,
}

#[derive(Debug)]
struct OpenMessage {
    kind: SmolStr,
    subject: SmolStr,
    missing: u64,
    acked: u64,
    is_dead: bool,
    staged: u64,
    published: Option<u64>,
    last_ack: Option<u64>,
}

impl LostEvent {
    /// The invariant at the start of a run with these consumer groups.
    pub fn new(groups: &[SubscriptionSpec]) -> Self {
        let groups = Groups::new(groups);
        Self { groups, habits: Habits::default(), open: Lookup::new(), early: Lookup::new(), handlings: None }
    }

    /// Says that stores may be put back to an earlier moment: it remembers what each group has handled.
    #[must_use]
    pub fn restored(mut self) -> Self {
        self.handlings = Some(Handlings::default());
        self
    }

    /// Says that `group` handles events of these types in an inbox, so that an acknowledgement is never enough for
    /// them, not even in a run in which it handles none.
    #[must_use]
    pub fn handles(mut self, group: &str, kinds: &[&str]) -> Self {
        if let Some(group) = self.groups.of_group(group) {
            for kind in kinds {
                self.habits.of(&self.groups, group, &SmolStr::from(*kind)).is_to_handle_all();
            }
        }
        self
    }

    /// Says that `group` handles messages under the consumer name `consumer` in its inbox. Without this the consumer is
    /// taken to have the group's name.
    #[must_use]
    pub fn consumer(mut self, group: &str, consumer: &str) -> Self {
        self.groups.rename(group, consumer);
        self
    }

    fn stage(&mut self, message: &Message, number: u64, judge: &mut Judge<'_>) {
        if message.schedule.expires.is_some() {
            // Nobody has to get it.
            return;
        }
        let bound = self.groups.bound_to(&message.topic);
        if bound != 0 {
            judge.met();
        }
        if let Some(open) = self.open.get_mut(&message.id) {
            // A second message of the id is another invariant's business; what the first one lacks, it still lacks.
            open.missing |= bound;
            return;
        }
        let early = self.early.remove(&message.id);
        let known = self.handlings.as_ref().map_or(0, |handlings| handlings.known(message.id));
        let missing = bound & !early.as_ref().map_or(0, |early| early.handled) & !known;
        if missing == 0 {
            if bound != 0 {
                judge.judged();
            }
            return;
        }
        let open = OpenMessage {
            kind: message.kind.clone(),
            subject: message.subject.clone(),
            missing,
            acked: early.as_ref().map_or(0, |early| early.acked),
            is_dead: false,
            staged: number,
            published: early.map(|early| early.published),
            last_ack: None,
        };
        self.open.insert(message.id, open);
    }

    /// The broker has taken a message. One that nobody staged so far may be staged later, as a fallback.
    fn publish(&mut self, message: &Message, number: u64) {
        match self.open.get_mut(&message.id) {
            Some(open) => _ = open.published.get_or_insert(number),
            None => {
                let early = || Early { kind: message.kind.clone(), published: number, handled: 0, acked: 0 };
                self.early.get_or_insert_with(message.id, early);
            }
        }
    }

    /// The group has dealt with the message.
    fn close(&mut self, group: usize, message: MessageId, judge: &mut Judge<'_>) {
        let Some(open) = self.open.get_mut(&message) else { return };
        open.missing &= !(1 << group);
        if open.missing == 0 {
            self.open.remove(&message);
            judge.judged();
        }
    }

    fn handle(
        &mut self,
        consumer: &SmolStr,
        message: MessageId,
        (store, number): (&SmolStr, u64),
        judge: &mut Judge<'_>,
    ) {
        let Some(group) = self.groups.of_consumer(consumer) else { return };
        if let Some(handlings) = &mut self.handlings {
            handlings.add(message, group, store.clone(), number);
        }
        let kind = match (self.open.get(&message), self.early.get_mut(&message)) {
            (Some(open), _) => open.kind.clone(),
            (None, Some(early)) => {
                early.handled |= 1 << group;
                early.kind.clone()
            }
            (None, None) => return,
        };
        self.habits.of(&self.groups, group, &kind).handles_one();
        self.close(group, message, judge);
    }

    fn ack(&mut self, group: &SmolStr, message: MessageId, number: u64, judge: &mut Judge<'_>) {
        let Some(group) = self.groups.of_group(group) else { return };
        let Some(open) = self.open.get_mut(&message) else {
            if let Some(early) = self.early.get_mut(&message) {
                early.acked |= 1 << group;
            }
            return;
        };
        if open.missing & (1 << group) == 0 {
            return;
        }
        open.acked |= 1 << group;
        open.last_ack = Some(number);
        let kind = open.kind.clone();
        if self.habits.of(&self.groups, group, &kind).ends_with_ack() {
            self.close(group, message, judge);
        }
    }

    fn set_dead(&mut self, message: MessageId, is_dead: bool) {
        if let Some(open) = self.open.get_mut(&message) {
            open.is_dead = is_dead;
        }
    }

    fn commit(&mut self, store: &SmolStr, effects: &[Effect], number: u64, judge: &mut Judge<'_>) {
        for effect in effects {
            match effect {
                Effect::Staged(message) => self.stage(message, number, judge),
                Effect::Handled { consumer, message } | Effect::Buried { consumer, message, .. } => {
                    self.handle(consumer, *message, (store, number), judge);
                }
                effect => {
                    if let Some((message, settled)) = effect.settles() {
                        self.set_dead(message, settled == SettledAs::Dead);
                    }
                }
            }
        }
    }
}

impl Invariant for LostEvent {
    fn name(&self) -> &'static str {
        "lost-event"
    }

    fn mode(&self) -> Mode {
        Mode::Eventually
    }

    fn interest(&self) -> Interest {
        Interest::STAGED
            | Interest::INBOX
            | Interest::CLAIMED
            | Interest::SETTLE
            | Interest::PUBLISH
            | Interest::ACK
            | Interest::RESTORED
    }

    fn subject(&self) -> Option<&'static str> {
        Some("a message staged for a consumer group")
    }

    fn learns(&self) -> bool {
        true
    }

    fn learn(&mut self, practice: &Arc<Practice>) {
        self.groups.learn(practice);
        self.habits.learn(practice);
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        match &event.what {
            What::Commit { store, outcome, effects, .. } if outcome.took_effect() => {
                self.commit(store, effects, event.number, judge);
            }
            What::Claim { rows, outcome, .. } if outcome.took_effect() => {
                for row in rows.iter() {
                    self.set_dead(row.message, false);
                }
            }
            What::Settle { rows, .. } => {
                for at in 0..rows.len() {
                    if let Some((message, Settled::Dead)) = judge.settled(at) {
                        self.set_dead(message, true);
                    }
                }
            }
            What::Publish { message, outcome, .. } if outcome.took_effect() => self.publish(message, event.number),
            What::Ack { group, message, outcome, .. } if outcome.took_effect() => {
                self.ack(group, *message, event.number, judge);
            }
            // What was staged in a store that was put back is lost with it, and nobody's fault.
            What::Restored { store, since, messages, .. } => {
                messages.iter().for_each(|message| _ = self.open.remove(&message));
                if let Some(handlings) = &mut self.handlings {
                    handlings.put_back(store.clone(), *since, event.number);
                }
            }
            _ => {}
        }
    }

    fn conclude(&mut self, ending: Ending, judge: &mut Judge<'_>) {
        if ending == Ending::OutOfBudget {
            return;
        }
        let open = std::mem::take(&mut self.open);
        for (id, open) in open.sorted() {
            judge.judged();
            if open.is_dead {
                continue;
            }
            for group in 0..self.groups.len() {
                let acked = open.acked & (1 << group) != 0;
                let is_missing = open.missing & (1 << group) != 0;
                if !is_missing || (acked && !self.habits.of(&self.groups, group, &open.kind).handles_all()) {
                    continue;
                }
                let name = self.groups.name(group);
                let how = if open.published.is_none() {
                    format!("never reached the broker, so `{name}` never saw it")
                } else if open.acked & (1 << group) != 0 {
                    format!("was acknowledged by `{name}` and never handled")
                } else {
                    format!("was accepted by the broker and never handled by `{name}`")
                };
                let events = [Some(open.staged), open.published, open.last_ack];
                judge.violate(
                    *id,
                    format!("`{}` of `{}` was committed and lost: it {how}", open.kind, open.subject),
                    events.into_iter().flatten().collect(),
                );
            }
        }
    }
}
