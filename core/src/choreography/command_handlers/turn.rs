//! Turns of commands: those of one event for one aggregate that expect a version are carried out in the order of their list, also
//! where one of them was stale and comes again.
//!
//! Versions alone do not tell. Where somebody else has moved the aggregate on by one, the first of two is stale, and the second,
//! which expects what the first would have made, would find just that.

use smol_str::{SmolStr, ToSmolStr as _};

use crate::{
    choreography::sent::{Sent, Turn},
    ids::{OperationId, derive},
    inbox::HandlerError,
    message::Message,
    ports::{OperationRecord, OperationState, Transaction},
};

/// Returns `true` if whatever comes before a command has been carried out, or rejected for a reason of its own.
pub(super) async fn has_come(tx: &mut dyn Transaction, command: &Message, sent: &Sent) -> Result<bool, HandlerError> {
    let Some(Turn::After { kind, number }) = &sent.turn else { return Ok(true) };
    let Some(id) = slot(command, sent, kind, *number)? else { return Ok(true) };
    Ok(tx.operation(id).await?.is_some())
}

/// Notes that a command is settled, for the one after it.
pub(super) async fn pass_on(tx: &mut dyn Transaction, command: &Message, sent: &Sent) -> Result<(), HandlerError> {
    if sent.turn.is_some()
        && let Some(id) = slot(command, sent, &command.kind, sent.slot)?
    {
        let state = OperationState::Executed(Default::default());
        tx.put_operation(&OperationRecord { id, state }).await?;
    }
    Ok(())
}

/// Name of a command's slot among the operations of its destination, however often it was sent; `None` without an event.
fn slot(command: &Message, sent: &Sent, kind: &SmolStr, number: u32) -> Result<Option<OperationId>, HandlerError> {
    let Some(event) = sent.unpack()? else { return Ok(None) };
    let Message { source, topic, subject, .. } = command;
    let parts = ["turn", source, topic, subject, kind, &number.to_smolstr()];
    Ok(Some(OperationId(derive(event.id.0, &parts))))
}
