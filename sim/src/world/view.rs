use crate::{
    kernel::{Budget, Due, Spent, World},
    trace::{VirtualTime, micros},
};

/// Time that the storm goes on where the system does not come to rest, after the client is done.
const STORM_IDLE_US: u64 = 30_000_000;

/// Time that it goes on while the client waits in vain for an answer: longer than any delay that is drawn.
const STORM_IN_VAIN_US: u64 = 300_000_000;

/// Longest time that it goes on, after all that the plan and the workload have fixed moments for.
const STORM_MAX_US: u64 = 600_000_000;

/// For so much of the time to settle, at its end, events are kept to say what goes on.
const TAIL_OF: u64 = 12;

/// State of a run that has healed and has not come to rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Settling {
    MayGoOn,
    IsNearlyOver,
    IsOver,
}

/// View of the world's own task on its state when it looks.
pub(super) struct View {
    /// Time at which something is due next.
    pub(super) next: Option<VirtualTime>,
    /// `true` if something of the plan is due, or hangs. That a process is started again is not enough: it may panic again for
    /// ever.
    pub(super) is_due: bool,
    /// Requests that the client still waits for, and its tasks.
    pub(super) asking: u64,
    /// The budget that is used up.
    pub(super) spent: Option<Spent>,
    /// Time of the last change.
    pub(super) last_change: VirtualTime,
    /// The last moment that the workload, the client or the plan had fixed beforehand.
    fixed: VirtualTime,
    is_disturbed: bool,
}

impl View {
    pub(super) fn new(world: &World) -> Self {
        let state = world.state();
        Self {
            next: state.agenda.keys().next().map(|(at, _)| *at),
            is_due: state.agenda.values().any(|due| !matches!(due, Due::Boot { .. })) || state.hangs(world.elapsed()),
            asking: state.asking,
            spent: state.spent.or_else(|| world.meter.is_spent().then_some(Spent::Steps)),
            last_change: state.recorder.last_change(),
            fixed: state.fixed,
            is_disturbed: state.faults.is_disturbed(),
        }
    }

    /// Returns the time at which a run in which nothing has changed since is given up.
    pub(super) fn limit(&self, budget: &Budget) -> VirtualTime {
        self.last_change.max(self.fixed).saturating_add(micros(budget.quiesce))
    }

    /// Judges a healed run that ought to come to rest: its client has been done since `idle_since`.
    pub(super) fn settling(&self, now: VirtualTime, idle_since: VirtualTime, budget: &Budget) -> Settling {
        let settle = micros(budget.settle);
        let limit = idle_since.max(self.fixed).saturating_add(settle);
        match limit.checked_sub(now) {
            _ if self.is_due || self.asking > 0 => Settling::MayGoOn,
            None => Settling::IsOver,
            Some(left) if left < settle / TAIL_OF => Settling::IsNearlyOver,
            Some(_) => Settling::MayGoOn,
        }
    }

    /// Returns `true` if the world heals although the system has not come to rest: nothing is due any more, and what
    /// the client waits for, if it does, does not come.
    pub(super) fn storm_is_over(&self, now: VirtualTime, idle_since: VirtualTime) -> bool {
        let is_late = now > idle_since + STORM_IDLE_US
            || now > self.last_change.max(self.fixed) + STORM_IN_VAIN_US
            || now > self.fixed + STORM_MAX_US;
        !self.is_due && !self.is_disturbed && is_late
    }
}
