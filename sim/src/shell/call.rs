use seaworthy_core::ports::Operation;
use std::{
    future::pending,
    pin::{Pin, pin},
    task::{Context, Poll},
};

use futures_util::future::{BoxFuture, FutureExt};

use super::{
    Gate,
    disposition::{Disposition, Reach},
};
use crate::{
    kernel::{Injected, Waiting},
    plan::{Restart, Verdict},
    trace::What,
};

/// A port call that is under way, from its entry to its end: the run is not at rest meanwhile.
///
/// What the plan has for it strikes at the moment of its effect, not at its entry. So a verdict that the call never
/// comes to - because its caller drops it, its process dies, an outage answers first - has not struck; it is given back,
/// and strikes the next call of its kind. That is better than to count it as spent: a caller that polls with a timeout
/// drops most of its calls, and would use up its faults unseen. Once the world has healed nothing strikes any more.
pub(crate) struct Call<'a> {
    gate: &'a Gate,
    point: Operation,
    /// Fault that is to strike it and has not yet.
    pending: Option<Injected>,
    /// Set once it was decided that the process dies of this call.
    restart: Option<Restart>,
    waiting: Option<Waiting<'a>>,
}

impl Gate {
    /// Counts a call and waits as long as it takes. What it is to do is then said by [`Call::disposition`]. Never returns to a
    /// dead incarnation.
    pub(crate) async fn enter(&self, point: Operation, reach: Reach) -> Call<'_> {
        if self.incarnation.is_dead() {
            return pending().await;
        }
        let Some((injected, wait)) = self.count(point, reach) else { return pending().await };
        let mut call = Call::new(self, point, injected);
        self.pass(wait).await;
        // What is rare is in a box of its own, so that not every call has room for it.
        if self.world.is_disturbed()
            && let Some(still) = self.stand_still()
        {
            still.await;
        }
        if let Some(struck) = call.strike_early() {
            struck.await;
        }
        call
    }
}

impl<'a> Call<'a> {
    fn new(gate: &'a Gate, point: Operation, pending: Option<Injected>) -> Self {
        let waiting = Some(Waiting::new(&gate.incarnation.pulse.calls));
        Self { gate, point, pending, restart: None, waiting }
    }

    /// Applies what strikes before the call's effect: a delay, which heal ends, or the death of the process.
    fn strike_early(&mut self) -> Option<BoxFuture<'a, ()>> {
        let gate = self.gate;
        match self.pending?.verdict {
            Verdict::Delay { ms } => self.take().map(|_| gate.hold(ms.into())),
            Verdict::CrashBefore(restart) => self.take().map(|_| gate.die(restart).boxed()),
            _ => None,
        }
    }

    /// Returns `true` if it is refused before it waits for something to come. The rest is decided by
    /// [`Call::disposition`], when it has come.
    pub(crate) async fn is_refused(&mut self) -> bool {
        let outage = self.gate.outage(self.point);
        let refused = matches!(self.pending, Some(Injected { verdict: Verdict::Unavailable, .. }));
        (refused || outage != Disposition::Proceed) && self.meet(outage).await == Disposition::Unavailable
    }

    /// Waits for something to come, which may be never: meanwhile the call does not count as under way.
    pub(crate) async fn idle<T>(&mut self, what: impl Future<Output = T> + Send) -> T {
        self.waiting = None;
        let came = self.gate.incarnation.alive(pin!(what)).await;
        self.waiting = Some(Waiting::new(&self.gate.incarnation.pulse.calls));
        came
    }

    /// Says what the call is to do, at the moment at which it would have its effect.
    pub(crate) fn disposition(&mut self) -> Met {
        self.meet(self.gate.outage(self.point))
    }

    /// The same where the caller knows whether there is an outage. It answers before any verdict: where nobody answers
    /// there is no reply to lose and no copy to make. But whoever was to die after the call dies after one that fails too.
    pub(crate) fn meet(&mut self, outage: Disposition) -> Met {
        if outage == Disposition::Proceed && self.pending.is_none() {
            return Met(Some(Disposition::Proceed));
        }
        Met(self.inject(outage).map_err(|restart| self.gate.world.crash(&self.gate.incarnation, restart)).ok())
    }

    /// Injects what is pending: gives the disposition, or the restart of a process that dies.
    fn inject(&mut self, outage: Disposition) -> Result<Disposition, Restart> {
        if outage != Disposition::Proceed {
            return match self.pending.map(|injected| injected.verdict) {
                Some(Verdict::CrashAfter(restart)) if self.take().is_some() => Err(restart),
                _ => Ok(outage),
            };
        }
        Ok(match self.take().map(|injected| injected.verdict) {
            None | Some(Verdict::Delay { .. } | Verdict::CrashBefore(_)) => Disposition::Proceed,
            Some(Verdict::CrashAfter(restart)) => {
                self.restart = Some(restart);
                Disposition::CrashAfter(restart)
            }
            Some(Verdict::Stop(restart)) => {
                self.gate.world.stop(&self.gate.incarnation, restart);
                Disposition::Proceed
            }
            Some(Verdict::Conflict) => Disposition::Conflict,
            Some(Verdict::StatementError) => Disposition::StatementError,
            Some(Verdict::Unroutable) => Disposition::Unroutable,
            Some(Verdict::Unavailable) => Disposition::Unavailable,
            Some(Verdict::Reject) => Disposition::Reject,
            Some(Verdict::LoseReply) => Disposition::LoseReply,
            Some(Verdict::LoseRequest) => Disposition::LoseRequest,
            Some(Verdict::Duplicate { after_ms }) => Disposition::Duplicate { after_ms },
            Some(Verdict::DropAck) => Disposition::DropAck,
            Some(Verdict::PartialBatch { accepted }) => Disposition::PartialBatch { accepted },
        })
    }

    /// After the effect: dies if that was the verdict.
    pub(crate) fn leave(self) -> Left<'a> {
        if let Some(restart) = self.restart {
            self.gate.world.crash(&self.gate.incarnation, restart);
        }
        Left(self)
    }

    /// Takes what is to strike now and writes it down, unless the world has healed since the call began.
    fn take(&mut self) -> Option<Injected> {
        let injected = self.pending.take().filter(|_| !self.gate.world.has_healed())?;
        self.gate.record(What::Fault { index: injected.index, kind: injected.kind, point: Some(self.point) });
        Some(injected)
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if let Some(injected) = self.pending.take() {
            self.gate.world.state().give_back(injected);
        }
    }
}

/// Future of the disposition of a call; it never ends if the process has died of the call.
#[must_use = "a call waits for what it is to do"]
pub(crate) struct Met(Option<Disposition>);

impl Future for Met {
    type Output = Disposition;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Disposition> {
        self.0.map_or(Poll::Pending, Poll::Ready)
    }
}

/// Future of the end of a call; it never ends if the process has died of the call.
#[must_use = "a call waits for its end"]
pub(crate) struct Left<'a>(Call<'a>);

impl Future for Left<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.0.restart.is_some() { Poll::Pending } else { Poll::Ready(()) }
    }
}
