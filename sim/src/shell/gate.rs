use std::{pin::pin, sync::Arc, time::Duration};

use futures_util::future::{BoxFuture, select};
use seaworthy_core::ports::{Call, Operation};

use crate::{
    kernel::{Incarnation, Injected, Pass, RunState, Takes, World, scope},
    plan::{Latency, Verdict},
    trace::What,
};

/// Gate between a process and the world. Every port call goes through here once, to be counted, delayed and judged.
#[derive(Clone)]
pub(crate) struct Gate {
    pub(crate) world: Arc<World>,
    pub(crate) incarnation: Arc<Incarnation>,
}

/// A call that was counted.
pub(super) struct Counted<'a> {
    pub(super) injected: Option<Injected>,
    /// Its number, where calls are noted; 0 elsewhere.
    pub(super) noted: u32,
    pub(super) pass: Pass<'a>,
}

impl Gate {
    pub(crate) fn new(world: Arc<World>, incarnation: Arc<Incarnation>) -> Self {
        Self { world, incarnation }
    }

    /// Writes an event of this process.
    pub(crate) fn record(&self, what: What) {
        if !self.incarnation.is_dead() {
            self.world.record_of(&self.incarnation, what);
        }
    }

    /// Notes what a call failed with of itself.
    #[cold]
    pub(crate) fn note_error(&self, point: Operation, error: &impl std::fmt::Display) {
        self.world.note_error(&self.incarnation, point, error);
    }

    /// Ends whoever makes a call that such a verdict strikes: the call never returns.
    #[cold]
    pub(crate) fn end(&self, verdict: Verdict) {
        match verdict {
            Verdict::CrashBefore(restart) | Verdict::CrashAfter(restart) => {
                self.world.crash(&self.incarnation, restart);
            }
            Verdict::Cancel { .. } => scope::strike(),
            _ => {}
        }
    }

    /// Counts a call, and draws how long it takes. `None` if the run has no budget left for it.
    pub(super) fn count(&self, point: Operation, reach: Reach) -> Option<Counted<'_>> {
        let mut state = self.world.state();
        if state.calls_left == 0 {
            // It may be a while since somebody looked whether anything changes.
            state.refund(self.world.elapsed(), &self.world.meter);
        }
        if !state.spend_call() {
            drop(state);
            self.world.nudge.notify_one();
            return None;
        }
        let injected = state.inject(self.incarnation.process, point);
        let noted = state.faults.noted(self.incarnation.process, point);
        let pass = Pass { incarnation: &self.incarnation, takes: self.takes(&mut state, reach) };
        Some(Counted { injected, noted, pass })
    }

    fn takes(&self, state: &mut RunState, reach: Reach) -> Takes<'_> {
        if reach == Reach::Statement {
            return Takes::Turns(1);
        }
        let times = state.stall(self.world.schedule.stall_per_mille);
        let ms = match self.world.schedule.latency {
            Latency::Zero => return Takes::Turns(times),
            Latency::Equal { ms } => u64::from(ms),
            Latency::Spread { min_ms, max_ms } => state.latency(min_ms, max_ms),
        };
        match ms * u64::from(times) {
            0 => Takes::Turns(0),
            ms => Takes::Time(self.world.meter.sleep(Duration::from_millis(ms))),
        }
    }

    /// Holds a call up for as long as the plan says, or until the world heals. It is rare, and large: in a box of its own,
    /// so that not every call's future has room for it.
    #[cold]
    pub(crate) fn hold(&self, ms: u64) -> BoxFuture<'_, ()> {
        let held = async move {
            let healed = pin!(self.world.healed.notified());
            if !self.world.has_healed() {
                let sleep = self.world.meter.sleep(Duration::from_millis(ms));
                self.incarnation.alive(select(healed, sleep)).await;
            }
        };
        Box::pin(held)
    }

    /// Waits out a pause of the process, and the extra latency of a slow link; `None` if there is neither. Heal ends both.
    pub(crate) fn stand_still(&self) -> Option<BoxFuture<'_, ()>> {
        let Self { world, incarnation } = self;
        let slow = world.slow_link(incarnation.process);
        if slow.is_none() && world.paused(incarnation.process).is_none() {
            return None;
        }
        Some(Box::pin(async move {
            if let Some(ms) = slow {
                self.hold(ms).await;
            }
            while let Some(until_ms) = world.paused(incarnation.process) {
                let now_ms = world.elapsed() / 1_000;
                self.hold(until_ms.saturating_sub(now_ms).max(1)).await;
            }
        }))
    }

    /// Returns `true` if an outage is on that this call meets.
    #[inline]
    pub(crate) fn is_out(&self, call: &Call<'_>) -> bool {
        self.world.is_disturbed() && self.world.is_out(self.incarnation.process, call)
    }
}

/// Reach of a call, which decides how long it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Over the network: it takes the plan's latency.
    Network,
    /// A statement in an open transaction: others may go first, but time stands still.
    Statement,
}
