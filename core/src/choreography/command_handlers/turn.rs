//! Turns of commands: those of one event for one aggregate that expect a version are carried out in the order of their list, also
//! where one of them was stale and comes again.
//!
//! Versions alone do not tell. Where somebody else has moved the aggregate on by one, the first of two is stale, and the second,
//! which expects what the first would have made, would find just that.

use smol_str::{SmolStr, ToSmolStr as _, format_smolstr};

use crate::{
    choreography::sent::{Sent, Turn},
    ids::{OperationId, derive},
    inbox::HandlerError,
    message::Message,
    ports::{OperationRecord, OperationState, Transaction},
};

/// Place of a command among those of its event for its aggregate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It is its turn: whatever comes before it has been carried out, or rejected for a reason of its own.
    Next,
    /// Something that comes before it has not come to an end.
    Waits,
}

/// Returns the place of a command.
pub(super) async fn place(tx: &mut dyn Transaction, command: &Message, sent: &Sent) -> Result<Place, HandlerError> {
    let Some(Turn::After { kind, number }) = &sent.turn else { return Ok(Place::Next) };
    let Some(id) = slot(command, sent, kind, *number)? else { return Ok(Place::Next) };
    Ok(if tx.operation(id).await?.is_some() { Place::Next } else { Place::Waits })
}

/// Beginning of the reason for which a command is a dead letter whose turn has not come.
const WAITS: &str = "its turn has not come: ";

/// Returns `true` if this is the reason of a dead letter that is a command whose turn has not come: one that its event has for the
/// same aggregate before it is neither carried out nor rejected, and lies among dead letters itself, as a rule. Both go on when they are
/// redriven, that one first. For whoever lists letters, or counts what was given up.
///
/// ```
/// use seaworthy_core::choreography::waits_for_turn;
///
/// assert!(waits_for_turn("refused: its turn has not come: 0 credit.funds of this event is not settled; redrive that one first"));
/// assert!(!waits_for_turn("refused: table_full"));
/// ```
pub fn waits_for_turn(reason: &str) -> bool {
    reason.strip_prefix("refused: ").is_some_and(|why| why.starts_with(WAITS))
}

/// The failure of a command that has waited for its turn for as long as it may.
pub(super) fn out_of_patience(sent: &Sent) -> HandlerError {
    let before = sent.turn.as_ref().map(Turn::to_text).unwrap_or_default();
    HandlerError::Refused(format_smolstr!("{WAITS}{before} of this event is not settled; redrive that one first"))
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
