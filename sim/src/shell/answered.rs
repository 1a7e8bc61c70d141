use seaworthy_core::ports::Operation;
use std::{
    pin::Pin,
    task::{Context, Poll},
};

use super::Gate;
use crate::{
    kernel::{Alive, task},
    trace::TxId,
};

/// Waits for a component's answer for as long as the incarnation lives, see [`Gate::answered`].
pub(crate) struct Answered<'a, F> {
    gate: &'a Gate,
    point: Operation,
    tx: Option<TxId>,
    answer: Alive<'a, F>,
    /// The number of the wait, once there is one.
    wait: Option<u64>,
}

impl Gate {
    /// Waits for a component's answer to a call of transaction `tx`, or of none. Mostly it is there at once. Where it is not,
    /// the world knows who waits, and tells it if the answer never comes.
    pub(crate) fn answered<F: Future + Unpin>(&self, point: Operation, tx: Option<TxId>, answer: F) -> Answered<'_, F> {
        Answered { gate: self, point, tx, answer: self.incarnation.alive(answer), wait: None }
    }

    /// Notes that a component did not answer at once; gives the number of the wait.
    #[cold]
    fn waits_for(&self, point: Operation, tx: Option<TxId>) -> u64 {
        let Self { world, incarnation } = self;
        let whose = (incarnation.process, incarnation.number, task::current());
        let since = world.elapsed();
        world.state().in_vain.begin(whose, point, tx, since)
    }
}

impl<F: Future + Unpin> Future for Answered<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let Poll::Ready(answer) = Pin::new(&mut self.answer).poll(cx) else {
            if self.wait.is_none() && !self.gate.incarnation.is_dead() {
                self.wait = Some(self.gate.waits_for(self.point, self.tx));
            }
            return Poll::Pending;
        };
        if let Some(wait) = self.wait.take() {
            self.gate.world.state().in_vain.end(wait);
        }
        Poll::Ready(answer)
    }
}

impl<F> Drop for Answered<'_, F> {
    fn drop(&mut self) {
        if let Some(wait) = self.wait {
            self.gate.world.left_waiting(&self.gate.incarnation, wait);
        }
    }
}
