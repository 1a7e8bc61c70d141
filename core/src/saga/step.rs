use async_trait::async_trait;

use smol_str::SmolStr;

use super::{Awaits, KeyContext, StepCall, StepError, Until, Value};
use crate::{
    message::Message,
    ports::{External, Transaction},
};

/// Action of a step: a transaction of the saga, in the sense of Garcia-Molina and Salem.
///
/// An attempt has up to two parts. [`ask`](Action::ask) talks to participants that are not ours, outside any
/// transaction; the saga logs its intent before, because a crash leaves the outcome unknown.
/// [`apply`](Action::apply) writes to our own store, in one transaction with the log entry "step done". A step that
/// only applies is local: it happens together with its log entry or not at all.
///
/// ```
/// use async_trait::async_trait;
/// use seaworthy_core::{ports::External, saga::{Action, StepCall, StepError, Value}};
///
/// struct Charge;
///
/// #[async_trait]
/// impl Action<u64> for Charge {
///     fn is_remote(&self) -> bool {
///         true
///     }
///
///     async fn ask(&self, call: &StepCall<'_, u64>, external: &dyn External) -> Result<Value, StepError> {
///         let body = call.data.to_string().into();
///         Ok(external.call(&call.external("payments", "charge", body)).await?.into())
///     }
/// }
/// ```
#[async_trait]
pub trait Action<D: Sync>: Send + Sync {
    /// Returns `true` if this saga needs the step. It must follow from the call's data and outputs alone; a step that
    /// does not apply is logged as skipped and never asked again.
    fn applies(&self, call: &StepCall<'_, D>) -> bool {
        let _ = call;
        true
    }

    /// Returns `true` if [`ask`](Action::ask) reaches out. It is part of the definition's structure and must not change
    /// with the saga.
    fn is_remote(&self) -> bool {
        false
    }

    /// Returns what the step waits for before its transaction: a signal, a message, a moment; see
    /// [`Wait`](super::Wait). It is part of the definition's structure and must not change with the saga. A step that waits
    /// does not [ask](Action::ask): what it has received is the answer that [`apply`](Action::apply) is given, null for a
    /// moment; refused there, it is rejected like any other step.
    fn awaits(&self) -> Option<Awaits> {
        None
    }

    /// Returns the end of the wait, where it is for a moment or has a limit. Asked once, when the saga comes to the step; it
    /// must follow from the call's data and outputs alone.
    fn until(&self, call: &StepCall<'_, D>) -> Until {
        let _ = call;
        Until::Ever
    }

    /// Returns `true` if messages find the saga by a [key](Action::key) of this step's wait. It must not change with the saga.
    fn is_keyed(&self) -> bool {
        false
    }

    /// Returns the key by which messages find the saga while it waits here, and before; `None` as long as it is not known. Asked
    /// when the saga starts, after each step, and when the wait begins: by then it has to be known, or the saga is stuck. It must
    /// follow from the context alone.
    fn key(&self, context: &KeyContext<'_, D>) -> Option<SmolStr> {
        let _ = context;
        None
    }

    /// Returns the key of the sagas that a message is for; `None` for one that has none.
    fn key_of(&self, message: &Message) -> Option<SmolStr> {
        let _ = message;
        None
    }

    /// Asks participants that are not ours, with [`StepCall::operation_id`] as idempotency key.
    ///
    /// # Errors
    /// What became of it, see [`StepError`]. Dropping the future leaves the outcome unknown, which the saga resolves
    /// by asking again.
    async fn ask(&self, call: &StepCall<'_, D>, external: &dyn External) -> Result<Value, StepError> {
        let _ = (call, external);
        Ok(Value::NULL)
    }

    /// Writes to our own store, inside the step's transaction, and returns the step's output. `answer` is what
    /// [`ask`](Action::ask) returned, null for a local step.
    ///
    /// It may run several times, each time in a new transaction, of which one at most commits.
    ///
    /// # Errors
    /// What became of it, see [`StepError`]; whatever it wrote is rolled back.
    async fn apply(&self, tx: &mut dyn Transaction, call: &StepCall<'_, D>, answer: Value) -> Result<Value, StepError> {
        let _ = (tx, call);
        Ok(answer)
    }
}

/// Compensation of a step, which undoes its action. It must succeed for an operation that never ran (null
/// compensation), since a step whose outcome is in doubt is compensated too: see [`StepCall::maybe_executed`].
///
/// A rejected compensation counts as a failed attempt: there is no way back from going back.
#[async_trait]
pub trait Compensation<D: Sync>: Send + Sync {
    /// Returns `true` if [`ask`](Compensation::ask) reaches out.
    fn is_remote(&self) -> bool {
        false
    }

    /// Asks participants that are not ours to undo [`StepCall::action_id`], with [`StepCall::operation_id`] as
    /// idempotency key.
    ///
    /// # Errors
    /// See [`StepError`]; all of them are tried again.
    async fn ask(&self, call: &StepCall<'_, D>, external: &dyn External) -> Result<Value, StepError> {
        let _ = (call, external);
        Ok(Value::NULL)
    }

    /// Undoes the step in our own store, in one transaction with the log entry "step compensated".
    ///
    /// # Errors
    /// See [`StepError`]; all of them are tried again.
    async fn apply(&self, tx: &mut dyn Transaction, call: &StepCall<'_, D>, answer: Value) -> Result<(), StepError> {
        let _ = (tx, call, answer);
        Ok(())
    }
}

/// The compensation of a step that leaves nothing to undo, such as a check.
#[derive(Clone, Copy, Debug, Default)]
pub struct NothingToUndo;

impl<D: Sync> Compensation<D> for NothingToUndo {}
