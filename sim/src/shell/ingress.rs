use std::time::Duration;

use async_trait::async_trait;
use seaworthy_core::ports::{Ingress, Operation, Request, Response};

use super::{
    Door,
    strike::{Reach, Strike},
};
use crate::trace::{Outcome, What};

/// Requests from outside, behind the shell.
pub(super) struct IngressShell(Door);

impl IngressShell {
    pub(super) fn new(door: Door) -> Self {
        Self(door)
    }
}

#[async_trait]
impl Ingress for IngressShell {
    async fn next(&self) -> Option<Request> {
        let mut call = self.0.enter(Operation::Request, Reach::Statement).await;
        let asked = call.idle(self.0.world.next_request(&self.0.life)).await;
        let strike = call.strike().await;
        self.0.record(What::Request { request: asked.number, operation: asked.operation.clone() });
        if let Strike::Duplicate { after_ms } = strike {
            self.0.world.repeat(self.0.life.process, asked.clone(), Duration::from_millis(after_ms.into()));
        }
        call.leave().await;
        let door = self.0.clone();
        let (operation, body) = (asked.operation.clone(), asked.body.clone());
        let response = Response::new(move |said| {
            let strike = door.enter_at_once(Operation::Reply);
            let accepted = said.is_ok();
            let outcome = match strike {
                Strike::LoseRequest | Strike::LoseReply => Outcome::NotDoneUnheard,
                _ => Outcome::Done,
            };
            door.record(What::Reply { request: asked.number, accepted, outcome });
            match strike {
                _ if outcome != Outcome::Done => {}
                Strike::Delay { ms } => door.world.answer_later(asked, said, Duration::from_millis(ms.into())),
                _ => door.world.answer(&asked.answer, said),
            }
            if let Strike::CrashAfter(restart) = strike {
                door.world.crash(&door.life, restart);
            }
        });
        Some(Request { operation, body, response })
    }
}
