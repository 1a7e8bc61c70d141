use std::collections::BTreeSet;

use seaworthy_core::ids::MessageId;
use smol_str::SmolStr;

use super::{Custom, Doings, Handling, Practice};
use crate::{
    invariants::{Lookup, messages::Messages},
    trace::{Effect, Event, What},
};

/// Learns from whole traces of runs without a fault what a scenario does when nothing goes wrong.
///
/// ```
/// use seaworthy_sim::{
///     invariants::{Handling, Student},
///     trace::{Outcome, script::{self, Script, handled}},
/// };
///
/// let confirmed = script::message(1, "orders", "order-17");
/// let mut script = Script::new();
/// let shipping = script.process("shipping-1");
/// script.deliver(shipping, "shippers", &confirmed);
/// script.commit(shipping, "shipping", Outcome::Done, [handled("shipping", &confirmed)]);
/// script.ack(shipping, "shippers", &confirmed, Outcome::Done);
///
/// let mut student = Student::new();
/// student.attend(&script.events());
/// let practice = student.practice();
/// assert_eq!(practice.consumer_of("shippers").map(|name| name.as_str()), Some("shipping"));
/// assert_eq!(practice.handles("shippers", "scripted.event"), Some(true));
/// // One handling is too few to say what each of them does.
/// let handling = Handling::Message { group: "shippers".into(), kind: "scripted.event".into() };
/// assert!(practice.always(&handling).is_empty());
/// ```
#[derive(Debug, Default)]
pub struct Student {
    practice: Practice,
}

/// Facts that one run shows of a message.
#[derive(Default)]
struct Seen {
    kind: SmolStr,
    acked: BTreeSet<SmolStr>,
    handled: BTreeSet<SmolStr>,
}

impl Student {
    /// One that knows nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Learns from the whole trace of one run without a fault.
    pub fn attend(&mut self, trace: &[Event]) {
        self.practice.runs += 1;
        let mut doings = Doings::careful(std::mem::take(&mut self.practice.deeds));
        let (mut messages, mut numbers) = (Lookup::<MessageId, Seen>::new(), Messages::default());
        for event in trace {
            self.look(event, &doings, &mut messages);
            doings.observe(event, &mut numbers);
        }
        for work in doings.works() {
            if let Some(kind) = work.kind().filter(|_| !work.is_doubtful) {
                self.note(doings.handling(kind), work.done);
            }
        }
        for (_, seen) in messages.sorted() {
            self.note_habits(seen);
        }
        self.practice.idle |= doings.idle;
        self.practice.deeds = std::mem::take(&mut doings.deeds);
    }

    /// Returns the practice that was learnt.
    pub fn practice(self) -> Practice {
        self.practice
    }

    fn look(&mut self, event: &Event, doings: &Doings, messages: &mut Lookup<MessageId, Seen>) {
        match &event.what {
            What::Commit { store, outcome, effects, .. } if outcome.took_effect() => {
                for effect in effects.iter() {
                    match effect {
                        Effect::Staged(message) => {
                            self.practice.sources.insert(message.source.clone());
                            self.practice.stores.insert(store.clone());
                        }
                        Effect::Handled { consumer, message } => {
                            for group in doings.in_hand(event.process, *message) {
                                self.practice.consumers.entry(group.clone()).or_default().insert(consumer.clone());
                            }
                            messages.get_or_insert_with(*message, Seen::default).handled.insert(consumer.clone());
                        }
                        _ => {}
                    }
                }
            }
            What::Deliver { message, .. } => {
                messages.get_or_insert_with(message.id, Seen::default).kind = message.kind.clone();
            }
            What::Ack { group, message, outcome, .. } if outcome.took_effect() => {
                messages.get_or_insert_with(*message, Seen::default).acked.insert(group.clone());
            }
            _ => {}
        }
    }

    fn note(&mut self, handling: Handling, done: u64) {
        let custom = self.practice.customs.entry(handling).or_insert(Custom { times: 0, always: u64::MAX });
        custom.times += 1;
        custom.always &= done;
    }

    fn note_habits(&mut self, seen: &Seen) {
        for group in &seen.acked {
            let consumer = self.practice.consumer_of(group).unwrap_or(group);
            let handled = seen.handled.contains(consumer);
            let habit = self.practice.habits.entry(group.clone()).or_default().entry(seen.kind.clone()).or_default();
            *(if handled { &mut habit.handled } else { &mut habit.only_acked }) += 1;
        }
    }
}
