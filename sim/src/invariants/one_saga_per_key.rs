use smol_str::SmolStr;

use super::{Entity, Interest, Invariant, Judge, Lookup, Mode, name_numbers::NameNumbers};
use crate::trace::{Effect, Event, What};

/// `one-saga-per-key`: of each definition there is at most one saga for a business key, in one store.
///
/// State: one entry for each saga, never forgotten: a key stays taken after its saga has ended.
#[derive(Debug, Default)]
pub struct OneSagaPerKey {
    names: NameNumbers,
    created: Lookup<(u16, u16, SmolStr), u64>,
}

impl OneSagaPerKey {
    /// The invariant at the start of a run.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Invariant for OneSagaPerKey {
    fn name(&self) -> &'static str {
        "one-saga-per-key"
    }

    fn mode(&self) -> Mode {
        Mode::Always
    }

    fn interest(&self) -> Interest {
        Interest::SAGA_CREATED | Interest::RESTORED
    }

    fn subject(&self) -> Option<&'static str> {
        Some("a saga")
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        if let What::Restored { store, since, .. } = &event.what {
            // A saga that is lost may be started again.
            let store = self.names.number(store);
            let of_store = self.created.sorted().into_iter().filter(|((of, ..), at)| *of == store && **at >= *since);
            let lost: Vec<(u16, u16, SmolStr)> = of_store.map(|(id, _)| id.clone()).collect();
            lost.iter().for_each(|id| _ = self.created.remove(id));
        }
        let What::Commit { store, outcome, effects, .. } = &event.what else { return };
        if !outcome.took_effect() {
            return;
        }
        for effect in effects.iter() {
            let Effect::SagaCreated { definition, key, .. } = effect else { continue };
            judge.judged();
            let id = (self.names.number(store), self.names.number(&definition.name), key.clone());
            if let Some(before) = self.created.insert(id, event.number) {
                judge.violate(
                    Entity::named(definition.name.clone(), key.clone()),
                    format!("two sagas `{}` were started for `{key}`", definition.name),
                    vec![before, event.number],
                );
            }
        }
    }
}
