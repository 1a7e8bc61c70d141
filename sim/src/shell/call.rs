use std::{
    future::pending,
    pin::{Pin, pin},
    task::{Context, Poll},
};

use futures_util::future::{BoxFuture, FutureExt};
use seaworthy_core::ports::{Answers, Call, FailureKind, Operation, PortError};

use super::{
    Gate,
    disposition::{Disposition, Met, heard, is_unheard, outcome_of, refused, said},
    gate::{Counted, Reach},
};
use crate::{
    kernel::{Idle, Injected, Spoilt, Waiting, scope},
    plan::{Edge, Verdict},
    trace::{Outcome, TxId, What},
};

/// A port call that is under way, from its entry to its end: the run is not at rest meanwhile.
///
/// What the plan has for it strikes at the moment of its effect, not at its entry. So a verdict that the call never
/// comes to - because its caller drops it, its process dies, an outage answers first - has not struck; it is given back,
/// and strikes the next call of its kind. That is better than to count it as spent: a caller that polls with a timeout
/// drops most of its calls, and would use up its faults unseen. Once the world has healed nothing strikes any more.
pub(crate) struct UnderWay<'a> {
    gate: &'a Gate,
    point: Operation,
    /// Its number, where calls are noted; 0 elsewhere.
    noted: u32,
    /// Fault that is to strike it and has not yet.
    pending: Option<Injected>,
    /// Verdict that ends whoever makes the call, once it is decided and the call has had its effect.
    ending: Option<Verdict>,
    waiting: Option<Waiting<'a>>,
}

