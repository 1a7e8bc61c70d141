use std::{sync::atomic::AtomicBool, time::Duration};

use super::Subscriber;
use crate::{
    inbox::{Failed, apart, handle_within, timed},
    message::Message,
    ports::Transaction,
    wake::{Wake, Woken},
};

/// Name of the fact that an event has had its effect on a subscriber, for whoever judges a run: its subject is the
/// subscriber, its value the position of the event. A [`Subscriber`] notes it; who reads the log by hand does so with
/// [`observe`](crate::ports::Transaction::observe), to be judged in the same way.
pub const APPLIED: &str = "event applied";

impl Subscriber {
    /// Makes an attempt of which whatever ends it is a failure of what it attempts, and no other's.
    pub(super) async fn apart<T>(&self, attempt: impl Future<Output = Result<T, Failed>>) -> Result<T, Failed> {
        apart(self.scopes.as_deref(), attempt).await
    }

    /// Makes an attempt at so many events for as long as their handlers and the store may take together.
    pub(super) async fn timed<T>(
        &self,
        events: usize,
        begun: &AtomicBool,
        attempt: impl Future<Output = Result<T, Failed>>,
    ) -> Result<T, Failed> {
        let handlers = self.config.handler_limit.saturating_mul(u32::try_from(events).unwrap_or(u32::MAX));
        timed(&*self.clock, self.config.store_limit.saturating_add(handlers), begun, attempt).await
    }

    /// Has the handler of an event do its part, for as long as it may.
    pub(super) async fn call(&self, tx: &mut dyn Transaction, event: &Message) -> Result<(), Failed> {
        let Some(handler) = self.handlers.handler(&event.kind) else { return Ok(()) };
        handle_within(&*self.clock, self.config.handler_limit, handler, tx, event, None).await?;
        tx.observe(APPLIED, &self.name, i64::try_from(event.sequence).unwrap_or(i64::MAX));
        Ok(())
    }

    /// Waits, and returns `false` if a stop is asked for meanwhile. A simulation waits as well: that events are there shows in
    /// no backlog.
    pub(super) async fn rest(&self, delay: Duration) -> bool {
        Wake::new().wait(&*self.clock, &self.stop, delay).await != Woken::Stop
    }
}
