//! What hangs on the life of an incarnation: its waits, and what they count as.

use std::{
    pin::Pin,
    sync::{
        Arc, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll},
};

use super::{Life, World};

pub(crate) fn add(count: &AtomicU32, difference: i32) {
    count.store(count.load(Ordering::Relaxed).wrapping_add_signed(difference), Ordering::Relaxed);
}

/// What [`Life::alive`] gives.
pub(crate) struct Alive<'a, F> {
    life: &'a Life,
    future: F,
}

impl<'a, F> Alive<'a, F> {
    pub(crate) fn new(life: &'a Life, future: F) -> Self {
        Self { life, future }
    }
}

impl<F: Future + Unpin> Future for Alive<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        if self.life.is_dead() {
            return Poll::Pending;
        }
        Pin::new(&mut self.future).poll(cx)
    }
}

/// While it lives, a store decides a commit. The last one to go tells of the death that had to wait.
pub(crate) struct Deciding {
    world: Arc<World>,
    life: Arc<Life>,
}

impl Deciding {
    pub(crate) fn new(world: &Arc<World>, life: &Arc<Life>) -> Self {
        add(&life.commits, 1);
        Self { world: world.clone(), life: life.clone() }
    }
}

impl Drop for Deciding {
    fn drop(&mut self) {
        add(&self.life.commits, -1);
        if self.life.commits.load(Ordering::Relaxed) == 0 {
            let restart = self.life.dying.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(restart) = restart {
                self.world.tell_death(&self.life, restart);
            }
        }
    }
}
