//! The participant's side of a saga: operations that may arrive twice, late, or after their own compensation.
//!
//! A participant promises three things: an operation takes effect once however often it is asked for; compensating one
//! that never ran succeeds and leaves a tombstone (null compensation); an operation that finds its tombstone is refused
//! (anti-suspension). These functions keep the promises, inside the caller's own transaction.
//!
//! Source pattern: the three exceptions of try-confirm-cancel: idempotence, empty rollback, suspension.

mod retention;

pub use retention::OperationRetention;

use bytes::Bytes;
use tracing::{Instrument, debug, debug_span};

use crate::{
    ids::OperationId,
    ports::{OperationRecord, OperationState, StoreError, Transaction},
};

/// Decision of a participant about an operation that was asked for.
///
/// Closed on purpose: a participant that takes one for another carries an operation out twice, or never.
#[derive(Debug)]
pub enum Execution {
    /// Carry it out, in this transaction, and [record](NewOperation::record) it.
    First(NewOperation),
    /// Carried out before, with this answer; there is nothing to do.
    Repeated(Bytes),
    /// Compensated or refused before: it must not be carried out any more.
    TooLate,
}

/// An operation that is being carried out for the first time.
#[derive(Debug)]
#[must_use = "an operation that is carried out and not recorded is carried out again when it is asked for again"]
pub struct NewOperation(OperationId);

impl NewOperation {
    /// Records the operation with its answer, in the transaction that carries it out.
    ///
    /// # Errors
    /// Any [`StoreError`], [`StoreError::Conflict`] if another transaction is at the same operation.
    pub async fn record(self, tx: &mut dyn Transaction, answer: Bytes) -> Result<(), StoreError> {
        let span = debug_span!("participant.record", operation = %self.0);
        tx.put_operation(&OperationRecord { id: self.0, state: OperationState::Executed(answer) })
            .instrument(span)
            .await
    }
}

/// Decision of a participant about the compensation of an operation.
///
/// Closed on purpose: a participant that takes one for another undoes an operation twice, or never.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undoing {
    /// It ran, with this answer. It is recorded as compensated in this transaction, which has to undo its effect too.
    Undo(Bytes),
    /// It never ran: a tombstone was left, so that it can't run any more.
    NeverRan,
    /// Compensated before; there is nothing to do.
    Repeated,
}

/// Asks whether to carry out an operation. What it does and the record of it go into the same transaction, so that it
/// takes effect once.
///
/// ```
/// # use seaworthy_core::{ids::OperationId, participant::{self, Execution}, ports::*};
/// # async fn handle(tx: &mut dyn Transaction, id: OperationId) -> Result<(), StoreError> {
/// match participant::execute(tx, id).await? {
///     Execution::First(operation) => {
///         tx.put("reservation", "order-17", Expected::Absent, "2 x lamp".into()).await?;
///         operation.record(tx, "reserved".into()).await?;
///     }
///     Execution::Repeated(_answer) => {} // answer with it again
///     Execution::TooLate => {}           // answer that it was refused
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Any [`StoreError`].
pub async fn execute(tx: &mut dyn Transaction, id: OperationId) -> Result<Execution, StoreError> {
    let state = tx.operation(id).instrument(debug_span!("participant.execute", operation = %id)).await?;
    Ok(match state {
        Some(OperationState::Executed(answer)) => {
            debug!(operation = %id, "carried out before");
            Execution::Repeated(answer)
        }
        Some(OperationState::Compensated) => {
            debug!(operation = %id, "too late");
            Execution::TooLate
        }
        None => Execution::First(NewOperation(id)),
    })
}

/// Compensates an operation once, and says whether there is an effect to undo in the same transaction. `action` is the
/// operation id of the action.
///
/// # Errors
/// Any [`StoreError`], [`StoreError::Conflict`] if another transaction is at the same operation.
pub async fn compensate(tx: &mut dyn Transaction, action: OperationId) -> Result<Undoing, StoreError> {
    let work = async {
        let outcome = match tx.operation(action).await? {
            Some(OperationState::Compensated) => return Ok(Undoing::Repeated),
            Some(OperationState::Executed(answer)) => Undoing::Undo(answer),
            None => {
                debug!("it never ran: a tombstone is left");
                Undoing::NeverRan
            }
        };
        tx.put_operation(&OperationRecord { id: action, state: OperationState::Compensated }).await?;
        Ok(outcome)
    };
    work.instrument(debug_span!("participant.compensate", operation = %action)).await
}

/// Refuses an operation for good, in a transaction without its effect: a late duplicate of it can't run once the saga
/// has gone on without it. Returns `false` if it was carried out before, which can't be refused any more.
///
/// # Errors
/// As for [`execute`].
pub async fn refuse(tx: &mut dyn Transaction, id: OperationId) -> Result<bool, StoreError> {
    let work = async {
        match tx.operation(id).await? {
            Some(OperationState::Executed(_)) => Ok(false),
            Some(OperationState::Compensated) => Ok(true),
            None => {
                tx.put_operation(&OperationRecord { id, state: OperationState::Compensated }).await?;
                Ok(true)
            }
        }
    };
    work.instrument(debug_span!("participant.refuse", operation = %id)).await
}
