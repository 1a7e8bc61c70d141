use std::sync::Arc;

use seaworthy_core::{ids::MessageId, message::Message, ports::SubscriptionSpec};
use smol_str::SmolStr;

use super::{
    Interest, Invariant, Judge, Lookup, Mode, groups::Groups, name_numbers::NameNumbers, practice::Practice,
    rows::Settled,
};
use crate::trace::{Effect, Event, SettledAs, What};

/// `per-key-order`: each consumer group deals with the messages of one key in the order in which one store committed
/// them.
///
/// What counts is the first time that a group deals with a message: it handles it, buries it, or acknowledges it, where it
/// has handled none of that type in an inbox so far: with an inbox an acknowledgement alone is not yet the effect. Later deliveries may come in any order. A gap is allowed: a message that never comes is another
/// invariant's business, and a message whose outbox row died and was redriven comes late by an operator's decision.
/// A message that is not to be published before some moment has no place in the order.
/// A relay that publishes unordered breaks this on purpose: leave the invariant out then.
///
/// State: one entry for each message that some group has not dealt with yet, and one for each of their keys.
#[derive(Debug)]
pub struct PerKeyOrder {
    groups: Groups,
    stores: NameNumbers,
    staged: u64,
    waiting: Lookup<MessageId, Waiting>,
    keys: Lookup<(u16, SmolStr), Key>,
    /// Types of messages that a group handles in an inbox.
    handled: Vec<(usize, SmolStr)>,
}

#[derive(Debug)]
struct Waiting {
    ordinal: u64,
    missing: u64,
    number: u64,
    kind: SmolStr,
    key: (u16, SmolStr),
}

#[derive(Debug, Default)]
struct Key {
    waiting: u32,
    /// For each group that has dealt with one of its messages, the latest by commit order.
    latest: Vec<Latest>,
}

#[derive(Clone, Debug)]
struct Latest {
    group: usize,
    ordinal: u64,
    kind: SmolStr,
    number: u64,
}

impl PerKeyOrder {
    /// The invariant at the start of a run with these consumer groups.
    pub fn new(groups: &[SubscriptionSpec]) -> Self {
        Self {
            groups: Groups::new(groups),
            stores: NameNumbers::default(),
            staged: 0,
            waiting: Lookup::new(),
            keys: Lookup::new(),
            handled: Vec::new(),
        }
    }

    /// Says that `group` handles messages under the consumer name `consumer` in its inbox. Without this the consumer is
    /// taken to have the group's name.
    #[must_use]
    pub fn consumer(mut self, group: &str, consumer: &str) -> Self {
        self.groups.rename(group, consumer);
        self
    }

    fn stage(&mut self, store: &SmolStr, message: &Message, number: u64, judge: &mut Judge<'_>) {
        if message.schedule.not_before.is_some() {
            // It has no place in the order of its key.
            return;
        }
        let missing = self.groups.bound_to(&message.topic);
        if missing == 0 {
            return;
        }
        self.staged += 1;
        let key = (self.stores.number(store), message.partition_key.clone());
        let under_way = self.keys.get_or_insert_with(key.clone(), Key::default);
        if under_way.waiting > 0 {
            judge.met();
        }
        under_way.waiting += 1;
        let waiting = Waiting { ordinal: self.staged, missing, number, kind: message.kind.clone(), key };
        self.waiting.insert(message.id, waiting);
    }

    /// A group has dealt with a message, or has acknowledged it only.
    fn deal(&mut self, group: Option<usize>, message: MessageId, only_acked: bool, number: u64, judge: &mut Judge<'_>) {
        let Some(group) = group else { return };
        let Some(waiting) = self.waiting.get_mut(&message) else { return };
        if waiting.missing & (1 << group) == 0 {
            return;
        }
        match (only_acked, self.handled.iter().any(|(by, kind)| *by == group && *kind == waiting.kind)) {
            // Its effect comes, and in what order is to be seen.
            (true, true) => return,
            (false, false) => self.handled.push((group, waiting.kind.clone())),
            _ => {}
        }
        waiting.missing &= !(1 << group);
        let is_over = waiting.missing == 0;
        let Some(key) = self.keys.get_mut(&waiting.key) else { return };
        let mine = Latest { group, ordinal: waiting.ordinal, kind: waiting.kind.clone(), number };
        match key.latest.iter_mut().find(|latest| latest.group == group) {
            None => key.latest.push(mine),
            Some(latest) => {
                judge.judged();
                if latest.ordinal > waiting.ordinal {
                    judge.violate(
                        waiting.key.1.as_str(),
                        format!(
                            "`{}` dealt with `{}` of key `{}` after `{}`, which was committed later",
                            self.groups.name(group),
                            waiting.kind,
                            waiting.key.1,
                            latest.kind
                        ),
                        vec![waiting.number, latest.number, number],
                    );
                } else {
                    *latest = mine;
                }
            }
        }
        if is_over {
            self.forget(message);
        }
    }

    fn forget(&mut self, message: MessageId) {
        let Some(waiting) = self.waiting.remove(&message) else { return };
        if let Some(key) = self.keys.get_mut(&waiting.key) {
            key.waiting -= 1;
            if key.waiting == 0 {
                // Whatever is staged for this key from now on comes later than all that the groups have seen.
                self.keys.remove(&waiting.key);
            }
        }
    }
}

impl Invariant for PerKeyOrder {
    fn name(&self) -> &'static str {
        "per-key-order"
    }

    fn mode(&self) -> Mode {
        Mode::Always
    }

    fn interest(&self) -> Interest {
        Interest::STAGED | Interest::INBOX | Interest::ACK | Interest::SETTLE | Interest::RESTORED
    }

    fn subject(&self) -> Option<&'static str> {
        Some("two messages of one key under way at a time")
    }

    fn learns(&self) -> bool {
        true
    }

    fn learn(&mut self, practice: &Arc<Practice>) {
        self.groups.learn(practice);
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        match &event.what {
            What::Commit { store, outcome, effects, .. } if outcome.took_effect() => {
                for effect in effects.iter() {
                    match effect {
                        Effect::Staged(message) => self.stage(store, message, event.number, judge),
                        Effect::Handled { consumer, message } | Effect::Buried { consumer, message, .. } => {
                            self.deal(self.groups.of_consumer(consumer), *message, false, event.number, judge);
                        }
                        effect => {
                            if let Some((message, SettledAs::Dead)) = effect.settles() {
                                self.forget(message);
                            }
                        }
                    }
                }
            }
            What::Ack { group, message, outcome, .. } if outcome.took_effect() => {
                self.deal(self.groups.of_group(group), *message, true, event.number, judge);
            }
            What::Restored { messages, .. } => messages.iter().for_each(|message| self.forget(message)),
            What::Settle { rows, .. } => {
                for at in 0..rows.len() {
                    if let Some((message, Settled::Dead)) = judge.settled(at) {
                        self.forget(message);
                    }
                }
            }
            _ => {}
        }
    }
}
