use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use seaworthy_core::{ids::MessageId, message::Message};
use smol_str::SmolStr;

use super::{
    Interest, Invariant, Judge, Mode,
    messages::ByMessage,
    name_numbers::{NameNumbers, hash},
    rows::Settled,
};
use crate::{
    plan::FaultKind,
    trace::{Effect, Event, Outcome, SettledAs, VirtualTime, What},
};

/// `topic-held-up`: one topic that is down is no other topic's trouble.
///
/// A message that was staged waits to be offered to the broker for the first time, while whoever publishes from its store
/// tries messages of another topic again and again, which the broker does not take. It is found where the relay claims
/// the oldest rows and none of them goes out: behind them nothing else ever comes up. Not accused are: a message whose key has a
/// message of the topic that is down before it, one that was given up, or one whose row is not settled, and a wait in which anything else went wrong - another fault, a death, a
/// topic of its own that is down, too.
///
/// The bound is a minute of virtual time ([`TopicHeldUp::within`]) and as long as forty port calls take, and three tries
/// of the other topic.
///
/// State: a byte for each message, and an entry for each that was not offered yet.
#[derive(Debug)]
pub struct TopicHeldUp {
    bound: VirtualTime,
    /// Time that a pass of a relay may take in this run, and more.
    calls: VirtualTime,
    stores: NameNumbers,
    topics: NameNumbers,
    known: ByMessage<Known>,
    waiting: VecDeque<Waiting>,
    /// Length at which those are taken out that were offered meanwhile.
    clear_at: usize,
    down: Vec<Down>,
    /// Messages behind which others of their key may wait, by number, each with its store and key: the broker was offered
    /// it and has not taken it, or its row is not settled, or it was given up.
    ahead: BTreeMap<usize, (u16, u64)>,
    /// Stores with rows that are claimed and settled: in others nobody waits for that.
    settling: BTreeSet<u16>,
    /// The latest moment at which anything else went wrong, or was put right.
    calm_since: VirtualTime,
}

/// Facts of a message: the number of its store, if it was staged, and whether the broker was offered it.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    store: Option<u16>,
    is_offered: bool,
}

/// A message that was staged.
#[derive(Debug)]
struct Waiting {
    number: usize,
    store: u16,
    topic: u16,
    key: u64,
    at: VirtualTime,
    event: u64,
    is_told: bool,
    message: MessageId,
}

/// A topic of which the broker takes nothing, as far as one store's relays know.
#[derive(Debug)]
struct Down {
    store: u16,
    topic: u16,
    /// Moments at which it was tried since all else has been calm.
    tries: Vec<VirtualTime>,
}

/// A minute: the lease of a relay that died with the message in hand, and three times the longest pause of the relay's
/// defaults.
const BOUND: VirtualTime = 60_000_000;

/// A pass has three calls; one of them may be held up for seventeen times as long as the others.
const CALLS: u64 = 40;

/// Least number of messages in the list of those that wait at which it is looked through.
const CLEAR_AT: usize = 256;

/// Tries of the other topic that there have to be: whoever looks less often is not held up by it.
const TRIES: usize = 3;

impl Default for TopicHeldUp {
    fn default() -> Self {
        Self::new()
    }
}

impl TopicHeldUp {
    /// The invariant at the start of a run.
    pub fn new() -> Self {
        Self {
            bound: BOUND,
            calls: 0,
            stores: NameNumbers::default(),
            topics: NameNumbers::default(),
            known: ByMessage::default(),
            waiting: VecDeque::new(),
            clear_at: CLEAR_AT,
            down: Vec::new(),
            ahead: BTreeMap::new(),
            settling: BTreeSet::new(),
            calm_since: 0,
        }
    }

    /// Sets how long a message may wait for its first publish beside a topic that is down, in virtual time.
    #[must_use]
    pub fn within(mut self, bound: Duration) -> Self {
        self.bound = bound.as_micros() as u64;
        self
    }

    fn stage(&mut self, store: &SmolStr, message: &Message, event: &Event, judge: &mut Judge<'_>) {
        if message.schedule.not_before.is_some() {
            // It waits for its moment.
            return;
        }
        let (store, number) = (self.stores.number(store), judge.message(message.id));
        self.known.of(number).store = Some(store);
        let (topic, key) = (self.topics.number(&message.topic), hash(&message.partition_key));
        let (at, event) = (event.at, event.number);
        if self.waiting.len() >= self.clear_at {
            // Behind one that is offered late, or never.
            self.waiting.retain(|waiting| !self.known.of(waiting.number).is_offered);
            self.clear_at = CLEAR_AT.max(2 * self.waiting.len());
        }
        self.waiting.push_back(Waiting { number, store, topic, key, at, event, is_told: false, message: message.id });
    }

    /// The broker was offered a message.
    fn offer(&mut self, message: &Message, outcome: Outcome, event: &Event, judge: &mut Judge<'_>) {
        let number = judge.message(message.id);
        let known = self.known.of(number);
        let Some(store) = known.store else { return };
        if !std::mem::replace(&mut known.is_offered, true) {
            judge.judged();
        }
        // Others behind the first one may have been offered long ago.
        while self.waiting.front().is_some_and(|first| self.known.of(first.number).is_offered) {
            self.waiting.pop_front();
        }
        if outcome.took_effect() && !self.settling.contains(&store) {
            self.ahead.remove(&number);
        } else {
            self.ahead.insert(number, (store, hash(&message.partition_key)));
        }
        if outcome.took_effect() && !self.down.is_empty() {
            let topic = self.topics.number(&message.topic);
            self.down.retain(|down| (down.store, down.topic) != (store, topic));
        } else if matches!(outcome, Outcome::Unavailable | Outcome::NotDoneUnheard) {
            self.fail(store, message, event.at);
            self.accuse(store, message, event, judge);
        }
    }

