mod retention;

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
};

use seaworthy_core::{
    ids::MessageId,
    message::Message,
    ports::{DeadLetter, DeadLetterRequest, InboxEntry, Tally, Timestamp},
};
use smol_str::SmolStr;

use crate::lookup::Lookup;

/// Committed inbox rows, failures, dead letters and watermarks of all consumers of a store.
#[derive(Clone, Debug, Default)]
pub(super) struct Inbox {
    numbers: Lookup<SmolStr, u32>,
    consumers: Vec<Consumer>,
    rows: Lookup<(u32, MessageId), InboxRow>,
    failures: Lookup<(u32, MessageId), Failures>,
    watermarks: Lookup<(u32, SmolStr, u64, SmolStr), Watermark>,
    letters: u64,
    letter_number: u64,
}

#[derive(Clone, Debug, Default)]
struct Consumer {
    /// Handled messages by age, for the purge.
    handled: BTreeMap<(Timestamp, MessageId), InboxEntry>,
    /// Messages that have only failed so far, by the time of their last failure.
    failed: BTreeSet<(Timestamp, MessageId)>,
    /// Dead letters by their numbers.
    dead: BTreeMap<u64, DeadLetter>,
    /// Watermarks, each a source, epoch and key, by the time at which they were raised last.
    raised: BTreeSet<(Timestamp, SmolStr, u64, SmolStr)>,
}

/// Failures of a message that has come to no end.
#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: Timestamp,
}

/// The latest message of a source, epoch and key whose row was deleted.
#[derive(Clone, Copy, Debug)]
struct Watermark {
    sequence: u64,
    raised_at: Timestamp,
}

/// Content of an inbox row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InboxRow {
    /// Handled, and when.
    Handled(Timestamp),
    /// A dead letter, and its number.
    Dead(u64),
}

/// A buffered write to the inbox.
#[derive(Debug)]
pub(super) enum InboxWrite {
    /// The message counts as handled.
    Insert(InboxEntry, Timestamp),
    /// Its dead letter is taken out and it counts as handled.
    Exhume(InboxEntry, Timestamp),
    /// One more failure.
    Fail(InboxEntry, Timestamp),
    /// The message becomes a dead letter, after so many failures.
    Bury(InboxEntry, Box<Message>, SmolStr, u32, Timestamp),
}

/// Standing of a message at a consumer, as a transaction sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Neither handled nor buried, after this many failures.
    Open(u32),
    Handled,
    Dead,
}

impl InboxWrite {
    pub(super) fn entry(&self) -> &InboxEntry {
        match self {
            Self::Insert(entry, _) | Self::Exhume(entry, _) | Self::Fail(entry, _) | Self::Bury(entry, ..) => entry,
        }
    }

