use std::time::Duration;

use async_trait::async_trait;
use seaworthy_core::ports::{Ingress, Operation, Request, Response};

use super::{
    Gate,
    disposition::{Disposition, Reach},
};
use crate::trace::{Outcome, What};

/// Requests from outside, behind the shell.
pub(super) struct IngressShell(Gate);

impl IngressShell {
    pub(super) fn new(gate: Gate) -> Self {
        Self(gate)
    }
}

#[async_trait]
impl Ingress for IngressShell {
    async fn next(&self) -> Option<Request> {
        let mut call = self.0.enter(Operation::Request, Reach::Statement).await;
        let asked = call.idle(self.0.world.next_request(&self.0.incarnation)).await;
        let disposition = call.disposition().await;
        self.0.record(What::Request { request: asked.number, operation: asked.operation.clone() });
        if let Disposition::Duplicate { after_ms } = disposition {
            self.0.world.repeat(self.0.incarnation.process, asked.clone(), Duration::from_millis(after_ms.into()));
        }
        call.leave().await;
        let gate = self.0.clone();
        let (operation, body) = (asked.operation.clone(), asked.body.clone());
        let response = Response::new(move |said| {
            let disposition = gate.enter_at_once(Operation::Reply);
            let accepted = said.is_ok();
            let outcome = match disposition {
                Disposition::LoseRequest | Disposition::LoseReply => Outcome::NotDoneUnheard,
                _ => Outcome::Done,
            };
            gate.record(What::Reply { request: asked.number, accepted, outcome });
            match disposition {
                _ if outcome != Outcome::Done => {}
                Disposition::Delay { ms } => gate.world.answer_later(asked, said, Duration::from_millis(ms.into())),
                _ => gate.world.answer(&asked.answer, said),
            }
            if let Disposition::CrashAfter(restart) = disposition {
                gate.world.crash(&gate.incarnation, restart);
            }
        });
        Some(Request { operation, body, response })
    }
}
