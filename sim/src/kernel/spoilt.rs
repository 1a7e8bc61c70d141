//! Calls that a fault which lasts spoils, and what becomes of whoever makes them.

use seaworthy_core::ports::{Answer, Call, InboxInsert, Operation};

use super::{incarnation::Incarnation, panics, spoils::Spoiled, timed::Hit, world::World};
use crate::{
    plan::{FaultKind, Restart},
    trace::{ProcessIndex, TxId, What},
};

/// Effect of a fault that spoils what a call is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spoilt {
    Conflict,
    Unavailable,
    Death,
    /// Text of the panic.
    Panic(&'static str),
}

/// A process that dies of a message comes back a moment later, as under any supervisor.
const POISONED: Restart = Restart { after_ms: 1_000, upgrade: false };

impl World {
    /// Returns what becomes of a call that would count what a fault of the plan spoils as handled or done. Work that was
    /// handled, or given up, before is nobody's trouble any more. An event that had its effect counts as handled with the checkpoint
    /// that moves past it.
    pub(crate) fn spoiled(
        &self,
        by: &Incarnation,
        call: &Call<'_>,
        tx: TxId,
        answer: Option<Answer<'_>>,
    ) -> Option<Spoilt> {
        let hit = self.store_hit(by.process);
        match (call.operation(), answer?) {
            (Operation::InboxInsert, Answer::Inserted(InboxInsert::First)) | (Operation::SagaAppend, _) => {
                self.spoiled_at(hit, by, call)
            }
            (Operation::SetCheckpoint, _) => {
                let spoiled = {
                    let mut state = self.state();
                    let events = state.faults.applied.take(tx, self.store_of(by.process));
                    state.faults.spoil_effects(hit, &events)
                };
                spoiled.map(|spoiled| self.tell_spoiled(by, spoiled))
            }
            _ => None,
        }
    }

    /// Takes in events that a process has read from its log, where a fault may spoil their effect.
    pub(crate) fn note_events(&self, process: ProcessIndex, answer: &Answer<'_>) {
        let Answer::Events(events) = answer else { return };
        let mut state = self.state();
        if state.faults.spoil_events() {
            state.faults.applied.read(self.store_of(process), events);
        }
    }

    /// Takes in that an event has had its effect in a transaction, where a fault may spoil that.
    pub(crate) fn note_applied(&self, tx: TxId, subscriber: &str, position: i64) {
        let mut state = self.state();
        if let (true, Ok(position)) = (state.faults.spoil_events(), u64::try_from(position)) {
            state.faults.applied.apply(tx, subscriber, position);
        }
    }

    /// Returns what becomes of a call outside that a fault of the plan spoils, before it has any effect.
    pub(crate) fn spoiled_outside(&self, by: &Incarnation, call: &Call<'_>) -> Option<Spoilt> {
        let hit = match call {
            Call::Publish { .. } => self.store_hit(by.process),
            Call::External { call } => Hit::External(self.external_index(&call.service)?),
            _ => return None,
        };
        self.spoiled_at(hit, by, call)
    }

    /// Does to an incarnation what its spoilt call comes to.
    pub(crate) fn spoil(&self, by: &Incarnation, spoilt: Spoilt) {
        match spoilt {
            Spoilt::Conflict | Spoilt::Unavailable => {}
            Spoilt::Death => self.crash(by, POISONED),
            Spoilt::Panic(what) => panics::inject(what),
        }
    }

    fn store_hit(&self, process: ProcessIndex) -> Hit {
        Hit::Store(self.store_of(process))
    }

    fn spoiled_at(&self, hit: Hit, by: &Incarnation, call: &Call<'_>) -> Option<Spoilt> {
        let spoiled = self.state().faults.spoil(hit, call)?;
        Some(self.tell_spoiled(by, spoiled))
    }

    fn tell_spoiled(&self, by: &Incarnation, Spoiled { timed, what, is_first }: Spoiled) -> Spoilt {
        if is_first {
            self.record(What::Fault { index: timed.index, kind: timed.kind, point: None });
        }
        if !by.is_dead() {
            self.record_of(by, What::Spoils { index: timed.index, what });
        }
        match (timed.kind, timed.amount) {
            (FaultKind::EndlessConflict, _) => Spoilt::Conflict,
            (FaultKind::EndlessUnavailable, _) => Spoilt::Unavailable,
            (FaultKind::PoisonPublish | FaultKind::PoisonCall, 0) => Spoilt::Panic("a poisonous call"),
            (_, 0) => Spoilt::Panic("a poisonous message"),
            _ => Spoilt::Death,
        }
    }
}