    /// A message was given up before the broker was offered it: others of its key may wait for whoever redrives it.
    fn give_up(&mut self, message: &MessageId, judge: &mut Judge<'_>) {
        let number = judge.message(*message);
        if let Some(dead) = self.waiting.iter().find(|waiting| waiting.number == number) {
            self.ahead.insert(number, (dead.store, dead.key));
            self.known.of(number).is_offered = true;
        }
    }

    /// A relay has said what became of so many rows.
    fn settle(&mut self, rows: usize, judge: &mut Judge<'_>) {
        for at in 0..rows {
            match judge.settled(at) {
                Some((message, Settled::Dispatched)) => _ = self.ahead.remove(&judge.message(message)),
                Some((message, Settled::Dead)) => self.give_up(&message, judge),
                _ => {}
            }
        }
    }

    fn fail(&mut self, store: u16, message: &Message, at: VirtualTime) {
        let topic = self.topics.number(&message.topic);
        let known = self.down.iter().position(|down| (down.store, down.topic) == (store, topic));
        let known = known.unwrap_or_else(|| {
            self.down.push(Down { store, topic, tries: Vec::new() });
            self.down.len() - 1
        });
        let down = &mut self.down[known];
        // A batch is one try.
        if down.tries.last() != Some(&at) {
            down.tries.push(at);
        }
    }

    /// Says who waits although nothing but another topic is down. `tried` is the message that was tried once more.
    fn accuse(&mut self, store: u16, tried: &Message, event: &Event, judge: &mut Judge<'_>) {
        let Self { down, waiting, known, calm_since, ahead, .. } = self;
        let mut keys = BTreeSet::new();
        let bound = self.bound + self.calls;
        let of_store = || down.iter().filter(|down| down.store == store);
        for waiting in waiting.iter_mut().take_while(|waiting| waiting.at + bound < event.at) {
            if waiting.store != store || known.of(waiting.number).is_offered || !keys.insert(waiting.key) {
                // Behind the first of its key all others wait for that one.
                continue;
            }
            let since = waiting.at.max(*calm_since);
            let is_out = |down: &Down| down.topic == waiting.topic;
            let waits_for_its_key = ahead.values().any(|ahead| *ahead == (store, waiting.key));
            let tries = of_store().map(|down| down.tries.iter().filter(|at| **at > since).count()).max();
            if waiting.is_told
                || since + bound >= event.at
                || tries.unwrap_or(0) < TRIES
                || of_store().any(is_out)
                || waits_for_its_key
            {
                continue;
            }
            waiting.is_told = true;
            let (topic, seconds) = (self.topics.name(waiting.topic), (event.at - waiting.at) / 1_000_000);
            judge.violate(
                waiting.message,
                format!(
                    "a message for topic `{topic}` was not offered to the broker for {seconds} s, while nothing was down but \
                     topic `{}`, which was tried again and again",
                    tried.topic
                ),
                vec![waiting.event, event.number],
            );
        }
    }

    /// Anything else goes wrong, or is put right: waits count from here on.
    fn disturb(&mut self, at: VirtualTime) {
        self.calm_since = at;
        self.down.clear();
    }
}

impl Invariant for TopicHeldUp {
    fn name(&self) -> &'static str {
        "topic-held-up"
    }

    fn mode(&self) -> Mode {
        Mode::Always
    }

    fn interest(&self) -> Interest {
        Interest::STAGED
            | Interest::PUBLISH
            | Interest::CLAIMED
            | Interest::SETTLE
            | Interest::FAULT
            | Interest::PHASE
            | Interest::PROCESS
            | Interest::RESTORED
    }

    fn subject(&self) -> Option<&'static str> {
        Some("a message that was staged and published")
    }

    fn pace(&mut self, longest_call: Duration) {
        self.calls = longest_call.as_micros() as u64 * CALLS;
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        match &event.what {
            What::Commit { store, outcome, effects, .. } if outcome.took_effect() => {
                for effect in effects.iter() {
                    match effect {
                        Effect::Staged(message) => self.stage(store, message, event, judge),
                        effect => {
                            if let Some((message, SettledAs::Dead)) = effect.settles() {
                                self.give_up(&message, judge);
                            }
                        }
                    }
                }
            }
            What::Claim { store, .. } => _ = self.settling.insert(self.stores.number(store)),
            What::Settle { rows, .. } => self.settle(rows.len(), judge),
            What::Publish { message, outcome, .. } => self.offer(message, *outcome, event, judge),
            What::Fault { kind: FaultKind::TopicOutage, .. } | What::Commit { .. } => {}
            // Rows that are gone wait for nobody.
            What::Restored { messages, .. } => {
                for message in messages.iter() {
                    let number = judge.message(message);
                    self.known.of(number).is_offered = true;
                    self.ahead.remove(&number);
                }
                self.disturb(event.at);
            }
            _ => self.disturb(event.at),
        }
    }
}
