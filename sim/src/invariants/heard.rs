use std::{collections::VecDeque, time::Duration};

use seaworthy_core::{ids::SagaId, ports::SagaStatus};
use smol_str::SmolStr;

use super::{Ending, Interest, Invariant, Judge, Mode, rows::Settled};
use crate::{
    topology::Topology,
    trace::{Effect, Event, Outcome, ProcessIndex, VirtualTime, What, Work},
};

/// `heard`: whatever is given up is said, at `WARN` or above, by its id.
///
/// A message that became a dead letter, an outbox row that died and a saga that is stuck wait for somebody who has to hear of
/// it. What a service keeps in tables of its own is left to its own ways. The process that gave it up says so within ten seconds of virtual time ([`Heard::within`]), through `tracing`. One that
/// died before it could, or never heard whether its commit was applied, is not accused; nor is what comes back to where it was
/// when it was tried once more.
///
/// State: one entry for each thing that was given up and not spoken of.
#[derive(Debug)]
pub struct Heard {
    bound: VirtualTime,
    /// Stores with an outbox in a table of the service's own.
    own: Vec<SmolStr>,
    unsaid: VecDeque<Unsaid>,
    stuck: Vec<SagaId>,
}

/// Work that was given up, by whom, and the event that shows it.
#[derive(Debug)]
struct Unsaid {
    work: Work,
    whose: (ProcessIndex, u32),
    at: VirtualTime,
    event: u64,
}

/// Longer than any process takes from a commit to its next line.
const BOUND: VirtualTime = 10_000_000;

impl Default for Heard {
    fn default() -> Self {
        Self::new()
    }
}

impl Heard {
    /// The invariant at the start of a run of a service without tables of its own.
    pub fn new() -> Self {
        Self { bound: BOUND, own: Vec::new(), unsaid: VecDeque::new(), stuck: Vec::new() }
    }

    /// The invariant for a topology: rows of an outbox that it declares are not asked for.
    pub fn from_topology(topology: &Topology) -> Self {
        let own = topology.tables.outboxes.iter().map(|table| table.place.store.clone());
        Self { own: own.collect(), ..Self::new() }
    }

    /// Sets how long it may take until it is said, in virtual time.
    #[must_use]
    pub fn within(mut self, bound: Duration) -> Self {
        self.bound = bound.as_micros() as u64;
        self
    }

    fn give_up(&mut self, work: Work, event: &Event, judge: &mut Judge<'_>) {
        judge.judged();
        let whose = (event.process, event.incarnation);
        self.unsaid.push_back(Unsaid { work, whose, at: event.at, event: event.number });
    }

    fn accuse(&mut self, latest: VirtualTime, judge: &mut Judge<'_>) {
        while let Some(unsaid) = self.unsaid.pop_front_if(|unsaid| unsaid.at < latest) {
            let what = match unsaid.work {
                Work::Message(_) | Work::Event(_) => "a message was given up",
                Work::Saga(_) => "a saga is stuck",
                Work::Call(_) => "a call was given up",
            };
            let sentence = format!("{what}, and nobody said so at WARN with its id");
            judge.violate(unsaid.work.id(), sentence, vec![unsaid.event]);
        }
    }
}

impl Invariant for Heard {
    fn name(&self) -> &'static str {
        "heard"
    }

    fn mode(&self) -> Mode {
        Mode::Always
    }

    fn interest(&self) -> Interest {
        Interest::INBOX
            | Interest::SAGA_LOGGED
            | Interest::SETTLE
            | Interest::SAID
            | Interest::PROCESS
            | Interest::RESTORED
    }

    fn subject(&self) -> Option<&'static str> {
        Some("a message, a row or a saga that was given up")
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        match &event.what {
            What::Commit { store, outcome: Outcome::Done, effects, .. } => {
                for effect in effects.iter() {
                    match effect {
                        Effect::Buried { message, .. } => {
                            let again = |effect: &Effect| matches!(effect, Effect::Exhumed { message: again, .. } if again == message);
                            if !effects.iter().any(again) {
                                self.give_up(Work::Message(*message), event, judge);
                            }
                        }
                        Effect::GivenUp { message, .. } if !self.own.contains(store) => {
                            self.give_up(Work::Message(*message), event, judge);
                        }
                        Effect::SagaLogged { saga, status: SagaStatus::Stuck, .. } if !self.stuck.contains(saga) => {
                            self.stuck.push(*saga);
                            self.give_up(Work::Saga(*saga), event, judge);
                        }
                        Effect::SagaLogged { saga, status, .. }
                            if *status != SagaStatus::Stuck && !self.stuck.is_empty() =>
                        {
                            self.stuck.retain(|stuck| stuck != saga);
                        }
                        _ => {}
                    }
                }
            }
            What::Settle { rows, outcome: Outcome::Done, .. } => {
                for at in 0..rows.len() {
                    if let Some((message, Settled::Dead)) = judge.settled(at) {
                        self.give_up(Work::Message(message), event, judge);
                    }
                }
            }
            What::Restored { sagas, .. } => self.stuck.retain(|stuck| !sagas.contains(stuck)),
            What::Said { about, .. } => self.unsaid.retain(|unsaid| unsaid.work != *about),
            What::Crash | What::Panic { .. } | What::Exit { .. } if !self.unsaid.is_empty() => {
                self.unsaid.retain(|unsaid| unsaid.whose != (event.process, event.incarnation));
            }
            _ => {}
        }
        if !self.unsaid.is_empty() {
            self.accuse(event.at.saturating_sub(self.bound), judge);
        }
    }

    fn conclude(&mut self, ending: Ending, judge: &mut Judge<'_>) {
        if ending == Ending::Quiet {
            self.accuse(VirtualTime::MAX, judge);
        }
    }
}
