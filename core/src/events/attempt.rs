use std::{pin::pin, time::Duration};

use smol_str::format_smolstr;

use super::Subscriber;
use crate::{
    inbox::{Failed, HandlerError},
    message::{Cause, Message},
    ports::{StoreError, Transaction, caught, scoped, within},
    wake::{Wake, Woken},
};

/// Name of the fact that an event has had its effect on a subscriber, for whoever judges a run: its subject is the
/// subscriber, its value the position.
pub(super) const APPLIED: &str = "event applied";

impl Subscriber {
    /// Makes an attempt of which whatever ends it is a failure of what it attempts, and no other's.
    pub(super) async fn apart<T>(&self, attempt: impl Future<Output = Result<T, Failed>>) -> Result<T, Failed> {
        let scopes = self.scopes.as_deref();
        // Dropped with all that it holds before the failure is counted.
        let attempt = pin!(attempt);
        match scoped(scopes, pin!(caught(scopes, attempt))).await {
            Ok(Ok(attempted)) => attempted,
            Ok(Err(panicked)) => Err(Failed::of_panic(&panicked)),
            Err(dropped) => Err(StoreError::from(dropped).into()),
        }
    }

    /// Has the handler of an event do its part, for as long as it may.
    pub(super) async fn call(&self, tx: &mut dyn Transaction, event: &Message) -> Result<(), HandlerError> {
        let Some(handler) = self.handlers.handler(&event.kind) else { return Ok(()) };
        {
            let mut handling = handler.handle(tx, event);
            let caused = pin!(Cause::of(event).within(handling.as_mut()));
            let handled = within(&*self.clock, self.config.handler_limit, caused).await;
            handled.unwrap_or_else(|late| Err(HandlerError::Unavailable(format_smolstr!("the handler was {late}"))))?;
        }
        tx.observe(APPLIED, &self.name, i64::try_from(event.sequence).unwrap_or(i64::MAX));
        Ok(())
    }

    /// Waits, and returns `false` if a stop is asked for meanwhile. A simulation waits as well: that events are there shows in
    /// no backlog.
    pub(super) async fn rest(&self, delay: Duration) -> bool {
        Wake::new().wait(&*self.clock, &self.stop, delay).await != Woken::Stop
    }
}
