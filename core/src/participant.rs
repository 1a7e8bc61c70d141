//! The participant's side of a saga: operations that may arrive twice, late, or after their own compensation.
//!
//! A participant promises three things: an operation takes effect once however often it is asked for; compensating one
//! that never ran succeeds and leaves a tombstone (null compensation); an operation that finds its tombstone is refused
//! (anti-suspension). These functions keep the promises, inside the caller's own transaction.
//!
//! Source pattern: the three exceptions of try-confirm-cancel: idempotence, empty rollback, suspension.

use bytes::Bytes;

use crate::{
    ids::OperationId,
    ports::{OperationRecord, OperationState, StoreError, Transaction},
};

/// What carrying out an operation came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Execution {
    /// Carried out in this transaction, with this answer.
    First(Bytes),
    /// Carried out before, with this answer; nothing was done now.
    Repeated(Bytes),
    /// Compensated or refused before: nothing was done, and it must not be.
    TooLate,
}

/// What compensating an operation came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undoing {
    /// Undone in this transaction.
    Undone,
    /// It never ran: a tombstone was left, so that it can't run any more.
    NeverRan,
    /// Compensated before; nothing was done now.
    Repeated,
}

/// Carries out an operation once: `effect` runs in the caller's transaction unless the operation is known, and its
/// answer is kept with the operation.
///
/// ```
/// # use seaworthy_core::{ids::OperationId, participant::{self, Execution}, ports::*};
/// # async fn handle(tx: &mut dyn Transaction, id: OperationId) -> Result<(), StoreError> {
/// let outcome = participant::execute(tx, id, async |tx| {
///     tx.put("reservation", "order-17", Expected::Absent, "2 x lamp".into()).await?;
///     Ok::<_, StoreError>("reserved".into())
/// });
/// match outcome.await? {
///     Execution::First(_answer) | Execution::Repeated(_answer) => {} // answer with it
///     Execution::TooLate => {}                                       // answer that it was refused
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// What `effect` returns; any [`StoreError`], [`StoreError::Conflict`] if another transaction is at the same operation.
/// After an error the transaction can only be dropped.
pub async fn execute<E: From<StoreError>>(
    tx: &mut dyn Transaction,
    id: OperationId,
    effect: impl AsyncFnOnce(&mut dyn Transaction) -> Result<Bytes, E>,
) -> Result<Execution, E> {
    match tx.operation(id).await? {
        Some(OperationState::Executed(answer)) => Ok(Execution::Repeated(answer)),
        Some(OperationState::Compensated) => Ok(Execution::TooLate),
        None => {
            let answer = effect(tx).await?;
            let state = OperationState::Executed(answer.clone());
            tx.put_operation(&OperationRecord { id, state }).await?;
            Ok(Execution::First(answer))
        }
    }
}

/// Compensates an operation once. `action` is the operation id of the action; `undo` is given the answer that the
/// action gave, and runs only if it did.
///
/// # Errors
/// As for [`execute`].
pub async fn compensate<E: From<StoreError>>(
    tx: &mut dyn Transaction,
    action: OperationId,
    undo: impl AsyncFnOnce(&mut dyn Transaction, Bytes) -> Result<(), E>,
) -> Result<Undoing, E> {
    let outcome = match tx.operation(action).await? {
        Some(OperationState::Compensated) => return Ok(Undoing::Repeated),
        Some(OperationState::Executed(answer)) => {
            undo(tx, answer).await?;
            Undoing::Undone
        }
        None => Undoing::NeverRan,
    };
    tx.put_operation(&OperationRecord { id: action, state: OperationState::Compensated }).await?;
    Ok(outcome)
}

/// Refuses an operation for good, in a transaction without its effect: a late duplicate of it can't run once the saga
/// has gone on without it. Returns `false` if it was carried out before, which can't be refused any more.
///
/// # Errors
/// As for [`execute`].
pub async fn refuse(tx: &mut dyn Transaction, id: OperationId) -> Result<bool, StoreError> {
    match tx.operation(id).await? {
        Some(OperationState::Executed(_)) => Ok(false),
        Some(OperationState::Compensated) => Ok(true),
        None => {
            tx.put_operation(&OperationRecord { id, state: OperationState::Compensated }).await?;
            Ok(true)
        }
    }
}
