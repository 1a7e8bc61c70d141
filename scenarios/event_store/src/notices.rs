//! The integration consumer: what the outside is to hear of the bank's events, as messages that are its own.

use std::sync::Arc;

use async_trait::async_trait;
use seaworthy_core::{
    inbox::{Handler, HandlerError, Handlers},
    message::{Message, MessageBuilder},
    outbox::{OutboxRetention, Relay},
    ports::{Clock, Ports, Transaction},
    wake::Wake,
};

use crate::{
    account::AccountEvent,
    messages::{BANK, NOTICED, NOTICES, Notice},
    parts::{on_both, subscriber},
};

/// Runs the one replica until a stop is asked for. The relay and the retention are tasks of the process.
pub async fn notices(ports: Ports) {
    let handlers = on_both(Notify(ports.clock.clone()));
    notices_with(ports, handlers).await;
}

/// As [`notices`], with these handlers.
pub async fn notices_with(ports: Ports, handlers: Handlers) {
    let wake = relay(&ports);
    subscriber(&ports, NOTICES, handlers).hint(wake).run().await;
}

/// Starts the relay and the retention of its outbox, and returns what hints to the relay.
pub fn relay(ports: &Ports) -> Wake {
    let wake = Wake::new();
    ports.spawn("relay", Relay::new(ports).wake(wake.clone()).run());
    ports.spawn("outbox-retention", OutboxRetention::default().run(ports.clone()));
    wake
}

/// Stages a notice of each side of a booking, in the transaction that moves the checkpoint. Its id follows from the event's.
#[derive(Clone)]
pub struct Notify(pub Arc<dyn Clock>);

#[async_trait]
impl Handler for Notify {
    async fn handle(&self, tx: &mut dyn Transaction, event: &Message) -> Result<(), HandlerError> {
        if let Some(notice) = notice(&*self.0, event)? {
            tx.stage(&notice).await?;
        }
        Ok(())
    }
}

/// Returns the notice of an event; `None` of what an earlier release has booked, whose holders know by now.
///
/// # Errors
/// [`HandlerError::Undecodable`] if the event is none of an account.
pub fn notice(clock: &dyn Clock, event: &Message) -> Result<Option<Message>, HandlerError> {
    let booked: AccountEvent = event.json()?;
    let Some(booking) = booked.entry().booking.clone() else { return Ok(None) };
    let notice = MessageBuilder::new(BANK, NOTICED, event.subject.clone()).topic(NOTICES).caused_by(event);
    let notice = notice.json(&Notice { booking, cents: booked.cents() })?;
    Ok(Some(notice.derive(event.id.0, &["notice"], clock.now())))
}
