use std::{
    pin::Pin,
    task::{Context, Poll},
};

use seaworthy_core::ports::Operation;

use super::{
    incarnation::{Alive, Incarnation},
    task,
    world::World,
};
use crate::trace::TxId;

/// Waits for a component's answer for as long as the incarnation lives, see [`World::answered`].
pub(crate) struct Answered<'a, F> {
    world: &'a World,
    incarnation: &'a Incarnation,
    point: Operation,
    tx: Option<TxId>,
    answer: Alive<'a, F>,
    /// The number of the wait, once there is one.
    wait: Option<u64>,
}

impl World {
    /// Waits for a component's answer to a call of transaction `tx`, or of none. Mostly it is there at once. Where it is not,
    /// the world knows who waits, and tells it if the answer never comes.
    pub(crate) fn answered<'a, F: Future + Unpin>(
        &'a self,
        incarnation: &'a Incarnation,
        point: Operation,
        tx: Option<TxId>,
        answer: F,
    ) -> Answered<'a, F> {
        Answered { world: self, incarnation, point, tx, answer: incarnation.alive(answer), wait: None }
    }

    /// Notes that a component did not answer at once; gives the number of the wait.
    #[cold]
    fn waits_for(&self, incarnation: &Incarnation, point: Operation, tx: Option<TxId>) -> u64 {
        let whose = (incarnation.process, incarnation.number, task::current());
        let since = self.elapsed();
        self.state().in_vain.begin(whose, point, tx, since)
    }
}

impl<F: Future + Unpin> Future for Answered<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let Poll::Ready(answer) = Pin::new(&mut self.answer).poll(cx) else {
            if self.wait.is_none() && !self.incarnation.is_dead() {
                self.wait = Some(self.world.waits_for(self.incarnation, self.point, self.tx));
            }
            return Poll::Pending;
        };
        if let Some(wait) = self.wait.take() {
            self.world.state().in_vain.end(wait);
        }
        Poll::Ready(answer)
    }
}

impl<F> Drop for Answered<'_, F> {
    fn drop(&mut self) {
        if let Some(wait) = self.wait {
            self.world.left_waiting(self.incarnation, wait);
        }
    }
}
