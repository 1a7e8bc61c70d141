use std::collections::{BTreeMap, VecDeque, hash_map::Entry};

use seaworthy_core::{
    ids::MessageId,
    message::Message,
    ports::{DeadLetter, InboxEntry, PurgeRequest, Timestamp},
};
use smol_str::SmolStr;

use crate::store::Lookup;

/// Committed inbox rows, failures, dead letters and watermarks of all consumers of a store.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    numbers: Lookup<SmolStr, u32>,
    consumers: Vec<Consumer>,
    rows: Lookup<(u32, MessageId), InboxRow>,
    failures: Lookup<(u32, MessageId), u32>,
    watermarks: Lookup<(u32, SmolStr, SmolStr), u64>,
    letters: u64,
    letter_number: u64,
}

#[derive(Debug, Default)]
struct Consumer {
    /// Handled messages by age, for the purge.
    handled: VecDeque<(Timestamp, InboxEntry)>,
    dead: BTreeMap<(Timestamp, u64), DeadLetter>,
}

/// What an inbox row says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InboxRow {
    Handled,
    /// A dead letter, and where it lies.
    Dead(Timestamp, u64),
}

/// A buffered write to the inbox.
#[derive(Debug)]
pub(super) enum InboxWrite {
    /// The message counts as handled.
    Insert(InboxEntry),
    /// Its dead letter is taken out and it counts as handled.
    Exhume(InboxEntry),
    /// One more failure.
    Fail(InboxEntry),
    /// The message becomes a dead letter.
    Bury(InboxEntry, Box<Message>, SmolStr),
}

impl InboxWrite {
    pub(super) fn entry(&self) -> &InboxEntry {
        match self {
            Self::Insert(entry) | Self::Exhume(entry) | Self::Fail(entry) | Self::Bury(entry, ..) => entry,
        }
    }
}

impl Inbox {
    /// The number that stands for a consumer in keys.
    pub(super) fn number(&mut self, consumer: &SmolStr) -> u32 {
        if let Some(number) = self.numbers.get(consumer) {
            return *number;
        }
        let number = u32::try_from(self.consumers.len()).expect("a store has fewer than 2^32 consumers");
        self.numbers.insert(consumer.clone(), number);
        self.consumers.push(Consumer::default());
        number
    }

    pub(super) fn row(&self, consumer: u32, message: MessageId) -> Option<InboxRow> {
        self.rows.get(&(consumer, message)).copied()
    }

    /// Whether a message was handled, buried, or lies at or below a watermark. A message without a sequence has no
    /// place in its producer's order, so no watermark speaks for it.
    pub(super) fn seen(&self, consumer: u32, entry: &InboxEntry) -> bool {
        self.rows.contains(&(consumer, entry.message)) || self.below_watermark(consumer, entry)
    }

    pub(super) fn below_watermark(&self, consumer: u32, entry: &InboxEntry) -> bool {
        entry.sequence > 0
            && self.watermarks.len() > 0
            && self
                .watermarks
                .get(&(consumer, entry.source.clone(), entry.key.clone()))
                .is_some_and(|mark| entry.sequence <= *mark)
    }

    pub(super) fn failures(&self, consumer: u32, message: MessageId) -> u32 {
        self.failures.get(&(consumer, message)).copied().unwrap_or(0)
    }

    pub(super) fn apply(&mut self, write: InboxWrite, now: Timestamp) {
        let number = self.number(&write.entry().consumer);
        let consumer = &mut self.consumers[number as usize];
        let key = (number, write.entry().message);
        match write {
            InboxWrite::Insert(entry) | InboxWrite::Exhume(entry) => {
                if self.failures.len() > 0 {
                    self.failures.remove(&key);
                }
                if let Some(InboxRow::Dead(at, letter)) = self.rows.insert(key, InboxRow::Handled)
                    && consumer.dead.remove(&(at, letter)).is_some()
                {
                    self.letters -= 1;
                }
                consumer.handled.push_back((now, entry));
            }
            InboxWrite::Fail(_) => {
                if !self.rows.contains(&key) {
                    *self.failures.entry(key).or_insert(0) += 1;
                }
            }
            InboxWrite::Bury(entry, message, reason) => {
                let failures = self.failures.remove(&key).unwrap_or(0);
                if let Some(InboxRow::Dead(at, letter)) = self.rows.get(&key).copied()
                    && consumer.dead.remove(&(at, letter)).is_some()
                {
                    self.letters -= 1;
                }
                self.letter_number += 1;
                self.letters += 1;
                self.rows.insert(key, InboxRow::Dead(now, self.letter_number));
                let letter =
                    DeadLetter { consumer: entry.consumer, message: *message, reason, failures, failed_at: now };
                consumer.dead.insert((now, self.letter_number), letter);
            }
        }
    }

    pub(super) fn dead_letters(&self, consumer: &str, limit: usize) -> Vec<DeadLetter> {
        let Some(number) = self.numbers.get(consumer) else { return Vec::new() };
        self.consumers[*number as usize].dead.values().take(limit).cloned().collect()
    }

    pub(super) fn dead_count(&self) -> u64 {
        self.letters
    }

    /// Forgets handled messages that are old enough, and raises the watermark of each past it.
    pub(super) fn purge(&mut self, consumer: &str, request: &PurgeRequest, now: Timestamp) -> u64 {
        let Some(&number) = self.numbers.get(consumer) else { return 0 };
        let handled = &mut self.consumers[number as usize].handled;
        let latest = now.before(request.older_than);
        let mut purged = 0;
        while purged < request.limit
            && handled.front().is_some_and(|(at, _)| *at <= latest)
            && let Some((_, entry)) = handled.pop_front()
        {
            self.rows.remove(&(number, entry.message));
            match self.watermarks.entry((number, entry.source, entry.key)) {
                Entry::Vacant(new) => _ = new.insert(entry.sequence),
                Entry::Occupied(mut mark) => *mark.get_mut() = entry.sequence.max(*mark.get()),
            }
            purged += 1;
        }
        purged as u64
    }
}
