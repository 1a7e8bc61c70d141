//! One consumer group's queue: a pure state machine that is told the time.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use seaworthy_core::{
    message::Message,
    ports::{Delivery, DeliveryTag, Timestamp},
};
use smol_str::SmolStr;

/// Which member of the group.
pub(super) type Member = u64;

/// Messages of a group that are not acknowledged, each key's in the order in which they were accepted.
///
/// Only the first message of a key is ever ready, resting or out; the others wait behind it.
#[derive(Default)]
pub(super) struct Queue {
    entries: BTreeMap<u64, Entry>,
    keys: BTreeMap<SmolStr, VecDeque<u64>>,
    /// Heads that may go out now, oldest first.
    ready: BTreeSet<u64>,
    /// Heads that were given back and rest until a moment.
    resting: BTreeSet<(Timestamp, u64)>,
    out: BTreeMap<DeliveryTag, Out>,
    /// When the visibility of what is out ends.
    ends: BTreeSet<(Timestamp, DeliveryTag)>,
    accepted: u64,
}

struct Entry {
    message: Message,
    deliveries: u32,
}

struct Out {
    number: u64,
    member: Member,
    until: Timestamp,
}

impl Queue {
    /// How many messages wait, rest or are out.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn accept(&mut self, message: Message) {
        self.accepted += 1;
        let number = self.accepted;
        let key = self.keys.entry(message.partition_key.clone()).or_default();
        key.push_back(number);
        if key.len() == 1 {
            self.ready.insert(number);
        }
        self.entries.insert(number, Entry { message, deliveries: 0 });
    }

    /// Hands out up to `max` messages, at most one of each key.
    pub(super) fn take(
        &mut self,
        member: Member,
        max: usize,
        now: Timestamp,
        visibility: Duration,
        tags: &mut u64,
    ) -> Vec<Delivery> {
        self.wake(now);
        let mut taken = Vec::new();
        while taken.len() < max {
            let Some(number) = self.ready.pop_first() else { break };
            let Some(entry) = self.entries.get_mut(&number) else { continue };
            *tags += 1;
            let (tag, until) = (DeliveryTag(*tags), now + visibility);
            taken.push(Delivery { tag, redeliveries: entry.deliveries, message: entry.message.clone() });
            entry.deliveries = entry.deliveries.saturating_add(1);
            self.out.insert(tag, Out { number, member, until });
            self.ends.insert((until, tag));
        }
        taken
    }

    /// Forgets a delivered message. `false` if the delivery is not out any more.
    pub(super) fn acknowledge(&mut self, tag: DeliveryTag, now: Timestamp) -> bool {
        self.wake(now);
        let Some(number) = self.take_back(tag) else { return false };
        let Some(entry) = self.entries.remove(&number) else { return false };
        if let Some(key) = self.keys.get_mut(&entry.message.partition_key) {
            key.pop_front();
            match key.front() {
                Some(next) => drop(self.ready.insert(*next)),
                None => drop(self.keys.remove(&entry.message.partition_key)),
            }
        }
        true
    }

    /// Puts a delivered message back to the front of its key, after `delay`. `false` if it is not out any more.
    pub(super) fn give_back(&mut self, tag: DeliveryTag, delay: Duration, now: Timestamp) -> bool {
        self.wake(now);
        let Some(number) = self.take_back(tag) else { return false };
        if delay.is_zero() {
            self.ready.insert(number);
        } else {
            self.resting.insert((now + delay, number));
        }
        true
    }

    /// Puts everything back that a member has out.
    pub(super) fn leave(&mut self, member: Member) {
        let held: Vec<DeliveryTag> =
            self.out.iter().filter(|(_, out)| out.member == member).map(|(tag, _)| *tag).collect();
        for tag in held {
            let number = self.take_back(tag);
            self.ready.extend(number);
        }
    }

    /// When the next message becomes ready by the passing of time alone.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        let rested = self.resting.first().map(|(at, _)| *at);
        let ended = self.ends.first().map(|(at, _)| *at);
        rested.into_iter().chain(ended).min()
    }

    /// Makes ready what has rested long enough, and what is out for too long.
    fn wake(&mut self, now: Timestamp) {
        while let Some((at, number)) = self.resting.first().copied().filter(|(at, _)| *at <= now) {
            self.resting.remove(&(at, number));
            self.ready.insert(number);
        }
        while let Some((_, tag)) = self.ends.first().copied().filter(|(at, _)| *at <= now) {
            let number = self.take_back(tag);
            self.ready.extend(number);
        }
    }

    fn take_back(&mut self, tag: DeliveryTag) -> Option<u64> {
        let out = self.out.remove(&tag)?;
        self.ends.remove(&(out.until, tag));
        Some(out.number)
    }
}
