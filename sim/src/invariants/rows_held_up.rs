use std::collections::{BTreeSet, VecDeque};

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
/// State: one entry for each row that the broker has not taken.
#[derive(Debug)]
pub(super) struct RowsHeldUp {
    tries_max: u32,
    stores: NameNumbers,
    rows: VecDeque<Row>,
    /// Incarnations that may die of what they publish.
    poisoned: Vec<(ProcessIndex, u32)>,
}

#[derive(Debug)]
struct Row {
    message: MessageId,
    store: u16,
    key: u64,
    at: VirtualTime,
    event: u64,
    /// Tries of another row of its store, of another key, with nothing else going wrong between.
    tries: u32,
    /// `true` if it spoils an attempt itself: it waits for its own sake, and for the lease of whoever died of it.
    spoils: bool,
}

/// The core sets a row apart after ten claims that came to nothing.
const TRIES_MAX: u32 = 40;

impl RowsHeldUp {
    pub(super) fn new() -> Self {
        Self { tries_max: TRIES_MAX, stores: NameNumbers::default(), rows: VecDeque::new(), poisoned: Vec::new() }
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
                    if let Effect::Staged(message) = effect {
                        self.stage(store, message, event);
                    }
                }
            }
            What::Publish { message, outcome, .. } if outcome.took_effect() => self.take(message.id),
            What::Spoils { what: Work::Message(message), .. } => self.spoil(*message, event, judge),
            What::Crash | What::Panic { .. } if !self.poisoned.contains(&(event.process, event.incarnation)) => {
                self.rows.iter_mut().for_each(|row| row.tries = 0);
            }
            What::Fault { kind, .. } if *kind != FaultKind::PoisonPublish => self.rows.clear(),
            // Nothing spoils any more, or nobody knows what is still there.
            What::Healed | What::Restored { .. } => self.rows.clear(),
            _ => {}
        }
    }

    /// A message with moments of its own waits for these, or is not sent at all.
    fn stage(&mut self, store: &SmolStr, message: &Message, event: &Event) {
        if message.schedule.is_none() {
            let (store, key) = (self.stores.number(store), hash(&message.partition_key));
            let (at, event) = (event.at, event.number);
            self.rows.push_back(Row { message: message.id, store, key, at, event, tries: 0, spoils: false });
        }
    }

    fn take(&mut self, message: MessageId) {
        // Mostly they go in the order in which they came.
        if let Some(at) = self.rows.iter().position(|row| row.message == message) {
            self.rows.remove(at);
        }
    }

    fn spoil(&mut self, message: MessageId, event: &Event, judge: &mut Judge<'_>) {
        let Some(spoiled) = self.rows.iter_mut().find(|row| row.message == message) else { return };
        spoiled.spoils = true;
        let (store, key) = (spoiled.store, spoiled.key);
        judge.judged();
        let whose = (event.process, event.incarnation);
        if !self.poisoned.contains(&whose) {
            self.poisoned.push(whose);
        }
        let mut keys = BTreeSet::new();
        for row in self.rows.iter_mut().filter(|row| row.store == store && row.key != key) {
            // Behind the first of its key all others wait for that one.
            if !keys.insert(row.key) || row.spoils {
                continue;
            }
            row.tries += 1;
            if row.tries == self.tries_max + 1 {
                let seconds = (event.at - row.at) / 1_000_000;
                let sentence = format!(
                    "a row waited {seconds} s to be published, while another one of another key was tried {} times and \
                     nothing else was wrong",
                    row.tries
                );
                judge.violate(row.message, sentence, vec![row.event, event.number]);
            }
        }
    }
}
