use seaworthy_core::ports::{GivenUp, SagaStatus};
use smol_str::SmolStr;

use crate::trace::{Effect, Outcome, SettledAs, What, Work};

/// Work that processes have given up, until it is taken up again, and what nobody has spoken of yet.
#[derive(Debug, Default)]
pub(crate) struct GivenUpBook {
    /// Dead letters and stuck sagas, each with its store.
    parked: Vec<(SmolStr, GivenUp)>,
    unsaid: Vec<Work>,
    /// Work that the plan has spoiled, or may have.
    is_spoiled: bool,
}

impl GivenUpBook {
    /// Takes in what happened: faults that spoil, effects on inboxes and sagas, settlements. `message` says which message
    /// a settled row is of, by its position.
    pub(crate) fn note(&mut self, what: &What, message: impl Fn(usize) -> Option<Work>) {
        match what {
            What::Spoils { .. } => self.is_spoiled = true,
            What::Commit { store, effects, .. } => {
                for effect in effects.iter() {
                    self.take_in(store, effect);
                }
            }
            What::Settle { rows, outcome: Outcome::Done, .. } => {
                let dead = rows.iter().enumerate().filter(|(_, row)| row.held && row.settled == SettledAs::Dead);
                self.unsaid.extend(dead.filter_map(|(at, _)| message(at)));
            }
            _ => {}
        }
    }

    fn take_in(&mut self, store: &SmolStr, effect: &Effect) {
        match effect {
            Effect::Buried { consumer, message, .. } => {
                let given_up = GivenUp::Message { consumer: consumer.clone(), message: *message };
                self.park(store, given_up, Work::Message(*message));
            }
            Effect::GivenUp { message, .. } => self.unsaid.push(Work::Message(*message)),
            Effect::SagaLogged { saga, status: SagaStatus::Stuck, .. } => {
                self.park(store, GivenUp::Saga(*saga), Work::Saga(*saga));
            }
            Effect::SagaLogged { saga, .. } if !self.parked.is_empty() => {
                self.parked.retain(|(_, known)| *known != GivenUp::Saga(*saga));
            }
            Effect::Exhumed { consumer, message } if !self.parked.is_empty() => {
                let taken_up = GivenUp::Message { consumer: consumer.clone(), message: *message };
                self.parked.retain(|(_, known)| *known != taken_up);
            }
            _ => {}
        }
    }

    fn park(&mut self, store: &SmolStr, given_up: GivenUp, work: Work) {
        if !self.parked.iter().any(|(_, known)| *known == given_up) {
            self.parked.push((store.clone(), given_up));
            self.unsaid.push(work);
        }
    }

    /// Returns what was given up in a store and has not been taken up again.
    pub(crate) fn parked_in(&self, store: &SmolStr) -> Vec<GivenUp> {
        self.parked.iter().filter(|(of, _)| of == store).map(|(_, what)| what.clone()).collect()
    }

    /// A store was put back to what it was when this was given up in it. Nobody is asked to speak of what is gone.
    pub(crate) fn put_back(&mut self, store: &SmolStr, parked: Vec<GivenUp>) {
        self.parked.retain(|(of, _)| of != store);
        self.parked.extend(parked.into_iter().map(|what| (store.clone(), what)));
    }

    /// Returns what waits for an operator because the plan has spoiled something. What is given up without that is for
    /// the invariants to judge as it lies.
    pub(crate) fn parked(&self) -> &[(SmolStr, GivenUp)] {
        if self.is_spoiled { &self.parked } else { &[] }
    }

    /// Returns `true` if something was given up that nobody has spoken of.
    pub(crate) fn has_unsaid(&self) -> bool {
        !self.unsaid.is_empty()
    }

    /// Returns one thing that a text speaks of and nobody has spoken of before.
    pub(crate) fn spoken_of(&mut self, text: &str) -> Option<Work> {
        let speaks_of = |work: &Work| {
            let mut hyphenated = [0; uuid::fmt::Hyphenated::LENGTH];
            text.contains(&*work.id().hyphenated().encode_lower(&mut hyphenated))
        };
        let at = self.unsaid.iter().position(speaks_of)?;
        Some(self.unsaid.swap_remove(at))
    }
}
