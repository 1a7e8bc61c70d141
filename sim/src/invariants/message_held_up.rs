use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use seaworthy_core::{ids::MessageId, message::Message, ports::SubscriptionSpec};
use smol_str::SmolStr;

use super::{
    Interest, Invariant, Judge, Mode, groups::Groups, messages::GroupSets, name_numbers::hash, rows_held_up::RowsHeldUp,
};
use crate::{
    plan::FaultKind,
    trace::{Event, ProcessIndex, VirtualTime, What, Work},
};

/// `message-held-up`: one message that can't be handled is no other's trouble.
///
/// A message of another key waits to be acknowledged by a group, while one that the plan spoils is tried there again and again:
/// its handler panics, its process dies, or its transaction conflicts, or is refused as unavailable, each time. It is found where a consumer tries in
/// place until it works, or gives the whole batch back. Not accused are what waits behind a message of its own key, and a wait in which
/// anything else went wrong: another fault, for as long as it lasts, or a death that the message did not cause.
///
/// The bound is a minute of virtual time ([`MessageHeldUp::within`]) and as long as forty port calls take for each message that
/// waits, and three tries of the other message.
///
/// The same is asked of rows of an outbox: one of another key is published before another one, which has whoever publishes it panic or
/// die, was tried more than forty times ([`MessageHeldUp::tries`]). It is found where rows that were claimed together share what becomes of one of them.
///
/// State: two bits for each message and group, and an entry for each that some group has not acknowledged or the broker has not
/// taken.
#[derive(Debug)]
pub struct MessageHeldUp {
    bound: VirtualTime,
    /// Time that the handling of a message may take in this run, and more.
    calls: VirtualTime,
    groups: Groups,
    /// Groups that have acknowledged a message, and those that have been handed it.
    acknowledged: GroupSets,
    delivered: GroupSets,
    waiting: VecDeque<Waiting>,
    spoiled: Vec<Spoiled>,
    /// Incarnations that may die of what they handle.
    poisoned: Vec<(ProcessIndex, u32)>,
    /// Numbers of the other faults of the plan that last, and the moment up to which a call may hang by one.
    lasting: BTreeSet<u32>,
    hangs_until: VirtualTime,
    /// The latest moment at which anything else went wrong, or was put right.
    calm_since: VirtualTime,
    rows: RowsHeldUp,
}

/// A message that the broker has accepted.
#[derive(Debug)]
struct Waiting {
    number: usize,
    message: MessageId,
    key: u64,
    groups: u64,
    at: VirtualTime,
    event: u64,
    told: u64,
}

/// A message that the plan spoils, and when it was tried.
#[derive(Debug)]
struct Spoiled {
    number: usize,
    key: u64,
    tries: Vec<VirtualTime>,
}

/// A minute: twelve times the visibility timeout of a broker, since a process that dies takes what it holds with it.
const BOUND: VirtualTime = 60_000_000;

/// The handling of a message has some ten calls; one of them may be held up for seventeen times as long as the others.
const CALLS: u64 = 40;

/// Longest time that a call which the plan has hang is waited for.
const HANG: VirtualTime = crate::plan::HANG_MS as VirtualTime * 1_000;

/// Tries of the other message that there have to be.
const TRIES: usize = 3;

impl MessageHeldUp {
    /// The invariant for these groups at the start of a run.
    pub fn new(groups: &[SubscriptionSpec]) -> Self {
        Self {
            bound: BOUND,
            calls: 0,
            groups: Groups::new(groups),
            acknowledged: GroupSets::new(groups.len()),
            delivered: GroupSets::new(groups.len()),
            waiting: VecDeque::new(),
            spoiled: Vec::new(),
            poisoned: Vec::new(),
            lasting: BTreeSet::new(),
            hangs_until: 0,
            calm_since: 0,
            rows: RowsHeldUp::new(),
        }
    }

    /// Sets for how many tries of another one, which can't be published, a row may wait.
    #[must_use]
    pub fn tries(mut self, most: u32) -> Self {
        self.rows.tries(most);
        self
    }

    /// Sets how long a message may wait beside one that can't be handled, in virtual time.
    #[must_use]
    pub fn within(mut self, bound: Duration) -> Self {
        self.bound = bound.as_micros() as u64;
        self
    }

    fn accept(&mut self, message: &Message, event: &Event, judge: &mut Judge<'_>) {
        let (number, groups) = (judge.message(message.id), self.groups.bound_to(&message.topic));
        let (key, at, event) = (hash(&message.partition_key), event.at, event.number);
        if groups != 0 {
            self.waiting.push_back(Waiting { number, message: message.id, key, groups, at, event, told: 0 });
        }
    }

    fn acknowledge(&mut self, group: &SmolStr, message: MessageId, judge: &mut Judge<'_>) {
        let Some(group) = self.groups.of_group(group) else { return };
        let number = judge.message(message);
        self.acknowledged.add(number, group);
        while let Some(first) = self.waiting.front()
            && first.groups & !self.acknowledged.of(first.number) == 0
        {
            self.waiting.pop_front();
        }
    }

