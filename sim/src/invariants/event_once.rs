use std::collections::{BTreeMap, BTreeSet};

use seaworthy_core::ids::MessageId;
use smol_str::SmolStr;

use super::{
    Ending, Entity, Interest, Invariant, Judge, Lookup, Mode,
    readers::{Readers, applied},
};
use crate::{
    topology::Topology,
    trace::{Effect, Event, What},
};

/// `event-once`: each event has its effect on each subscriber once. Not twice, and not never: once the run has come to rest, an event of
/// a type that a subscriber handles, and that its checkpoint is past, has had its effect or was parked.
///
/// The types that a subscriber handles are those of which it has handled one. Where a process has run another release, they may have
/// been others before, and nothing is missed.
///
/// State: a small entry for each event, and for each that had its effect.
#[derive(Debug)]
pub struct EventOnce {
    logs: BTreeMap<SmolStr, BTreeMap<u64, Logged>>,
    readers: Readers<Read>,
    has_releases: bool,
}

/// An event that was appended.
#[derive(Debug)]
struct Logged {
    id: MessageId,
    kind: SmolStr,
    stream: SmolStr,
    number: u64,
}

/// State of a reader.
#[derive(Debug, Default)]
struct Read {
    position: u64,
    /// The commit that moved it there.
    number: u64,
    kinds: BTreeSet<SmolStr>,
    /// Positions of events that had their effect, and the commit that shows it.
    applied: Lookup<u64, u64>,
    /// Events that were ever parked: whether they are taken up is an operator's decision.
    parked: Lookup<MessageId, ()>,
}

impl EventOnce {
    /// The invariant at the start of a run of a topology.
    pub fn from_topology(topology: &Topology) -> Self {
        Self { logs: BTreeMap::new(), readers: Readers::from_topology(topology), has_releases: false }
    }

    fn apply(&mut self, store: &SmolStr, (subscriber, position): (&SmolStr, u64), number: u64, judge: &mut Judge<'_>) {
        judge.judged();
        let event = self.logs.get(store).and_then(|log| log.get(&position));
        let reader = self.readers.of(store, subscriber);
        reader.is_subscriber = true;
        if let Some(Logged { kind, .. }) = event {
            reader.state.kinds.insert(kind.clone());
        }
        if let Some(before) = reader.state.applied.insert(position, number) {
            let sentence = format!("`{subscriber}` had the effect of the event at position {position} twice");
            let entity = event.map_or_else(|| Entity::named("subscriber", subscriber.clone()), |event| event.id.into());
            judge.violate(entity, sentence, vec![before, number]);
        }
    }
}

impl Invariant for EventOnce {
    fn name(&self) -> &'static str {
        "event-once"
    }

    fn mode(&self) -> Mode {
        Mode::Always
    }

    fn interest(&self) -> Interest {
        Interest::STREAM
            | Interest::CHECKPOINT
            | Interest::OBSERVED
            | Interest::INBOX
            | Interest::PROCESS
            | Interest::RESTORED
    }

    fn subject(&self) -> Option<&'static str> {
        Some("an event that had its effect on a subscriber")
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        match &event.what {
            What::Boot { release } => self.has_releases |= *release > 1,
            What::Commit { store, outcome, effects, .. } if outcome.took_effect() => {
                for effect in effects.iter() {
                    match effect {
                        Effect::Appended { stream, position, event: message, .. } => {
                            let (id, kind, stream) = (message.id, message.kind.clone(), stream.clone());
                            let logged = Logged { id, kind, stream, number: event.number };
                            self.logs.entry(store.clone()).or_default().insert(*position, logged);
                        }
                        Effect::Checkpoint { consumer, position } => {
                            let read = &mut self.readers.of(store, consumer).state;
                            (read.position, read.number) = (*position, event.number);
                        }
                        Effect::Buried { consumer, message, .. } => {
                            self.readers.of(store, consumer).state.parked.insert(*message, ());
                        }
                        effect => {
                            if let Some(applied) = applied(effect) {
                                self.apply(store, applied, event.number, judge);
                            }
                        }
                    }
                }
            }
            What::Restored { store, .. } => {
                self.logs.remove(store);
                self.readers.forget(store);
            }
            _ => {}
        }
    }

    fn conclude(&mut self, ending: Ending, judge: &mut Judge<'_>) {
        if ending != Ending::Quiet || self.has_releases {
            return;
        }
        for reader in self.readers.iter().filter(|reader| reader.is_subscriber) {
            let Some(log) = self.logs.get(&reader.store) else { continue };
            let Read { position: end, number, kinds, applied, parked } = &reader.state;
            for (position, Logged { id, kind, stream, number: appended }) in log.range(..=end) {
                if !kinds.contains(kind) || applied.contains(position) || parked.contains(id) {
                    continue;
                }
                let name = &reader.name;
                let sentence = format!(
                    "`{kind}` of stream `{stream}` never had its effect on `{name}`, whose checkpoint is past it"
                );
                judge.violate(*id, sentence, vec![*appended, *number]);
            }
        }
    }
}
