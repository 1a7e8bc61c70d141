//! Writing down of what happens in a world: each event goes to the recorder, and to the books about calls and requests that
//! nobody has answered.

use seaworthy_core::ports::Operation;

use super::{
    in_vain::{Hang, Whose},
    incarnation::Incarnation,
    run_state::RunState,
    task,
    world::World,
};
use crate::trace::{ProcessIndex, VirtualTime, What};

impl World {
    /// Writes an event of the world itself.
    pub(crate) fn record(&self, what: What) {
        let at = self.elapsed();
        let mut state = self.state();
        self.take_in(&mut state, at, ProcessIndex::WORLD, 0, what);
    }

    /// Takes an event in, and wakes who waits for longer than it asked to if that changes anything.
    fn take_in(&self, state: &mut RunState, at: VirtualTime, process: ProcessIndex, incarnation: u32, what: What) {
        let changes = state.recorder.changes();
        let event = state.recorder.next_event();
        state.in_vain.see((process, incarnation, task::current()), &what, at, event);
        state.recorder.record(at, process, incarnation, what);
        if state.stretched && state.recorder.changes() != changes {
            state.stretched = false;
            self.stirred.notify_waiters();
        }
    }

    /// Takes in an event of any task.
    pub(super) fn take_in_of(&self, state: &mut RunState, at: VirtualTime, whose: Whose, what: What) {
        let (process, incarnation, task) = whose;
        let _whose = task::Polling::new(process, incarnation, task);
        self.take_in(state, at, process, incarnation, what);
    }

    /// A call is let go of that its store has not answered. Mostly somebody had no more time for it; where the same task
    /// had a transaction open, which the store may have waited for, that is told.
    pub(crate) fn left_waiting(&self, incarnation: &Incarnation, wait: u64) {
        let at = self.elapsed();
        let mut state = self.state();
        let Some(wait) = state.in_vain.end(wait) else { return };
        if !incarnation.is_dead()
            && let Some(what) = state.in_vain.deadlock(&wait)
        {
            self.take_in_of(&mut state, at, wait.whose, what);
        }
    }

    /// The run is given up: writes down which calls have not been answered. Returns them, each with the number of the event
    /// that says so.
    pub(crate) fn tell_waits(&self) -> Vec<(Hang, u64)> {
        let at = self.elapsed();
        let mut state = self.state();
        let store = |process: ProcessIndex| self.topology.processes.get(usize::from(process.0)).map(|spec| &spec.store);
        let hangs = state.in_vain.told_at_last(&|one, other| store(one) == store(other));
        let tell = |hang: Hang| {
            let event = state.recorder.next_event();
            self.take_in_of(&mut state, at, hang.whose, hang.what.clone());
            (hang, event)
        };
        hangs.into_iter().map(tell).collect()
    }

    /// Writes an event of a process.
    pub(crate) fn record_of(&self, incarnation: &Incarnation, what: What) {
        let at = self.elapsed();
        let mut state = self.state();
        if let What::Request { request, .. } = &what {
            let event = state.recorder.next_event();
            state.asks.taken(*request, incarnation.process, event);
        }
        self.take_in(&mut state, at, incarnation.process, incarnation.number, what);
    }

    /// A port call failed of itself, and not by a fault: that is told where the run does not end.
    pub(crate) fn note_error(&self, incarnation: &Incarnation, point: Operation, error: &impl std::fmt::Display) {
        if self.has_healed() && !incarnation.is_dead() {
            self.state().errors.note(incarnation.process, point, &error.to_string());
        }
    }
}
