//! Detection of rest: the end of a run that has nothing more to do.

use std::{pin::pin, task::Poll, time::Duration};

use async_trait::async_trait;
use futures_util::{
    future::{Either, select},
    poll,
};
use seaworthy_core::ports::Store;

use crate::{
    kernel::{Incarnation, World},
    scenario::Scenario,
};

/// Number of times that a process must have waited for all that it waited for, and changed nothing, until nothing more
/// is expected of it. One time would do for a loop that looks for work; more find what is done in several waits with
/// nothing to show for in between, as a second look before a write.
const TURNS: u32 = 3;

/// So many rounds are a turn where a process is never seen without a port call under way, since it looks for work faster
/// than its store answers. More calls than anything makes from one look to a write.
const ROUNDS_OF_A_TURN: u32 = 16;

/// Time that a run which seems to be at rest must stay so, for what is about to be polled and waits for nothing that
/// the world could see. The shortest wait that there is.
const MOMENT: Duration = Duration::from_millis(1);

/// Word of the scenario on what only it knows to be pending.
#[async_trait]
pub(super) trait OwnWord: Sync {
    /// Returns `true` if something is pending in tables of its own.
    async fn pending(&self, name: &str, store: &dyn Store) -> bool;
}

#[async_trait]
impl<S: Scenario> OwnWord for S {
    async fn pending(&self, name: &str, store: &dyn Store) -> bool {
        Scenario::pending(self, name, store).await
    }
}

/// Returns the answer of a store, unless it makes the world wait for longer than `patience`.
///
/// A store of one writer is busy for as long as a process that stands still has a transaction open. It is the world that
/// lets the process go on, so it must not stand in line behind it.
pub(super) async fn in_time<T>(world: &World, patience: Duration, answer: impl Future<Output = T>) -> Option<T> {
    let mut answer = pin!(answer);
    // Mostly it is there at once, and a timer is spared.
    if let Poll::Ready(answer) = poll!(&mut answer) {
        return Some(answer);
    }
    match select(answer, pin!(world.meter.sleep(patience))).await {
        Either::Left((answer, _)) => Some(answer),
        Either::Right(_) => None,
    }
}

/// The turns that every process has had since something last changed.
///
/// What a process is about to do with what it holds in memory shows in no store. It can only act after something that it
/// waits for: a port call, a moment of its clock, a request, a delivery. So once nothing is pending anywhere, all that it
/// may still do hangs on the calls and the waits that were there when something last changed. When all of these have come
/// and have changed nothing, and so have those that came after them, the run is at a fixed point.
pub(super) struct Turns {
    changes: u64,
    of: Vec<Turn>,
}

/// Turns of one process.
#[derive(Clone, Copy, Default)]
struct Turn {
    incarnation: u32,
    turns: u32,
    /// Rounds of the next turn so far, each with a call under way at its end.
    rounds: u32,
    polls: u64,
}

impl Turns {
    pub(super) fn new(processes: usize) -> Self {
        Self { changes: 0, of: vec![Turn::default(); processes] }
    }

    /// Looks at every process. Whether all of them are up and have had their turns without changing anything.
    pub(super) fn look(&mut self, world: &World) -> bool {
        let state = world.state();
        let changes = state.recorder.changes();
        let begins_anew = changes != self.changes;
        self.changes = changes;
        let mut all = true;
        for (turn, process) in self.of.iter_mut().zip(&state.processes) {
            all &= match &process.incarnation {
                Some(incarnation) => turn.look(incarnation, begins_anew) && process.requests.is_empty(),
                None => false,
            };
        }
        all
    }

    /// Returns `true` if the run stays as it was when it was last looked at, a moment longer.
    pub(super) async fn last(&self, world: &World) -> bool {
        world.meter.sleep(MOMENT).await;
        let state = world.state();
        let mut processes = self.of.iter().zip(&state.processes);
        state.recorder.changes() == self.changes
            && processes
                .all(|(turn, process)| process.incarnation.as_ref().is_some_and(|incarnation| turn.lasts(incarnation)))
    }
}

impl Turn {
    fn look(&mut self, incarnation: &Incarnation, begins_anew: bool) -> bool {
        if begins_anew || self.incarnation != incarnation.number {
            *self = Self { incarnation: incarnation.number, ..Self::default() };
            incarnation.pulse.next_round();
        } else if incarnation.pulse.round_is_over() {
            self.rounds += 1;
            if !incarnation.is_calling() || self.rounds == ROUNDS_OF_A_TURN {
                (self.turns, self.rounds) = (self.turns + 1, 0);
            }
            incarnation.pulse.next_round();
        }
        self.polls = incarnation.pulse.polls();
        self.turns >= TURNS || waits_for_others(incarnation)
    }

    fn lasts(&self, incarnation: &Incarnation) -> bool {
        let is_same = self.incarnation == incarnation.number;
        is_same && (self.turns >= TURNS || self.polls == incarnation.pulse.polls() && waits_for_others(incarnation))
    }
}

/// Returns `true` if it waits for nothing but requests, deliveries and its own tasks: it does nothing any more by
/// itself.
fn waits_for_others(incarnation: &Incarnation) -> bool {
    incarnation.pulse.sleeps.is_empty() && !incarnation.is_calling()
}

/// Returns `true` if nothing is pending in the broker, in the stores, in declared tables, or by the scenario's own
/// word.
pub(super) async fn is_quiet(world: &World, scenario: &dyn OwnWord) -> bool {
    if world.broker.pending() > 0 {
        return false;
    }
    {
        let state = world.state();
        if state.recorder.is_locked() || state.own_tables.as_ref().is_some_and(|tables| tables.pending() > 0) {
            return false;
        }
    }
    for (_, store) in &world.stores {
        if !store.backlog().await.is_ok_and(|backlog| backlog.is_idle()) {
            return false;
        }
    }
    for (name, store) in &world.stores {
        if scenario.pending(name, &**store).await {
            return false;
        }
    }
    true
}
