use seaworthy_core::ports::Operation;

use super::world::World;
use crate::trace::ProcessIndex;

/// A noted call that waits for something to come, for as long as this lives.
pub(crate) struct Idle<'a> {
    world: &'a World,
    process: ProcessIndex,
    operation: Operation,
    nth: u32,
    came: bool,
}

impl<'a> Idle<'a> {
    /// The `nth` call of an operation by a process begins to wait.
    pub(crate) fn new(world: &'a World, process: ProcessIndex, operation: Operation, nth: u32) -> Self {
        world.state().faults.wait(process, operation, nth);
        Self { world, process, operation, nth, came: false }
    }

    /// Notes that it has waited for something that came.
    pub(crate) fn came(mut self) {
        self.came = true;
    }
}

impl Drop for Idle<'_> {
    fn drop(&mut self) {
        self.world.state().faults.end_wait(self.process, self.operation, self.nth, self.came);
    }
}
