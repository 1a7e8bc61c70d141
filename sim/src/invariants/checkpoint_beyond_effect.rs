use std::collections::{BTreeMap, BTreeSet};

use smol_str::SmolStr;

use super::{
    Entity, Interest, Invariant, Judge, Mode,
    readers::{Readers, applied},
};
use crate::trace::{Effect, Event, What};

/// `checkpoint-beyond-effect`: a checkpoint moves with what it stands for, and not before it; and it never goes back.
///
/// A subscriber whose checkpoint is past an event before the event has had its effect loses the effect where it dies in between. An
/// event that was parked is taken out again when it has its effect, and that is no such thing.
///
/// State: the positions of the events of each store, and of those that each checkpoint has passed without an effect.
#[derive(Debug)]
pub struct CheckpointBeyondEffect {
    /// Positions of events by store.
    events: BTreeMap<SmolStr, BTreeSet<u64>>,
    readers: Readers<Place>,
}

/// Place of a reader.
#[derive(Debug, Default)]
struct Place {
    position: u64,
    /// The commit that moved it there.
    number: u64,
    /// Events that have had their effect, and the checkpoint is not past them.
    applied: BTreeSet<u64>,
    /// Events that it went past without an effect, by position, and the commit that did it.
    passed: BTreeMap<u64, u64>,
}

impl CheckpointBeyondEffect {
    /// The invariant at the start of a run.
    pub fn new() -> Self {
        Self::default()
    }

    fn apply(&mut self, store: &SmolStr, subscriber: &SmolStr, position: u64, number: u64, judge: &mut Judge<'_>) {
        judge.judged();
        let reader = self.readers.of(store, subscriber);
        if let Some(passed) = reader.state.passed.remove(&position) {
            let sentence = format!(
                "`{subscriber}` had the effect of the event at position {position} after its checkpoint was past it"
            );
            let entity = Entity::named("subscriber", subscriber.clone());
            judge.violate(entity, sentence, vec![passed, number]);
        } else if position > reader.state.position {
            reader.state.applied.insert(position);
        }
    }

    fn move_to(&mut self, store: &SmolStr, consumer: &SmolStr, position: u64, number: u64, judge: &mut Judge<'_>) {
        let place = &mut self.readers.of(store, consumer).state;
        if position < place.position {
            let sentence = format!("the checkpoint of `{consumer}` went back from {} to {position}", place.position);
            judge.violate(Entity::named("subscriber", consumer.clone()), sentence, vec![place.number, number]);
            return;
        }
        if position == place.position {
            return;
        }
        let events = self.events.get(store).into_iter();
        let between = events.flat_map(|events| events.range(place.position + 1..=position));
        place.passed.extend(between.filter(|event| !place.applied.contains(event)).map(|event| (*event, number)));
        place.applied = place.applied.split_off(&(position + 1));
        (place.position, place.number) = (position, number);
    }
}

impl Default for CheckpointBeyondEffect {
    fn default() -> Self {
        Self { events: BTreeMap::new(), readers: Readers::none() }
    }
}

impl Invariant for CheckpointBeyondEffect {
    fn name(&self) -> &'static str {
        "checkpoint-beyond-effect"
    }

    fn mode(&self) -> Mode {
        Mode::Always
    }

    fn interest(&self) -> Interest {
        Interest::STREAM | Interest::CHECKPOINT | Interest::OBSERVED | Interest::RESTORED
    }

    fn subject(&self) -> Option<&'static str> {
        Some("an event that had its effect on a subscriber")
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        match &event.what {
            What::Commit { store, outcome, effects, .. } if outcome.took_effect() => {
                for effect in effects.iter() {
                    if let Effect::Appended { position, .. } = effect {
                        self.events.entry(store.clone()).or_default().insert(*position);
                    }
                    let Some((subscriber, position)) = applied(effect) else { continue };
                    let is_its =
                        |effect: &Effect| matches!(effect, Effect::Exhumed { consumer, .. } if consumer == subscriber);
                    if !effects.iter().any(is_its) {
                        self.apply(store, subscriber, position, event.number, judge);
                    }
                }
                for effect in effects.iter() {
                    if let Effect::Checkpoint { consumer, position } = effect {
                        self.move_to(store, consumer, *position, event.number, judge);
                    }
                }
            }
            What::Restored { store, .. } => {
                self.events.remove(store);
                self.readers.forget(store);
            }
            _ => {}
        }
    }
}
