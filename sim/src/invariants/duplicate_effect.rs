use seaworthy_core::{
    ids::{MessageId, OperationId},
    ports::OperationState,
};
use smol_str::SmolStr;

use super::{
    Entity, Interest, Invariant, Judge, Lookup, Mode, brief::Brief, messages::ByMessage, name_numbers::NameNumbers,
};
use crate::{
    topology::Topology,
    trace::{Effect, Event, What},
};

/// `duplicate-effect`: what must happen once happened twice.
///
/// - A consumer with an inbox handled one message twice. Taking a dead letter out again is the one handling of a message
///   that was buried.
/// - A participant carried out one operation twice, or after it had been undone (a suspension: the late action must
///   find the tombstone).
/// - An external service acted twice for one operation on one subject, whatever idempotency keys it was given: a fresh
///   key for each attempt charges the card twice. [`DuplicateEffect::may_repeat`] exempts an operation that is meant to
///   be repeated.
/// - A [declared table](crate::scenario::EffectTable) had a second row for one business key.
///
/// A store that was put back to a copy of an earlier time has forgotten, and so has this, what happened in it since, and what
/// processes on it had others do.
///
/// State: one small entry for each handled message, operation, external act and business key. None is ever forgotten, because a
/// duplicate may turn up at any time.
#[derive(Debug, Default)]
pub struct DuplicateEffect {
    names: NameNumbers,
    repeatable: Vec<(SmolStr, SmolStr)>,
    /// Services that are only told that somebody is alive.
    beats: Vec<SmolStr>,
    /// Messages that a consumer handled or buried, by store and consumer.
    handled: Vec<OfConsumer>,
    operations: Lookup<(u16, OperationId), Seen>,
    acts: Lookup<(u16, u16, SmolStr), Act>,
    /// The store that each process runs on, as far as it is known.
    store_of: Vec<SmolStr>,
    entries: Lookup<(u16, u16, SmolStr), Entries>,
}

/// State of something, and the event that showed it.
#[derive(Clone, Copy, Debug)]
struct Seen {
    is_effective: bool,
    number: u64,
}

/// Act of an external service: the event that showed it, and the store that whoever asked for it runs on.
#[derive(Clone, Copy, Debug)]
struct Act {
    number: u64,
    store: Option<u16>,
}

/// Messages of one consumer, on one store.
#[derive(Debug)]
struct OfConsumer {
    who: (u16, u16),
    received: ByMessage<Option<Received>>,
}

/// Deed of a consumer with a message, and the event that showed it.
#[derive(Clone, Copy, Debug)]
enum Received {
    Handled(Brief),
    Buried,
}

/// The rows of a declared table under one key.
#[derive(Clone, Copy, Debug)]
struct Entries {
    rows: i64,
    /// The commit that wrote the latest one.
    number: u64,
}

impl DuplicateEffect {
    /// The invariant at the start of a run.
    pub fn new() -> Self {
        Self::default()
    }

    /// As [`DuplicateEffect::new`], for a topology: an external service that it declares to be only told that somebody is
    /// alive ([`Topology::heartbeat`]) may be told so again and again.
    pub fn from_topology(topology: &Topology) -> Self {
        let store_of = topology.processes.iter().map(|process| process.store.clone()).collect();
        Self { beats: topology.heartbeats.clone(), store_of, ..Self::default() }
    }

    /// Lets `service` do `operation` several times for one subject.
    #[must_use]
    pub fn may_repeat(mut self, service: &str, operation: &str) -> Self {
        self.repeatable.push((service.into(), operation.into()));
        self
    }

    fn handle(&mut self, store: u16, consumer: &SmolStr, message: MessageId, number: u64, judge: &mut Judge<'_>) {
        judge.judged();
        let received = self.received(store, consumer, judge.message(message));
        if let Some(Received::Handled(before)) = received.replace(Received::Handled(Brief::new(number))) {
            let events = vec![before.number(), number];
            judge.violate(message, format!("`{consumer}` handled one message twice"), events);
        }
    }

    fn bury(&mut self, store: u16, consumer: &SmolStr, message: MessageId, judge: &mut Judge<'_>) {
        *self.received(store, consumer, judge.message(message)) = Some(Received::Buried);
    }

    fn received(&mut self, store: u16, consumer: &SmolStr, message: usize) -> &mut Option<Received> {
        let who = (store, self.names.number(consumer));
        // A run has a handful of consumers.
        let at = self.handled.iter().position(|known| known.who == who).unwrap_or_else(|| {
            self.handled.push(OfConsumer { who, received: ByMessage::default() });
            self.handled.len() - 1
        });
        self.handled[at].received.of(message)
    }

