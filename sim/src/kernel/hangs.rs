use super::world::World;
use crate::trace::VirtualTime;

/// While it lives, somebody waits for a call that hangs.
pub(crate) struct Hanging<'a> {
    world: &'a World,
}

impl<'a> Hanging<'a> {
    /// A call hangs, until that time at the latest.
    pub(crate) fn new(world: &'a World, until: VirtualTime) -> Self {
        let mut state = world.state();
        (state.hanging, state.hangs_until) = (state.hanging + 1, state.hangs_until.max(until));
        drop(state);
        Self { world }
    }
}

impl Drop for Hanging<'_> {
    fn drop(&mut self) {
        let now = self.world.elapsed();
        let mut state = self.world.state();
        state.hanging = state.hanging.saturating_sub(1);
        // Until then it was fixed by the plan that there would be more to come.
        state.fixed = state.fixed.max(now);
    }
}
