//! Ends of processes: asked to stop, struck, panicking or of their own doing; and how they come back.

use std::sync::Arc;

use smol_str::SmolStr;

use super::{incarnation::Incarnation, panics::Panicked, run_state::Due, spent::Spent, world::World};
use crate::{
    invariants::Entity,
    plan::Restart,
    trace::{What, micros},
};

/// Reason for which a process has ended that was asked to.
const STOPPED: &str = "it was asked to stop";

impl World {
    /// The main function of a process has returned: nobody is there any more, but for tasks that it leaves behind.
    pub(crate) fn returned(&self, incarnation: &Incarnation) {
        let at = self.elapsed();
        let mut state = self.state();
        let process = &mut state.processes[usize::from(incarnation.process.0)];
        if incarnation.is_dead() || process.incarnation.as_ref().is_none_or(|alive| alive.number != incarnation.number)
        {
            return;
        }
        process.returned = Some(at);
        if !incarnation.pulse.is_listening() {
            process.requests.clear();
        }
        drop(state);
        if let Some(restart) = incarnation.stopping() {
            self.record_of(incarnation, What::Exit { reason: SmolStr::new_static(STOPPED) });
            self.crash(incarnation, restart);
        }
    }

    /// Asks an incarnation to stop, as a deployment does, and gives it some time for it.
    pub(crate) fn stop(&self, incarnation: &Arc<Incarnation>, restart: Restart) {
        if !incarnation.is_dead() && incarnation.asked_to_stop(restart) {
            let at = self.elapsed() + micros(self.topology.stop_within);
            self.state().schedule(at, Due::Kill(incarnation.clone()));
            self.nudge.notify_one();
        }
    }

    /// Writes down that an incarnation has stopped by itself whose main function had returned before it was asked to, and whose
    /// tasks have ended since.
    pub(crate) fn has_stopped(&self, incarnation: &Incarnation) {
        let has_returned = self.state().processes[usize::from(incarnation.process.0)].returned.is_some();
        if has_returned && !incarnation.is_dead() && incarnation.has_no_tasks() {
            self.record_of(incarnation, What::Exit { reason: SmolStr::new_static(STOPPED) });
        }
    }

    /// Ends an incarnation and has the process come back later.
    pub(crate) fn crash(&self, incarnation: &Incarnation, restart: Restart) {
        if incarnation.end() && !incarnation.dies_later(restart) {
            self.tell_death(incarnation, restart);
        }
    }

    /// Writes down that an incarnation is dead, which it has been since [`World::crash`], and has the process come back.
    pub(crate) fn tell_death(&self, incarnation: &Incarnation, restart: Restart) {
        let at = self.elapsed();
        let mut state = self.state();
        for (whose, what) in state.in_vain.bury(incarnation.process, incarnation.number) {
            self.take_in_of(&mut state, at, whose, what);
        }
        state.recorder.record(at, incarnation.process, incarnation.number, What::Crash);
        let process = &mut state.processes[usize::from(incarnation.process.0)];
        process.incarnation = None;
        // What had reached the process and was not taken dies with it; whoever asked asks again.
        process.requests.clear();
        let due = Due::Boot { process: incarnation.process, upgrade: restart.upgrade };
        state.schedule(at + u64::from(restart.after_ms) * 1_000, due);
        drop(state);
        self.nudge.notify_one();
    }

    /// Ends every task of the run.
    pub(crate) fn end(&self) {
        let lives: Vec<Arc<Incarnation>> = {
            let mut state = self.state();
            state.agenda.clear();
            state.processes.iter_mut().filter_map(|process| process.incarnation.take()).collect()
        };
        for incarnation in lives {
            incarnation.end();
        }
        self.outside.end();
    }

    /// A task of a process panicked, and the process dies of it. That is a finding and the end of the run, unless somebody
    /// is there to start the process again: then it is one only where it helps nothing.
    pub(crate) fn panicked(&self, incarnation: &Incarnation, panicked: Panicked) {
        let in_vain = "panics whenever it is started again";
        self.tell_panic(incarnation, panicked, |message| What::Panic { message }, Some(in_vain));
        self.crash(incarnation, Restart { after_ms: 1_000, upgrade: false });
    }

    /// A piece of a process's work panicked, and whoever ran it took it for a failure of that work. The process lives on, as
    /// in production, and it is a mistake all the same: a finding and the end of the run, unless the process is one that
    /// is expected to panic. Then what becomes of the work is for the invariants to judge.
    pub(crate) fn caught(&self, incarnation: &Incarnation, panicked: Panicked) {
        self.tell_panic(incarnation, panicked, |message| What::Caught { message }, None);
    }

    /// A part of a process has ended that was to work until the stop, and has said so. In production the process is not whole from
    /// then on, and only whoever asks for its health sees it: a finding, and the end of the run.
    pub(crate) fn part_ended(&self, incarnation: &Incarnation, part: &str, why: &str) {
        if incarnation.is_dead() {
            return;
        }
        let at = self.elapsed();
        let spec = &self.topology.processes[usize::from(incarnation.process.0)];
        {
            let mut state = self.state();
            let what = What::PartEnded { part: part.into(), why: why.into() };
            state.recorder.record(at, incarnation.process, incarnation.number, what);
            let sentence = format!("process {} goes on without {part}: {why}", spec.name);
            let entity = Entity::named(spec.service.clone(), spec.name.clone());
            state.recorder.violate("part-ended", entity, sentence);
            state.spent = Some(Spent::Panic);
        }
        self.nudge.notify_one();
    }

    /// `in_vain`: what a process that is expected to panic does where it helps nothing.
    fn tell_panic(
        &self,
        incarnation: &Incarnation,
        panicked: Panicked,
        what: fn(SmolStr) -> What,
        in_vain: Option<&'static str>,
    ) {
        let Panicked { message, place, is_injected } = panicked;
        let at = self.elapsed();
        let spec = &self.topology.processes[usize::from(incarnation.process.0)];
        {
            let mut state = self.state();
            state.recorder.record(at, incarnation.process, incarnation.number, what(message.clone()));
            let in_vain = in_vain.filter(|_| state.panics_in_vain(incarnation.process));
            // What the plan does is no finding: what becomes of it is for the invariants to judge.
            if !is_injected && let Some(did) = if spec.supervised { in_vain } else { Some("panicked") } {
                let sentence = format!("process {} {did}: {message}", spec.name);
                let entity = Entity::named(spec.service.clone(), spec.name.clone());
                state.recorder.violate_by_panic("panic", entity, sentence, place.as_ref());
                state.spent = Some(Spent::Panic);
            }
        }
        self.nudge.notify_one();
    }

    /// A process has decided to die: that is no finding, and it comes back as after a panic.
    pub(crate) fn exited(&self, incarnation: &Incarnation, reason: SmolStr) {
        if !incarnation.is_dead() {
            self.record_of(incarnation, What::Exit { reason });
            self.crash(incarnation, Restart { after_ms: 1_000, upgrade: false });
        }
    }

    /// The client panicked: there is nobody left who asks.
    pub(crate) fn client_panicked(&self, panicked: &Panicked) {
        let mut state = self.state();
        let sentence = format!("the client panicked: {}", panicked.message);
        state.recorder.violate_by_panic("client-panicked", "the client", sentence, panicked.place.as_ref());
        state.spent = Some(Spent::Panic);
        drop(state);
        self.nudge.notify_one();
    }
}