    /// Returns the standing of a message after this write.
    pub(super) fn after(&self, before: Standing) -> Standing {
        match (self, before) {
            (Self::Insert(..) | Self::Exhume(..), _) => Standing::Handled,
            (Self::Bury(..), _) => Standing::Dead,
            (Self::Fail(..), Standing::Open(failures)) => Standing::Open(failures + 1),
            (Self::Fail(..), settled) => settled,
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

    /// Returns the standing of a message as far as it is committed.
    pub(super) fn standing(&self, consumer: u32, message: MessageId) -> Standing {
        match self.rows.get(&(consumer, message)) {
            Some(InboxRow::Handled(_)) => Standing::Handled,
            Some(InboxRow::Dead(_)) => Standing::Dead,
            None if self.failures.is_empty() => Standing::Open(0),
            None => Standing::Open(self.failures.get(&(consumer, message)).map_or(0, |failures| failures.count)),
        }
    }

    /// Returns `true` if a message's row was purged, for all that is known. A message without a sequence has no place
    /// in its producer's order, so no watermark applies to it; nor to one that has failed since, which has not been
    /// handled.
    pub(super) fn below_watermark(&self, consumer: u32, entry: &InboxEntry) -> bool {
        entry.sequence > 0
            && !self.watermarks.is_empty()
            && self
                .watermarks
                .get(&(consumer, entry.source.clone(), entry.epoch, entry.key.clone()))
                .is_some_and(|mark| entry.sequence <= mark.sequence)
    }

    pub(super) fn apply(&mut self, write: InboxWrite) {
        let number = self.number(&write.entry().consumer);
        let consumer = &mut self.consumers[number as usize];
        let key = (number, write.entry().message);
        let row = match write {
            InboxWrite::Insert(entry, at) | InboxWrite::Exhume(entry, at) => {
                if !self.failures.is_empty()
                    && let Some(failures) = self.failures.remove(&key)
                {
                    consumer.failed.remove(&(failures.last, key.1));
                }
                consumer.handled.insert((at, entry.message), entry);
                InboxRow::Handled(at)
            }
            InboxWrite::Fail(_, at) => {
                if !self.rows.contains(&key) {
                    let failures = self.failures.entry(key).or_insert(Failures { count: 0, last: at });
                    consumer.failed.remove(&(failures.last, key.1));
                    *failures = Failures { count: failures.count + 1, last: at };
                    consumer.failed.insert((at, key.1));
                }
                return;
            }
            InboxWrite::Bury(entry, message, reason, failures, failed_at) => {
                if let Some(failures) = self.failures.remove(&key) {
                    consumer.failed.remove(&(failures.last, key.1));
                }
                self.letter_number += 1;
                self.letters += 1;
                let (number, message, consumer_name) = (self.letter_number, *message, entry.consumer);
                let letter = DeadLetter {
                    number,
                    consumer: consumer_name,
                    message,
                    reason,
                    failures,
                    failed_at,
                    asked_at: None,
                    unreadable: None,
                };
                consumer.dead.insert(number, letter);
                InboxRow::Dead(number)
            }
        };
        match self.rows.insert(key, row) {
            Some(InboxRow::Dead(letter)) if consumer.dead.remove(&letter).is_some() => self.letters -= 1,
            // Handled and then buried after all: a purge must not take the row of a dead letter.
            Some(InboxRow::Handled(at)) if row != InboxRow::Handled(at) => _ = consumer.handled.remove(&(at, key.1)),
            _ => {}
        }
    }

    pub(super) fn dead_letters(&self, request: &DeadLetterRequest) -> Vec<DeadLetter> {
        let Some(number) = self.numbers.get(&request.consumer) else { return Vec::new() };
        let behind = self.consumers[*number as usize].dead.range((Bound::Excluded(request.after), Bound::Unbounded));
        let asked_for = behind.map(|(_, letter)| letter).filter(|letter| request.asks_for(letter));
        asked_for.take(request.limit).cloned().collect()
    }

    /// Notes that letters are to be handled again.
    pub(super) fn ask_redrive(&mut self, request: &DeadLetterRequest, now: Timestamp) -> Vec<MessageId> {
        let Some(number) = self.numbers.get(&request.consumer) else { return Vec::new() };
        let behind = (Bound::Excluded(request.after), Bound::Unbounded);
        let letters = self.consumers[*number as usize].dead.range_mut(behind).map(|(_, letter)| letter);
        let asked_for = letters.filter(|letter| request.asks_for(letter)).take(request.limit);
        let note = |letter: &mut DeadLetter| {
            letter.asked_at.get_or_insert(now);
            letter.message.id
        };
        asked_for.map(note).collect()
    }

    /// Returns the number of failures that the dead letter of a message says.
    pub(super) fn failures_of_dead(&self, consumer: u32, message: MessageId) -> u32 {
        let Some(InboxRow::Dead(letter)) = self.rows.get(&(consumer, message)) else { return 0 };
        self.consumers[consumer as usize].dead.get(letter).map_or(0, |letter| letter.failures)
    }

    /// Counts dead letters by consumer, by the longest past of their failures.
    pub(super) fn census(&self) -> BTreeMap<SmolStr, Tally> {
        let mut letters = BTreeMap::<SmolStr, Tally>::new();
        for letter in self.consumers.iter().flat_map(|consumer| consumer.dead.values()) {
            letters.entry(letter.consumer.clone()).or_default().add(letter.failed_at);
        }
        letters
    }

    /// Returns the number of rows, of dead letters and of watermarks. A message that has only failed so far has a row, too.
    pub(super) fn row_counts(&self) -> (u64, u64, u64) {
        let rows = self.rows.len() + self.failures.len();
        (rows as u64, self.letters, self.watermarks.len() as u64)
    }

    pub(super) fn dead_count(&self) -> u64 {
        self.letters
    }
}
