use super::{Interest, Invariant, Judge, Mode};
use crate::trace::Event;

/// A goal that a campaign must reach at least once: an event for which `is_reached` says yes.
///
/// A campaign that never compensated proves nothing about compensation; this makes it say so.
///
/// ```
/// use seaworthy_core::ports::SagaStatus;
/// use seaworthy_sim::{invariants::{Interest, goal}, trace::{Effect, Event, What}};
///
/// let compensated = goal("compensated", Interest::SAGA_LOGGED, |event| {
///     let What::Commit { effects, .. } = &event.what else { return false };
///     effects.iter().any(|effect| matches!(effect, Effect::SagaLogged { status: SagaStatus::Compensated, .. }))
/// });
/// # drop(compensated);
/// ```
pub fn goal(
    name: &'static str,
    interest: Interest,
    is_reached: impl Fn(&Event) -> bool + Send + 'static,
) -> Box<dyn Invariant> {
    Box::new(Goal { name, interest, is_reached, is_over: false })
}

struct Goal<F> {
    name: &'static str,
    interest: Interest,
    is_reached: F,
    is_over: bool,
}

impl<F: Fn(&Event) -> bool + Send> Invariant for Goal<F> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn mode(&self) -> Mode {
        Mode::Sometimes
    }

    fn interest(&self) -> Interest {
        self.interest
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        if !self.is_over && (self.is_reached)(event) {
            self.is_over = true;
            judge.judged();
            judge.reached(self.name);
        }
    }
}