impl Gate {
    /// A call of any port: it waits as long as it takes, is carried out as it is struck, and told. `inner` is the call
    /// itself, `tx` the transaction that it belongs to.
    ///
    /// No `async fn`: that would have room for each of its arguments twice.
    #[allow(clippy::manual_async_fn, reason = "a call's future is made, moved and dropped for every call")]
    pub(crate) fn call<T: Answers, E: PortError, F: Future<Output = Result<T, E>>>(
        &self,
        call: Call<'_>,
        reach: Reach,
        tx: Option<TxId>,
        inner: impl FnOnce(Disposition) -> F,
        tell: impl FnOnce(&Call<'_>, Disposition, &Result<T, E>, Outcome),
    ) -> impl Future<Output = Result<T, E>> {
        async move {
            let point = call.operation();
            let mut under_way = self.enter(&call, reach).await;
            let struck = under_way.struck(&call).await;
            let (result, outcome) = match refused(struck, &call) {
                Some(refused) => refused,
                None => {
                    if tx.is_none()
                        && self.world.is_disturbed()
                        && let Some(spoilt) = self.world.spoiled_outside(&self.incarnation, &call)
                    {
                        self.world.spoil(&self.incarnation, spoilt);
                        return pending().await;
                    }
                    let mut result = self.world.answered(&self.incarnation, point, tx, pin!(inner(struck))).await;
                    if let Some(tx) = tx
                        && self.world.is_disturbed()
                        && let Some(spoilt) =
                            self.world.spoiled(&self.incarnation, &call, tx, result.as_ref().ok().map(T::answer))
                    {
                        result = self.spoil(&call, spoilt);
                        if self.incarnation.is_dead() {
                            return pending().await;
                        }
                    }
                    if let Err(error) = &result {
                        self.note_error(point, error);
                    }
                    let outcome = outcome_of(&result, is_unheard(struck));
                    (result, outcome)
                }
            };
            tell(&call, struck, &result, outcome);
            if let (Operation::External, Some(Verdict::LoseReply)) = (point, struck) {
                // A caller learns of a lost reply by waiting for it in vain.
                self.hold(100).await;
            }
            under_way.leave(&call).await;
            heard(struck, &call, result)
        }
    }

    /// Does to a call what spoils it: whoever makes it dies, panics, or hears that another was first, or that nobody answers.
    #[cold]
    fn spoil<T, E: PortError>(&self, call: &Call<'_>, spoilt: Spoilt) -> Result<T, E> {
        self.world.spoil(&self.incarnation, spoilt);
        let kind = if spoilt == Spoilt::Unavailable { FailureKind::Unavailable } else { FailureKind::Conflict };
        Err(E::new(kind, said(kind, call)))
    }

    /// Counts a call and waits as long as it takes. What strikes it is then said by [`UnderWay::struck`]. Never returns
    /// to a dead incarnation.
    pub(crate) async fn enter(&self, call: &Call<'_>, reach: Reach) -> UnderWay<'_> {
        let point = call.operation();
        if self.incarnation.is_dead() {
            return pending().await;
        }
        let Some(Counted { injected, noted, pass }) = self.count(point, reach) else { return pending().await };
        let mut under_way = UnderWay::new(self, point, injected, noted);
        pass.await;
        // What is rare is in a box of its own, so that not every call has room for it.
        if self.world.is_disturbed()
            && let Some(still) = self.stand_still()
        {
            still.await;
        }
        if under_way.pending.is_some()
            && let Some(struck) = under_way.strike_early(call)
        {
            struck.await;
        }
        under_way
    }
}

impl<'a> UnderWay<'a> {
    fn new(gate: &'a Gate, point: Operation, pending: Option<Injected>, noted: u32) -> Self {
        let waiting = Some(Waiting::new(&gate.incarnation.pulse.calls));
        Self { gate, point, noted, pending, ending: None, waiting }
    }

    /// Applies what strikes before the call's effect: a delay, which heal ends, or the end of whoever makes it.
    #[cold]
    fn strike_early(&mut self, call: &Call<'_>) -> Option<BoxFuture<'a, ()>> {
        let gate = self.gate;
        match self.pending?.verdict {
            Verdict::Delay { ms } => self.take().map(|_| gate.hold(ms.into())),
            Verdict::Hang { after: false } => self.take().map(|_| gate.hang(call)),
            verdict if verdict.ends_caller() == Some(Edge::Before) => self.take().map(|_| {
                gate.end(verdict);
                pending().boxed()
            }),
            _ => None,
        }
    }

    /// Returns `true` if it is refused before it waits for something to come. The rest is decided by
    /// [`UnderWay::struck`], when it has come.
    pub(crate) async fn is_refused(&mut self, call: &Call<'_>) -> bool {
        let refused = matches!(self.pending, Some(Injected { verdict: Verdict::Unavailable, .. }));
        (refused || self.gate.is_out(call)) && self.struck(call).await == Some(Verdict::Unavailable)
    }

    /// Waits for something to come, which may be never: meanwhile the call does not count as under way.
    pub(crate) async fn idle<T>(&mut self, what: impl Future<Output = T> + Send) -> T {
        self.waiting = None;
        let Gate { world, incarnation } = self.gate;
        let idle = (self.noted > 0).then(|| Idle::new(world, incarnation.process, self.point, self.noted));
        let came = incarnation.alive(pin!(what)).await;
        if let Some(idle) = idle {
            idle.came();
        }
        self.waiting = Some(Waiting::new(&incarnation.pulse.calls));
        came
    }

    /// Says what strikes the call, at the moment at which it would have its effect: mostly nothing, which is found out at once.
    #[inline]
    pub(crate) fn struck(&mut self, call: &Call<'_>) -> Met {
        if self.pending.is_none() && !self.gate.world.is_disturbed() { Met(Some(None)) } else { self.meet(call) }
    }

    /// An outage answers before any verdict: where nobody answers there is no reply to lose and no copy to make. But whoever
    /// was to end after the call ends after one that fails, too.
    #[cold]
    fn meet(&mut self, call: &Call<'_>) -> Met {
        if self.gate.is_out(call) {
            let ends = self.pending.is_some_and(|injected| injected.verdict.ends_caller() == Some(Edge::After));
            return match ends.then(|| self.take()).flatten() {
                Some(Injected { verdict, .. }) => {
                    self.gate.end(verdict);
                    Met(None)
                }
                None => Met(Some(Some(Verdict::Unavailable))),
            };
        }
        let struck = self.take().map(|injected| injected.verdict);
        Met(Some(match struck {
            Some(Verdict::Stop(restart)) => {
                self.gate.world.stop(&self.gate.incarnation, restart);
                None
            }
            verdict => {
                let ends =
                    |verdict: &Verdict| verdict.ends_caller().is_some() || matches!(verdict, Verdict::Hang { .. });
                self.ending = verdict.filter(ends);
                verdict
            }
        }))
    }

    /// After the effect: ends whoever made the call, or keeps the answer back, if that was the verdict.
    pub(crate) fn leave(self, call: &Call<'_>) -> Left<'a> {
        let held = match self.ending {
            Some(Verdict::Hang { .. }) => Some(self.gate.hang(call)),
            Some(verdict) => {
                self.gate.end(verdict);
                Some(pending().boxed())
            }
            None => None,
        };
        Left { held, _call: self }
    }

    /// Takes what is to strike now and writes it down, unless the world has healed since the call began, or the call is
    /// polled where there is nothing to drop.
    fn take(&mut self) -> Option<Injected> {
        let is_due = |injected: &mut Injected| !injected.verdict.needs_scope() || scope::is_open();
        let injected = self.pending.take_if(is_due).filter(|_| !self.gate.world.has_healed())?;
        self.gate.record(What::Fault { index: injected.index, kind: injected.kind, point: Some(self.point) });
        Some(injected)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if let Some(injected) = self.pending.take() {
            self.gate.world.state().give_back(injected);
        }
    }
}

/// Future of the end of a call; it never ends if whoever made the call ends with it.
#[must_use = "a call waits for its end"]
pub(crate) struct Left<'a> {
    held: Option<BoxFuture<'a, ()>>,
    _call: UnderWay<'a>,
}

impl Future for Left<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.held.as_mut().map_or(Poll::Ready(()), |held| held.as_mut().poll(cx))
    }
}