    fn enter(&mut self, store: u16, (table, key, more): (&SmolStr, &SmolStr, i64), number: u64, judge: &mut Judge<'_>) {
        let id = (store, self.names.number(table), key.clone());
        let entries = self.entries.get_or_insert_with(id, || Entries { rows: 0, number });
        entries.rows += more;
        if more > 0 {
            judge.judged();
            if entries.rows > 1 {
                let rows = entries.rows;
                let sentence = format!("`{table}` has {rows} rows for `{key}`, and may have one");
                let entity = Entity::named(table.clone(), key.clone());
                judge.violate(entity, sentence, vec![entries.number, number]);
            }
            entries.number = number;
        }
    }

    /// A store has lost what happened in it since an event: nobody can know of that any more, and outside what it had asked
    /// for may be asked for again.
    fn restore(&mut self, store: u16, since: u64) {
        for of in self.handled.iter_mut().filter(|of| of.who.0 == store) {
            of.received.each(|received| {
                if matches!(received, Some(Received::Handled(at)) if at.number() >= since) {
                    *received = None;
                }
            });
        }
        let late = |seen: &Seen| seen.number >= since;
        let operations = self.operations.sorted();
        let of_store = operations.into_iter().filter(|((of, _), seen)| *of == store && late(seen));
        let lost: Vec<(u16, OperationId)> = of_store.map(|(id, _)| *id).collect();
        lost.iter().for_each(|id| _ = self.operations.remove(id));
        let is_its_own = |act: &Act| act.store.is_none_or(|of| of == store);
        let acts = self.acts.sorted().into_iter().filter(|(_, act)| act.number >= since && is_its_own(act));
        let lost: Vec<(u16, u16, SmolStr)> = acts.map(|(id, _)| id.clone()).collect();
        lost.iter().for_each(|id| _ = self.acts.remove(id));
    }

    fn operate(&mut self, store: u16, id: OperationId, state: &OperationState, number: u64, judge: &mut Judge<'_>) {
        let is_effective = matches!(state, OperationState::Executed(_));
        let before = self.operations.insert((store, id), Seen { is_effective, number });
        if !is_effective {
            return;
        }
        judge.judged();
        if let Some(before) = before {
            let how = if before.is_effective { "twice" } else { "after it had been undone" };
            judge.violate(id, format!("a participant carried out one operation {how}"), vec![before.number, number]);
        }
    }
}

impl Invariant for DuplicateEffect {
    fn name(&self) -> &'static str {
        "duplicate-effect"
    }

    fn mode(&self) -> Mode {
        Mode::Always
    }

    fn interest(&self) -> Interest {
        Interest::INBOX | Interest::OPERATION | Interest::EXTERNAL | Interest::OWN_TABLE | Interest::RESTORED
    }

    fn subject(&self) -> Option<&'static str> {
        Some("a message handled in an inbox, an operation, or an act of an external service")
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        match &event.what {
            What::Commit { store, outcome, effects, .. } if outcome.took_effect() => {
                let store = self.names.number(store);
                for effect in effects.iter() {
                    match effect {
                        Effect::Buried { consumer, message, .. } => self.bury(store, consumer, *message, judge),
                        Effect::Entry { table, key, rows } => {
                            self.enter(store, (table, key, *rows), event.number, judge);
                        }
                        Effect::Operation { id, state } => self.operate(store, *id, state, event.number, judge),
                        effect => {
                            if let Some((consumer, message)) = effect.handles() {
                                self.handle(store, consumer, message, event.number, judge);
                            }
                        }
                    }
                }
            }
            What::Restored { store, since, .. } => {
                let store = self.names.number(store);
                self.restore(store, *since);
            }
            What::External { service, operation, subject, acted: true, .. } => {
                let is_repeatable =
                    self.repeatable.iter().any(|(known, repeatable)| known == service && repeatable == operation);
                if is_repeatable || self.beats.contains(service) {
                    return;
                }
                judge.judged();
                let id = (self.names.number(service), self.names.number(operation), subject.clone());
                let store = self.store_of.get(usize::from(event.process.0));
                let act = Act { number: event.number, store: store.map(|store| self.names.number(store)) };
                if let Some(Act { number: before, .. }) = self.acts.insert(id, act) {
                    judge.violate(
                        Entity::named(operation.clone(), subject.clone()),
                        format!("`{service}` did `{operation}` for `{subject}` twice"),
                        vec![before, event.number],
                    );
                }
            }
            _ => {}
        }
    }
}
