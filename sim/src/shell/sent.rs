//! Answers that are sent off: nobody waits for one, so what strikes it takes no time of whoever sends it.

use std::time::Duration;

use seaworthy_core::ports::Operation;

use super::{Disposition, Gate};
use crate::{
    kernel::Injected,
    plan::{Edge, Verdict},
    trace::{Outcome, What},
};

/// Fate of an answer on its way.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    Arrives,
    Late(Duration),
    Lost,
}

impl Sent {
    fn from_disposition(struck: Disposition) -> Self {
        match struck {
            Some(Verdict::LoseRequest | Verdict::LoseReply) => Self::Lost,
            Some(verdict) if verdict.ends_caller() == Some(Edge::Before) => Self::Lost,
            Some(Verdict::Delay { ms }) => Self::Late(Duration::from_millis(ms.into())),
            _ => Self::Arrives,
        }
    }

    /// Returns what sending it comes to in truth.
    pub(crate) fn outcome(self) -> Outcome {
        if self == Self::Lost { Outcome::NotDoneUnheard } else { Outcome::Done }
    }
}

impl Gate {
    /// Says what becomes of an answer that is sent off. A delay is the answer's, on its way.
    pub(crate) fn send(&self, point: Operation) -> (Sent, Disposition) {
        let struck = self.enter_at_once(point);
        (Sent::from_disposition(struck), struck)
    }

    fn enter_at_once(&self, point: Operation) -> Disposition {
        if self.incarnation.is_dead() {
            return Some(Verdict::LoseRequest);
        }
        let Injected { index, kind, verdict, .. } = self.world.state().inject(self.incarnation.process, point)?;
        self.record(What::Fault { index, kind, point: Some(point) });
        match verdict {
            Verdict::Stop(restart) => self.world.stop(&self.incarnation, restart),
            verdict if verdict.ends_caller() == Some(Edge::Before) => self.end(verdict),
            _ => {}
        }
        Some(verdict)
    }

    /// Ends whoever has sent an answer off, if that is what struck it.
    pub(crate) fn end_after(&self, struck: Disposition) {
        if let Some(verdict) = struck.filter(|verdict| verdict.ends_caller() == Some(Edge::After)) {
            self.end(verdict);
        }
    }
}
