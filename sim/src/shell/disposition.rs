use seaworthy_core::ports::{Answers, Call, FailureKind, Port, PortError};
use smol_str::{SmolStr, format_smolstr};

use crate::{plan::Restart, trace::Outcome};

/// Disposition of a port call: proceed, fail or take part of its effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disposition {
    Proceed,
    /// Only where a call can't wait by itself, see [`Gate::enter_at_once`](super::Gate::enter_at_once).
    Delay {
        ms: u32,
    },
    Conflict,
    Unavailable,
    Reject,
    LoseReply,
    LoseRequest,
    Duplicate {
        after_ms: u32,
    },
    StatementError,
    DropAck,
    /// Confirmed, and delivered to nobody.
    Unroutable,
    PartialBatch {
        accepted: u32,
    },
    CrashAfter(Restart),
}

impl Disposition {
    /// Returns `true` if the caller won't hear of what it did.
    pub(crate) fn is_unheard(self) -> bool {
        matches!(self, Self::LoseReply | Self::CrashAfter(_))
    }

    /// Returns how it refuses a call, if it does, and what that comes to in truth.
    pub(super) fn refusal(self) -> Option<(FailureKind, Outcome)> {
        match self {
            Self::Conflict => Some((FailureKind::Conflict, Outcome::Conflict)),
            Self::Unavailable | Self::StatementError => Some((FailureKind::Unavailable, Outcome::Unavailable)),
            Self::Reject => Some((FailureKind::Refused, Outcome::Rejected)),
            Self::LoseRequest => Some((FailureKind::Unknown, Outcome::NotDoneUnheard)),
            _ => None,
        }
    }

    /// Carries a call out as it is struck: what its caller hears, and what became of it in truth. `inner` is the call
    /// itself.
    pub(super) async fn carry_out<T: Answers, E: PortError>(
        self,
        call: &Call<'_>,
        inner: impl Future<Output = Result<T, E>>,
    ) -> Carried<T, E> {
        if let Some((kind, outcome)) = self.refusal() {
            let said = match self {
                Self::StatementError => SmolStr::new_static("the database broke the statement off: try again"),
                _ => said(kind, call),
            };
            return Carried { result: Err(E::new(kind, said)), outcome, is_own: false };
        }
        if let (Self::DropAck, Some(nothing)) = (self, T::nothing()) {
            return Carried { result: Ok(nothing), outcome: Outcome::BelievedDone, is_own: false };
        }
        let result = inner.await;
        let outcome = match &result {
            Ok(_) if self.is_unheard() => Outcome::DoneUnheard,
            Ok(_) => Outcome::Done,
            Err(_) if self.is_unheard() => Outcome::NotDoneUnheard,
            Err(error) => outcome_of(error),
        };
        Carried { result, outcome, is_own: true }
    }

    /// Returns the result that the caller hears in the end.
    pub(super) fn heard<T, E: PortError>(self, call: &Call<'_>, result: Result<T, E>) -> Result<T, E> {
        match self {
            Self::LoseReply => Err(E::new(FailureKind::Unknown, said(FailureKind::Unknown, call))),
            _ => result,
        }
    }
}

/// Result of a call that was carried out.
pub(super) struct Carried<T, E> {
    pub(super) result: Result<T, E>,
    pub(super) outcome: Outcome,
    /// `true` if the component answered itself.
    pub(super) is_own: bool,
}

/// Maps an error of a component to the outcome of the call.
pub(super) fn outcome_of(error: &impl PortError) -> Outcome {
    match error.kind() {
        FailureKind::Conflict => Outcome::Conflict,
        FailureKind::Refused => Outcome::Rejected,
        FailureKind::Unknown => Outcome::NotDoneUnheard,
        _ => Outcome::Unavailable,
    }
}

/// Returns the text that a component that is struck says to its caller.
pub(super) fn said(kind: FailureKind, call: &Call<'_>) -> SmolStr {
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

/// Reach of a call, which decides how long it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Over the network: it takes the plan's latency.
    Network,
    /// A statement in an open transaction: others may go first, but time stands still.
    Statement,
}
