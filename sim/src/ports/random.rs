use std::sync::{Arc, Mutex, PoisonError};

use seaworthy_core::ports::Random;

use crate::{draw::Draw, shell::Gate};

/// A process's own dice; they go on from incarnation to incarnation, so that no id is ever drawn twice.
pub(super) struct ProcessRandom(Arc<Mutex<Draw>>);

impl ProcessRandom {
    pub(super) fn new(gate: &Gate) -> Self {
        Self(gate.world.ids_of(gate.incarnation.process))
    }
}

impl Random for ProcessRandom {
    fn next_u64(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).bits()
    }
}
