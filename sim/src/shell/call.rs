use seaworthy_core::ports::Operation;
use std::{future::pending, pin::pin};

use super::{
    Door,
    strike::{Reach, Strike},
};
use crate::{
    kernel::{Struck, Waiting},
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
    door: &'a Door,
    point: Operation,
    /// What is to strike it and has not yet.
    pending: Option<Struck>,
    /// Set once it was decided that the process dies of this call.
    restart: Option<Restart>,
    waiting: Option<Waiting<'a>>,
}

impl Door {
    /// Counts a call and waits as long as it takes. What it is to do is then said by [`Call::strike`]. Never returns to a
    /// dead incarnation.
    pub(crate) async fn enter(&self, point: Operation, reach: Reach) -> Call<'_> {
        if self.life.is_dead() {
            return pending().await;
        }
        let Some((struck, wait)) = self.count(point, reach) else { return pending().await };
        let mut call = Call::new(self, point, struck);
        self.pass(wait).await;
        if self.world.is_disturbed() {
            self.stand_still().await;
        }
        call.strike_early().await;
        call
    }
}

impl<'a> Call<'a> {
    fn new(door: &'a Door, point: Operation, pending: Option<Struck>) -> Self {
        let waiting = Some(Waiting::new(&door.life.pulse.calls));
        Self { door, point, pending, restart: None, waiting }
    }

    /// What strikes before the call's effect: a delay, which heal ends, or the death of the process.
    async fn strike_early(&mut self) {
        match self.pending.map(|struck| struck.verdict) {
            Some(Verdict::Delay { ms }) if self.take().is_some() => self.door.hold(ms.into()).await,
            Some(Verdict::CrashBefore(restart)) if self.take().is_some() => self.door.die(restart).await,
            _ => {}
        }
    }

    /// Whether it is refused before it waits for something to come. The rest is decided by [`Call::strike`], when it has
    /// come.
    pub(crate) async fn is_refused(&mut self) -> bool {
        let outage = self.door.outage(self.point);
        let refused = matches!(self.pending, Some(Struck { verdict: Verdict::Unavailable, .. }));
        (refused || outage != Strike::Proceed) && self.meet(outage).await == Strike::Unavailable
    }

    /// Waits for something to come, which may be never: meanwhile the call does not count as under way.
    pub(crate) async fn idle<T>(&mut self, what: impl Future<Output = T> + Send) -> T {
        self.waiting = None;
        let came = self.door.life.alive(pin!(what)).await;
        self.waiting = Some(Waiting::new(&self.door.life.pulse.calls));
        came
    }

    /// Says what the call is to do, at the moment at which it would have its effect.
    pub(crate) async fn strike(&mut self) -> Strike {
        self.meet(self.door.outage(self.point)).await
    }

    /// The same where the caller knows whether there is an outage. It answers before any verdict: where nobody answers
    /// there is no reply to lose and no copy to make. But whoever was to die after the call dies after one that fails too.
    pub(crate) async fn meet(&mut self, outage: Strike) -> Strike {
        if outage != Strike::Proceed {
            if let Some(Struck { verdict: Verdict::CrashAfter(restart), .. }) = self.pending
                && self.take().is_some()
            {
                self.door.die::<()>(restart).await;
            }
            return outage;
        }
        match self.take().map(|struck| struck.verdict) {
            None | Some(Verdict::Delay { .. } | Verdict::CrashBefore(_)) => Strike::Proceed,
            Some(Verdict::CrashAfter(restart)) => {
                self.restart = Some(restart);
                Strike::CrashAfter(restart)
            }
            Some(Verdict::Stop(restart)) => {
                self.door.world.stop(&self.door.life, restart);
                Strike::Proceed
            }
            Some(Verdict::Conflict) => Strike::Conflict,
            Some(Verdict::StatementError) => Strike::StatementError,
            Some(Verdict::Unroutable) => Strike::Unroutable,
            Some(Verdict::Unavailable) => Strike::Unavailable,
            Some(Verdict::Reject) => Strike::Reject,
            Some(Verdict::LoseReply) => Strike::LoseReply,
            Some(Verdict::LoseRequest) => Strike::LoseRequest,
            Some(Verdict::Duplicate { after_ms }) => Strike::Duplicate { after_ms },
            Some(Verdict::DropAck) => Strike::DropAck,
            Some(Verdict::PartialBatch { accepted }) => Strike::PartialBatch { accepted },
        }
    }

    /// After the effect: dies if that was the verdict.
    pub(crate) async fn leave(self) {
        if let Some(restart) = self.restart {
            self.door.die::<()>(restart).await;
        }
    }

    /// Takes what is to strike now and writes it down, unless the world has healed since the call began.
    fn take(&mut self) -> Option<Struck> {
        let struck = self.pending.take().filter(|_| !self.door.world.has_healed())?;
        self.door.record(What::Fault { index: struck.index, kind: struck.kind, point: Some(self.point) });
        Some(struck)
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if let Some(struck) = self.pending.take() {
            self.door.world.state().give_back(struck);
        }
    }
}