    /// An attempt at a message was spoiled: says who waits although nothing else is wrong.
    fn spoil(&mut self, message: MessageId, event: &Event, judge: &mut Judge<'_>) {
        if !self.lasting.is_empty() || event.at < self.hangs_until {
            self.disturb(event.at);
        }
        let Self { bound, calls, groups, acknowledged, delivered, waiting, spoiled, poisoned, calm_since, .. } = self;
        judge.judged();
        let number = judge.message(message);
        let Some(at) = spoiled.iter().position(|known| known.number == number).or_else(|| {
            let key = waiting.iter().find(|waiting| waiting.number == number)?.key;
            spoiled.push(Spoiled { number, key, tries: Vec::new() });
            Some(spoiled.len() - 1)
        }) else {
            return;
        };
        spoiled[at].tries.push(event.at);
        let whose = (event.process, event.incarnation);
        if !poisoned.contains(&whose) {
            poisoned.push(whose);
        }
        let of_groups = delivered.of(number);
        let (spoiled_key, tries) = (spoiled[at].key, &spoiled[at].tries);
        let bound = *bound + *calls * (1 + waiting.len() as u64);
        let mut keys = BTreeSet::new();
        for waits in waiting.iter_mut().take_while(|waits| waits.at + bound < event.at) {
            let open = waits.groups & !acknowledged.of(waits.number);
            // Behind the first of its key all others wait for that one.
            if open == 0 || !keys.insert((waits.key, open)) || waits.key == spoiled_key {
                continue;
            }
            let (held_up, since) = (open & of_groups & !waits.told, waits.at.max(*calm_since));
            let tried = tries.iter().filter(|tried| **tried > since).count();
            if held_up == 0 || since + bound >= event.at || tried < TRIES {
                continue;
            }
            waits.told |= held_up;
            let group = groups.name(held_up.trailing_zeros() as usize);
            let seconds = (event.at - waits.at) / 1_000_000;
            let sentence = format!(
                "a message waited {seconds} s for `{group}`, while nothing was wrong but another message of another key, which \
                 was tried again and again"
            );
            judge.violate(waits.message, sentence, vec![waits.event, event.number]);
        }
    }

    /// Another fault has struck: one at a call, or the first time one that lasts.
    fn fault(&mut self, index: u32, kind: FaultKind, is_at_call: bool, at: VirtualTime) {
        if !is_at_call {
            self.lasting.insert(index);
        }
        if kind == FaultKind::Hang {
            self.hangs_until = at + HANG;
        }
        self.disturb(at);
    }

    fn disturb(&mut self, at: VirtualTime) {
        self.calm_since = at;
        self.spoiled.iter_mut().for_each(|spoiled| spoiled.tries.clear());
    }
}

impl Invariant for MessageHeldUp {
    fn name(&self) -> &'static str {
        "message-held-up"
    }

    fn mode(&self) -> Mode {
        Mode::Always
    }

    fn interest(&self) -> Interest {
        Interest::STAGED
            | Interest::PUBLISH
            | Interest::DELIVER
            | Interest::ACK
            | Interest::FAULT
            | Interest::SETTLE
            | Interest::PHASE
            | Interest::PROCESS
            | Interest::RESTORED
    }

    fn subject(&self) -> Option<&'static str> {
        Some("a message whose handling, or whose publish, fails at each attempt")
    }

    fn pace(&mut self, longest_call: Duration) {
        self.calls = longest_call.as_micros() as u64 * CALLS;
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        self.rows.observe(event, judge);
        match &event.what {
            What::Commit { .. } => {}
            What::Publish { message, outcome, .. } => {
                if outcome.took_effect() {
                    self.accept(message, event, judge);
                }
            }
            What::Deliver { group, message, .. } => {
                if let Some(group) = self.groups.of_group(group) {
                    self.delivered.add(judge.message(message.id), group);
                }
            }
            What::Ack { group, message, outcome, .. } => {
                if outcome.took_effect() {
                    self.acknowledge(group, *message, judge);
                }
            }
            What::Spoils { what: Work::Message(message), .. } => self.spoil(*message, event, judge),
            What::Spoils { .. } | What::Caught { .. } => {}
            What::Fault {
                kind: FaultKind::Poison | FaultKind::EndlessConflict | FaultKind::EndlessUnavailable,
                ..
            } => {}
            What::Fault { index, kind, point } => self.fault(*index, *kind, point.is_some(), event.at),
            What::FaultOver { index } => {
                self.lasting.remove(index);
                self.disturb(event.at);
            }
            What::Healed => {
                (self.lasting, self.hangs_until) = (BTreeSet::new(), 0);
                self.disturb(event.at);
            }
            // A process that dies of the message comes back.
            What::Crash | What::Panic { .. } if self.poisoned.contains(&(event.process, event.incarnation)) => {}
            What::Boot { .. } if self.poisoned.contains(&(event.process, event.incarnation.wrapping_sub(1))) => {}
            _ => self.disturb(event.at),
        }
    }
}
