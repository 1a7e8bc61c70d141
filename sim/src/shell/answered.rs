use seaworthy_core::ports::Operation;
use std::{
    pin::Pin,
    task::{Context, Poll},
};

use super::Door;
use crate::{
    kernel::{Alive, task},
    trace::TxId,
};

/// Waits for a component's answer for as long as the incarnation lives, see [`Door::answered`].
pub(super) struct Answered<'a, F> {
    door: &'a Door,
    point: Operation,
    tx: Option<TxId>,
    answer: Alive<'a, F>,
    /// The number of the wait, once there is one.
    wait: Option<u64>,
}

impl Door {
    /// Waits for a component's answer to a call of transaction `tx`, or of none. Mostly it is there at once. Where it is not,
    /// the world knows who waits, and tells it if the answer never comes.
    pub(super) fn answered<F: Future + Unpin>(&self, point: Operation, tx: Option<TxId>, answer: F) -> Answered<'_, F> {
        Answered { door: self, point, tx, answer: self.life.alive(answer), wait: None }
    }
}

impl<F: Future + Unpin> Future for Answered<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let Poll::Ready(answer) = Pin::new(&mut self.answer).poll(cx) else {
            if self.wait.is_none() && !self.door.life.is_dead() {
                let Door { world, life } = self.door;
                let whose = (life.process, life.incarnation, task::current());
                let since = world.elapsed();
                self.wait = Some(world.state().in_vain.begin(whose, self.point, self.tx, since));
            }
            return Poll::Pending;
        };
        if let Some(wait) = self.wait.take() {
            self.door.world.state().in_vain.end(wait);
        }
        Poll::Ready(answer)
    }
}

impl<F> Drop for Answered<'_, F> {
    fn drop(&mut self) {
        if let Some(wait) = self.wait {
            self.door.world.left_waiting(&self.door.life, wait);
        }
    }
}
