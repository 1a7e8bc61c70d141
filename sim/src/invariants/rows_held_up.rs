use std::collections::{BTreeMap, BTreeSet, VecDeque};

use seaworthy_core::{ids::MessageId, message::Message};
use smol_str::SmolStr;

use super::{
    Judge,
    name_numbers::{NameNumbers, hash},
};
use crate::{
    plan::FaultKind,
    trace::{Effect, Event, ProcessIndex, VirtualTime, What, Work},
};

/// Rows of outboxes that wait while another one is tried again and again, and each time the plan has it panic or kill whoever
/// publishes it: claimed together with that one, they go back with it each time.
///
/// State: one entry for each row that the broker has not taken, or that is not settled since.
#[derive(Debug)]
pub(super) struct RowsHeldUp {
    tries_max: u32,
    stores: NameNumbers,
    rows: VecDeque<Row>,
    /// Rows that an incarnation has published and not settled: they come again where it dies.
    unsettled: Vec<(ProcessIndex, u32, Row)>,
    /// Incarnations that may die of what they publish, and of what.
    poisoned: Vec<(ProcessIndex, u32, MessageId)>,
}

#[derive(Debug)]
struct Row {
    message: MessageId,
    store: u16,
    key: u64,
    at: VirtualTime,
    event: u64,
    /// Tries of other rows of its store, of other keys, with nothing else going wrong between.
    tries: BTreeMap<MessageId, u32>,
    /// The row that a process has died of which may have had it in hand, and the moment by which its lease has ended.
    leased: Option<(Option<MessageId>, VirtualTime)>,
    /// `true` if it spoils an attempt itself, since it waits for its own sake and for the lease of whoever died of it, or if another
    /// fault has struck since. Later rows of its key wait for it all the same.
    is_excused: bool,
}

/// The core halves what is claimed together after two claims that came to nothing, so that some ten deaths tell which row it is.
const TRIES_MAX: u32 = 40;

/// Time within which what was published and not settled is published again, and more: the lease of a claim.
const LEASE_MAX: VirtualTime = 60_000_000;

impl RowsHeldUp {
    pub(super) fn new() -> Self {
        Self {
            tries_max: TRIES_MAX,
            stores: NameNumbers::default(),
            rows: VecDeque::new(),
            unsettled: Vec::new(),
            poisoned: Vec::new(),
        }
    }

    /// Sets for how many tries of another one a row may wait.
    pub(super) fn tries(&mut self, most: u32) {
        self.tries_max = most;
    }

    /// Takes in what happened, before anybody else does.
    pub(super) fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        match &event.what {
            What::Commit { store, outcome, effects, .. } if outcome.took_effect() => {
                for effect in effects.iter() {
                    match effect {
                        Effect::Staged(message) => self.stage(store, message, event),
                        Effect::Dispatched(message) => self.unsettled.retain(|(.., row)| row.message != *message),
                        _ => {}
                    }
                }
            }
            What::Settle { outcome, .. } if outcome.took_effect() => self.forget(event.process),
            What::Publish { message, outcome, .. } if outcome.took_effect() => self.take(message.id, event),
            What::Spoils { what: Work::Message(message), .. } => self.spoil(*message, event, judge),
            What::Crash | What::Panic { .. } => self.die(event),
            What::Fault { kind, .. } if *kind != FaultKind::PoisonPublish => {
                self.rows.iter_mut().for_each(|row| row.is_excused = true);
            }
            // Nothing spoils any more, or nobody knows what is still there.
            What::Healed | What::Restored { .. } => {
                self.rows.clear();
                self.unsettled.clear();
            }
            _ => {}
        }
    }

    /// A message with moments of its own waits for these, or is not sent at all.
    fn stage(&mut self, store: &SmolStr, message: &Message, event: &Event) {
        if message.schedule.is_none() {
            let (store, key) = (self.stores.number(store), hash(&message.partition_key));
            let (at, event) = (event.at, event.number);
            self.rows.push_back(Row {
                message: message.id,
                store,
                key,
                at,
                event,
                tries: BTreeMap::new(),
                leased: None,
                is_excused: false,
            });
        }
    }

    /// A process has died, and all that it had in hand waits for a lease to end: of the row that it died of that is one try, and
    /// to the tries of others it is something else that goes wrong, until then.
    fn die(&mut self, event: &Event) {
        let died_of = |(process, incarnation, _): &&(ProcessIndex, u32, MessageId)| {
            (*process, *incarnation) == (event.process, event.incarnation)
        };
        let message = self.poisoned.iter().find(died_of).map(|(_, _, message)| *message);
        for row in &mut self.rows {
            row.tries.retain(|tried, _| Some(*tried) == message);
            row.leased = Some((message, event.at + LEASE_MAX));
        }
        let of_the_dead = |(process, incarnation, row): &mut (ProcessIndex, u32, Row)| {
            (*process, *incarnation) == (event.process, event.incarnation) && event.at < row.at + LEASE_MAX
        };
        let again: Vec<Row> = self.unsettled.extract_if(.., of_the_dead).map(|(.., row)| row).collect();
        self.forget(event.process);
        // Ahead of what waits behind them.
        for row in again.into_iter().rev() {
            self.rows.push_front(row);
        }
    }

    /// Forgets what a process has published: it is settled, or nobody knows of it any more.
    fn forget(&mut self, process: ProcessIndex) {
        self.unsettled.retain(|(whose, ..)| *whose != process);
    }

    /// The broker has taken a row. Until it is settled it may come again, and others of its key wait for that.
    fn take(&mut self, message: MessageId, event: &Event) {
        // Mostly they go in the order in which they came.
        if let Some(at) = self.rows.iter().position(|row| row.message == message)
            && let Some(row) = self.rows.remove(at)
        {
            let row = Row { is_excused: true, at: event.at, ..row };
            self.unsettled.push((event.process, event.incarnation, row));
        }
    }

    fn spoil(&mut self, message: MessageId, event: &Event, judge: &mut Judge<'_>) {
        let Some(spoiled) = self.rows.iter_mut().find(|row| row.message == message) else { return };
        spoiled.is_excused = true;
        let (store, key) = (spoiled.store, spoiled.key);
        judge.judged();
        // It dies of the last that it tried, if it does.
        self.poisoned
            .retain(|(process, incarnation, _)| (*process, *incarnation) != (event.process, event.incarnation));
        self.poisoned.push((event.process, event.incarnation, message));
        let mut keys = BTreeSet::new();
        for row in self.rows.iter_mut().filter(|row| row.store == store && row.key != key) {
            // Behind the first of its key all others wait for that one.
            if !keys.insert(row.key) || row.is_excused {
                continue;
            }
            if row.leased.is_some_and(|(died_of, until)| died_of != Some(message) && event.at < until) {
                continue;
            }
            let tries = row.tries.entry(message).or_insert(0);
            *tries += 1;
            if *tries == self.tries_max + 1 {
                let seconds = (event.at - row.at) / 1_000_000;
                let sentence = format!(
                    "a row waited {seconds} s to be published, while another one of another key was tried {tries} times and \
                     nothing else was wrong"
                );
                judge.violate(row.message, sentence, vec![row.event, event.number]);
            }
        }
    }
}
