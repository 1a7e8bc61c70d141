//! Strikes and what they do to a port call, whichever port it is of.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use seaworthy_core::ports::{Answers, Call, FailureKind, Operation, Port, PortError};
use smol_str::{SmolStr, format_smolstr};

use crate::{
    plan::{Edge, Verdict},
    trace::Outcome,
};

/// Verdict that strikes a call at the moment of its effect; mostly there is none.
pub(crate) type Disposition = Option<Verdict>;

/// Future of what strikes a call; it never ends if whoever makes the call ends with it.
#[must_use = "a call waits for what strikes it"]
pub(crate) struct Met(pub(super) Option<Disposition>);

impl Future for Met {
    type Output = Disposition;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Disposition> {
        self.0.map_or(Poll::Pending, Poll::Ready)
    }
}

/// Returns `true` if the caller won't hear of what it did.
#[inline]
pub(crate) fn is_unheard(struck: Disposition) -> bool {
    struck.is_some_and(|verdict| {
        let is_lost = matches!(verdict, Verdict::LoseReply | Verdict::Hang { after: true });
        is_lost || verdict.ends_caller() == Some(Edge::After)
    })
}

/// Returns how a call is refused, if it is, and what that comes to in truth.
pub(crate) fn refusal(struck: Disposition, operation: Operation) -> Option<(FailureKind, Outcome)> {
    match struck? {
        Verdict::Conflict => Some((FailureKind::Conflict, Outcome::Conflict)),
        Verdict::Unavailable | Verdict::StatementError => Some((FailureKind::Unavailable, Outcome::Unavailable)),
        // Of a batch one message is refused, and no call.
        Verdict::Reject if operation != Operation::Publish => Some((FailureKind::Refused, Outcome::Rejected)),
        Verdict::LoseRequest => Some((FailureKind::Unknown, Outcome::NotDoneUnheard)),
        _ => None,
    }
}

/// Returns what a call comes to, for its caller and in truth, that its component never sees.
#[inline]
pub(crate) fn refused<T: Answers, E: PortError>(
    struck: Disposition,
    call: &Call<'_>,
) -> Option<(Result<T, E>, Outcome)> {
    refused_by(struck?, call)
}

/// Returns the same of a call that is struck, which is rare: what every call goes through stays small without it.
#[cold]
fn refused_by<T: Answers, E: PortError>(verdict: Verdict, call: &Call<'_>) -> Option<(Result<T, E>, Outcome)> {
    if let Some((kind, outcome)) = refusal(Some(verdict), call.operation()) {
        let said = match verdict {
            Verdict::StatementError => SmolStr::new_static("the database broke the statement off: try again"),
            _ => said(kind, call),
        };
        return Some((Err(E::new(kind, said)), outcome));
    }
    let nothing = T::nothing().filter(|_| verdict == Verdict::DropAck)?;
    Some((Ok(nothing), Outcome::BelievedDone))
}

/// Returns the result that the caller hears in the end.
#[inline]
pub(crate) fn heard<T, E: PortError>(struck: Disposition, call: &Call<'_>, result: Result<T, E>) -> Result<T, E> {
    match struck {
        Some(Verdict::LoseReply) => Err(E::new(FailureKind::Unknown, said(FailureKind::Unknown, call))),
        _ => result,
    }
}

/// Returns what a component's answer comes to.
#[inline]
pub(crate) fn outcome_of<T, E: PortError>(result: &Result<T, E>, is_unheard: bool) -> Outcome {
    match result {
        Ok(_) if is_unheard => Outcome::DoneUnheard,
        Ok(_) => Outcome::Done,
        Err(_) if is_unheard => Outcome::NotDoneUnheard,
        Err(error) => match error.kind() {
            FailureKind::Conflict => Outcome::Conflict,
            FailureKind::Refused => Outcome::Rejected,
            FailureKind::Unknown => Outcome::NotDoneUnheard,
            _ => Outcome::Unavailable,
        },
    }
}

/// Returns the text that a component that is struck says to its caller.
#[cold]
pub(crate) fn said(kind: FailureKind, call: &Call<'_>) -> SmolStr {
    let (port, whom) = (call.operation().port(), call.subject());
    match (port, kind) {
        (Port::External, FailureKind::Refused) => format_smolstr!("{whom} declined"),
        (Port::External, FailureKind::Unknown) => format_smolstr!("{whom} was not heard from"),
        (Port::External, _) => format_smolstr!("{whom} does not answer"),
        (_, FailureKind::Conflict) => SmolStr::new_static("another transaction was first"),
        (_, FailureKind::Unknown) => SmolStr::new_static("the connection was lost before the answer"),
        (Port::Broker, _) => SmolStr::new_static("the broker does not answer"),
        _ => SmolStr::new_static("the store does not answer"),
    }
}
