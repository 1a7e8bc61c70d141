use std::sync::{Arc, PoisonError, atomic::Ordering};

use super::{Life, World, life::add};

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
