use std::{pin::pin, time::Duration};

use futures_util::future::select;

use super::{incarnation::Incarnation, world::World};

/// Time without a change after which waits are stretched, in virtual microseconds.
const STRETCH_AFTER_US: u64 = 10_000_000;

/// A wait lasts up to this part of the time in which nothing has changed.
const STRETCHES: u64 = 8;

impl World {
    /// Stretches a wait that has lasted `duration`, if nothing has changed for long and the process does nothing but look
    /// whether something has: a loop that looks a hundred times a second for an hour in vain would cost more than all the
    /// rest of the run. A clock may always wait for longer than it was asked to, and nobody can tell from outside, since a
    /// process that writes anything at all is left alone. The wait ends as soon as something changes.
    pub(crate) async fn stretch(&self, incarnation: &Incarnation, duration: Duration) {
        let more = {
            let mut state = self.state();
            let idle = self.elapsed().saturating_sub(state.recorder.last_change());
            if idle < STRETCH_AFTER_US || state.recorder.writes(incarnation.process) {
                return;
            }
            let more = Duration::from_micros(idle / STRETCHES).saturating_sub(duration);
            if more.is_zero() {
                return;
            }
            state.stretched = true;
            more
        };
        let stirred = pin!(self.stirred.notified());
        select(stirred, incarnation.alive(self.meter.sleep(more))).await;
    }
}
