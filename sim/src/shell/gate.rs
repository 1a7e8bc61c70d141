use std::{pin::pin, sync::Arc, time::Duration};

use futures_util::future::{BoxFuture, select};
use seaworthy_core::ports::{Answer, Call, InboxInsert, Operation, Port};

use super::struck::Struck;
use crate::{
    kernel::{Hit, Incarnation, Injected, Pass, Spoiled, State, Takes, Timed, World, scope},
    plan::{Edge, FaultKind, Latency, Verdict},
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

    /// Says what strikes a call that takes no time and can't wait: an answer that is sent off. A delay is the answer's, on
    /// its way.
    pub(crate) fn enter_at_once(&self, point: Operation) -> Struck {
        if self.incarnation.is_dead() {
            return Some(Verdict::LoseRequest);
        }
        let Injected { index, kind, verdict, .. } = self.world.state().inject(self.incarnation.process, point)?;
        self.record(What::Fault { index, kind, point: Some(point) });
        match verdict {
            Verdict::Stop(restart) => self.world.stop(&self.incarnation, restart),
            verdict if verdict.ends_caller() == Some(Edge::Before) => self.end(verdict),
            _ => {}
        }
        Some(verdict)
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

    fn takes(&self, state: &mut State, reach: Reach) -> Takes<'_> {
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
        let slow = self.slow_link();
        if slow.is_none() && self.paused().is_none() {
            return None;
        }
        Some(Box::pin(async move {
            if let Some(ms) = slow {
                self.hold(ms).await;
            }
            while let Some(until_ms) = self.paused() {
                let now_ms = self.world.elapsed() / 1_000;
                self.hold(until_ms.saturating_sub(now_ms).max(1)).await;
            }
        }))
    }

    fn slow_link(&self) -> Option<u64> {
        let mut extra_ms = 0;
        self.world.disturb(
            |timed| self.is_hit_by(timed, FaultKind::SlowLink),
            |timed| extra_ms += timed.amount.unsigned_abs(),
        );
        (extra_ms > 0).then_some(extra_ms)
    }

    /// Returns the time until which the process is paused.
    fn paused(&self) -> Option<u64> {
        let mut until_ms = None;
        self.world.disturb(
            |timed| self.is_hit_by(timed, FaultKind::Pause),
            |timed| until_ms = until_ms.max(Some(timed.to_ms)),
        );
        until_ms
    }

    fn is_hit_by(&self, timed: &Timed, kind: FaultKind) -> bool {
        timed.kind == kind && timed.hit == Hit::Process(self.incarnation.process)
    }

    /// Returns `true` if an outage is on that this call meets.
    #[inline]
    pub(crate) fn is_out(&self, call: &Call<'_>) -> bool {
        self.world.is_disturbed() && self.meets_outage(call)
    }

    /// Returns what becomes of a call that would count what a fault of the plan spoils as handled or done. Work that was
    /// handled, or given up, before is nobody's trouble any more.
    pub(super) fn spoiled(&self, call: &Call<'_>, answer: Option<Answer<'_>>) -> Option<Spoilt> {
        match (call.operation(), answer?) {
            (Operation::InboxInsert, Answer::Inserted(InboxInsert::First)) | (Operation::SagaAppend, _) => {}
            _ => return None,
        }
        self.spoiled_at(Hit::Store(self.world.store_of(self.incarnation.process)), call)
    }

    /// Returns what becomes of a call outside that a fault of the plan spoils, before it has any effect.
    pub(super) fn spoiled_outside(&self, call: &Call<'_>) -> Option<Spoilt> {
        let hit = match call {
            Call::Publish { .. } => Hit::Store(self.world.store_of(self.incarnation.process)),
            Call::External { call } => Hit::External(self.world.external_index(&call.service)?),
            _ => return None,
        };
        self.spoiled_at(hit, call)
    }

    fn spoiled_at(&self, hit: Hit, call: &Call<'_>) -> Option<Spoilt> {
        let Spoiled { timed, what, is_first } = self.world.state().faults.spoil(hit, call)?;
        if is_first {
            self.world.record(What::Fault { index: timed.index, kind: timed.kind, point: None });
        }
        self.record(What::Spoils { index: timed.index, what });
        Some(match (timed.kind, timed.amount) {
            (FaultKind::EndlessConflict, _) => Spoilt::Conflict,
            (FaultKind::PoisonPublish | FaultKind::PoisonCall, 0) => Spoilt::Panic("a poisonous call"),
            (_, 0) => Spoilt::Panic("a poisonous message"),
            _ => Spoilt::Death,
        })
    }

    fn meets_outage(&self, call: &Call<'_>) -> bool {
        let (port, process) = (call.operation().port(), self.incarnation.process);
        let service = match call {
            Call::External { call } => self.world.external_index(&call.service).map(Hit::External),
            _ => None,
        };
        let store = Hit::Store(self.world.store_of(process));
        let mut out = false;
        self.world.disturb(
            |timed| match timed.kind {
                FaultKind::BrokerOutage => port == Port::Broker,
                FaultKind::Partition => port == Port::Broker && timed.hit == Hit::Process(process),
                FaultKind::StoreOutage => matches!(port, Port::Store | Port::Transaction) && timed.hit == store,
                FaultKind::ExternalOutage => service == Some(timed.hit),
                _ => false,
            },
            |_| out = true,
        );
        out
    }
}

/// Effect of a fault that spoils what a call is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spoilt {
    Conflict,
    Death,
    /// Text of the panic.
    Panic(&'static str),
}

/// Reach of a call, which decides how long it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Over the network: it takes the plan's latency.
    Network,
    /// A statement in an open transaction: others may go first, but time stands still.
    Statement,
}
