//! Stale commands: the news of one goes to its router, which handles the event again on fresh states, for that one slot.

use std::sync::Arc;

use async_trait::async_trait;
use tracing::{debug, warn};

use super::{
    rejection::{Rejection, RejectionReason, rejections_of},
    route::Route,
    sent::Sent,
    split::Slot,
};
use crate::{
    ids::{OperationId, derive},
    inbox::{Handler, HandlerError},
    message::Message,
    ports::{OperationState, Transaction},
};

/// Type of the message that tells a router of a stale command.
pub(super) const STALE: &str = "command.stale";
/// Header of that message, where it is stale only because its turn has not come.
pub(super) const WAITS: &str = "commandwaits";
/// Type of the message that tells a router to handle an event no more.
pub(super) const ABORTED: &str = "event.aborted";

/// Handler of the news that a command is stale.
pub(super) struct Again(pub(super) Arc<Route>);

#[async_trait]
impl Handler for Again {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        let route = &*self.0;
        let Rejection { command, reason } = Rejection::read(message)?;
        let sent = Sent::read(&command)?;
        let lost = || HandlerError::Undecodable("a stale command without its event".into());
        let event = sent.unpack()?.ok_or_else(lost)?;
        let waits = message.headers.get(WAITS).is_some();
        let times = sent.times.again(waits);
        let contended = times.contended();
        let given_up = if is_aborted(tx, route, &event).await? {
            Some(RejectionReason::Aborted)
        } else if !waits && contended >= route.attempts_max {
            Some(RejectionReason::Contended { attempts: contended })
        } else if let Some(again) =
            route.once_more(tx, message, &event, &Slot::from_command(&command, &sent), times).await?
        {
            debug!(command = %command.id, %reason, again = %again.id, attempt = times.attempt, waits, "stale command is sent again");
            tx.stage(&again).await?;
            None
        } else {
            Some(RejectionReason::Withdrawn)
        };
        let Some(reason) = given_up else { return Ok(()) };
        let (id, kind, root, why) = (command.id, command.kind.clone(), command.subject.clone(), reason.clone());
        tx.after_commit(Box::new(
            move || warn!(command = %id, %kind, %root, reason = %why, "stale command is given up"),
        ));
        let topic = rejections_of(&sent, &reason)?;
        let rejection = Rejection { command, reason };
        tx.stage(&rejection.message(&route.name, &sent, topic, route.clock.now())?).await?;
        Ok(())
    }
}

/// Handler of the word that an event is not to be handled any more.
pub(super) struct Abort(pub(super) Arc<Route>);

#[async_trait]
impl Handler for Abort {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        let event: Message = message.json()?;
        // A tombstone: what the event asks for must not be carried out any more.
        crate::participant::refuse(tx, mark(&self.0, &event)).await?;
        Ok(())
    }
}

async fn is_aborted(tx: &mut dyn Transaction, route: &Route, event: &Message) -> Result<bool, HandlerError> {
    Ok(matches!(tx.operation(mark(route, event)).await?, Some(OperationState::Compensated)))
}

/// Name of an event at a router among the operations of its store.
fn mark(route: &Route, event: &Message) -> OperationId {
    OperationId(derive(event.id.0, &["translation", &route.name]))
}
