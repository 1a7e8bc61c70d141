//! Answers that are sent off: nobody waits for one, so what strikes it takes no time of whoever sends it.

use std::time::Duration;

use seaworthy_core::ports::Operation;

use super::{Disposition, Gate};
use crate::{
    kernel::Injected,
    plan::{Edge, Verdict},
    trace::What,
};

/// Fate of an answer on its way.
pub(crate) enum Sent {
    Arrives,
    Late(Duration),
    Lost,
}

impl Gate {
    /// Says what becomes of an answer that is sent off, and what ends its sender afterwards, if anything does.
    pub(crate) fn send(&self, point: Operation) -> (Sent, Disposition) {
        if self.incarnation.is_dead() {
            return (Sent::Lost, None);
        }
        let injected = self.world.state().inject(self.incarnation.process, point);
        let Some(Injected { index, kind, verdict, .. }) = injected else { return (Sent::Arrives, None) };
        self.record(What::Fault { index, kind, point: Some(point) });
        let sent = match verdict {
            Verdict::LoseRequest | Verdict::LoseReply => Sent::Lost,
            Verdict::Delay { ms } => Sent::Late(Duration::from_millis(ms.into())),
            Verdict::Stop(restart) => {
                self.world.stop(&self.incarnation, restart);
                Sent::Arrives
            }
            verdict if verdict.ends_caller() == Some(Edge::Before) => {
                self.end(verdict);
                Sent::Lost
            }
            _ => Sent::Arrives,
        };
        (sent, Some(verdict).filter(|verdict| verdict.ends_caller() == Some(Edge::After)))
    }
}
