//! Calls that a fault which lasts spoils, and what becomes of whoever makes them.

use seaworthy_core::ports::{Answer, Call, InboxInsert, Operation};

use super::{incarnation::Incarnation, panics, spoils::Spoiled, timed::Hit, world::World};
use crate::{
    plan::{FaultKind, Restart},
    trace::{ProcessIndex, What},
};

/// Effect of a fault that spoils what a call is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spoilt {
    Conflict,
    Death,
    /// Text of the panic.
    Panic(&'static str),
}

/// A process that dies of a message comes back a moment later, as under any supervisor.
const POISONED: Restart = Restart { after_ms: 1_000, upgrade: false };

impl World {
    /// Returns what becomes of a call that would count what a fault of the plan spoils as handled or done. Work that was
    /// handled, or given up, before is nobody's trouble any more.
    pub(crate) fn spoiled(&self, by: &Incarnation, call: &Call<'_>, answer: Option<Answer<'_>>) -> Option<Spoilt> {
        match (call.operation(), answer?) {
            (Operation::InboxInsert, Answer::Inserted(InboxInsert::First)) | (Operation::SagaAppend, _) => {}
            _ => return None,
        }
        self.spoiled_at(self.store_hit(by.process), by, call)
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
            Spoilt::Conflict => {}
            Spoilt::Death => self.crash(by, POISONED),
            Spoilt::Panic(what) => panics::inject(what),
        }
    }

    fn store_hit(&self, process: ProcessIndex) -> Hit {
        Hit::Store(self.store_of(process))
    }

    fn spoiled_at(&self, hit: Hit, by: &Incarnation, call: &Call<'_>) -> Option<Spoilt> {
        let Spoiled { timed, what, is_first } = self.state().faults.spoil(hit, call)?;
        if is_first {
            self.record(What::Fault { index: timed.index, kind: timed.kind, point: None });
        }
        if !by.is_dead() {
            self.record_of(by, What::Spoils { index: timed.index, what });
        }
        Some(match (timed.kind, timed.amount) {
            (FaultKind::EndlessConflict, _) => Spoilt::Conflict,
            (FaultKind::PoisonPublish | FaultKind::PoisonCall, 0) => Spoilt::Panic("a poisonous call"),
            (_, 0) => Spoilt::Panic("a poisonous message"),
            _ => Spoilt::Death,
        })
    }
}
