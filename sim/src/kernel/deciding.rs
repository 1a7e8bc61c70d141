use std::sync::{Arc, PoisonError, atomic::Ordering};

use super::{Incarnation, World, incarnation::add};

/// While it lives, a store decides a commit. The last one to go tells of the death that had to wait.
pub(crate) struct Deciding {
    world: Arc<World>,
    incarnation: Arc<Incarnation>,
}

impl Deciding {
    pub(crate) fn new(world: &Arc<World>, incarnation: &Arc<Incarnation>) -> Self {
        add(&incarnation.commits, 1);
        Self { world: world.clone(), incarnation: incarnation.clone() }
    }
}

impl Drop for Deciding {
    fn drop(&mut self) {
        add(&self.incarnation.commits, -1);
        if self.incarnation.commits.load(Ordering::Relaxed) == 0 {
            let restart = self.incarnation.dying.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(restart) = restart {
                self.world.tell_death(&self.incarnation, restart);
            }
        }
    }
}
