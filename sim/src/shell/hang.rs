//! Calls that hang by the plan.

use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt};
use seaworthy_core::ports::{Call, Operation};
use smol_str::SmolStr;

use super::Gate;
use crate::{
    kernel::Hanging,
    plan::{HANG_MS, is_given_up_by_its_caller},
    trace::{What, micros},
};

impl Gate {
    /// Has a call hang: until its caller drops it, or it has hung for as long as the plan says. Heal ends it, unless the service
    /// says that it copes with what fails for good and the call is one that its caller has to give up: the world then heals no
    /// sooner, and a caller that still waits at the end is told.
    #[cold]
    pub(super) fn hang(&self, call: &Call<'_>) -> BoxFuture<'_, ()> {
        let point = call.operation();
        if !self.world.topology.fails_for_good || !is_given_up_by_its_caller(point) {
            return self.hold(HANG_MS.into());
        }
        let whom = if call.subject().is_empty() { point.name() } else { call.subject() };
        self.hang_for_good(point, whom.into()).boxed()
    }

    async fn hang_for_good(&self, point: Operation, whom: SmolStr) {
        let since = self.world.elapsed();
        let ms = self.world.topology.give_up_within.as_millis().min(HANG_MS.into()) as u64;
        let hanging = Hanging::new(&self.world, since + micros(Duration::from_millis(ms)));
        self.hold(ms).await;
        drop(hanging);
        if !self.world.has_healed() {
            self.record(What::NeverReturned { point, tx: None, since, behind: None, whom });
        }
    }
}
