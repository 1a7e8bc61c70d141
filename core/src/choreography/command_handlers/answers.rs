//! The word on a command that was not carried out, and who hears it.

use std::{sync::Arc, time::Duration};

use smol_str::SmolStr;
use tracing::{debug, info};

use crate::{
    backoff::Backoff,
    choreography::{
        ExpectedSequence,
        rejection::{Rejection, RejectionReason, rejections_of},
        sent::Sent,
        stale::STALE,
    },
    inbox::HandlerError,
    message::{Message, MessageBuilder},
    ports::{Clock, Ports, Random, Transaction},
    settings::{Checks, InvalidSetting},
};

/// Gives answers in the name of a domain.
pub(super) struct Answers {
    domain: &'static str,
    pub(super) backoff: Backoff,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl Answers {
    pub(super) fn new(domain: &'static str, ports: &Ports) -> Self {
        let backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5));
        Self { domain, backoff, clock: ports.clock.clone(), random: ports.random.clone() }
    }

    /// Checks that stale commands come back later, and not at once.
    pub(super) fn check(&self) -> Result<(), InvalidSetting> {
        self.backoff.check(Checks::new("CommandHandlersBuilder"), "backoff")
    }

    /// The reason to refuse a command unseen: its aggregate is at another version than it expects, or its turn has not come.
    pub(super) fn stale(sent: &Sent, version: u64, has_come: bool) -> Option<RejectionReason> {
        match sent.expected {
            ExpectedSequence::Exact(expected) if expected != version || !has_come => {
                Some(RejectionReason::Stale { expected, version })
            }
            ExpectedSequence::Exact(_) | ExpectedSequence::Any => None,
        }
    }

    /// Stages the answer to a command that was not carried out: to its router where it is stale and has one, and otherwise
    /// to its source.
    pub(super) async fn give(
        &self,
        tx: &mut dyn Transaction,
        command: &Message,
        sent: &Sent,
        reason: RejectionReason,
    ) -> Result<(), HandlerError> {
        if let (RejectionReason::Stale { .. }, Some(answers)) = (&reason, &sent.answers) {
            return self.tell(tx, command, sent, answers.clone(), reason).await;
        }
        info!(command = %command.id, kind = %command.kind, root = %command.subject, %reason, "command is rejected");
        let topic = rejections_of(sent, &reason)?;
        let rejection = Rejection { command: command.clone(), reason };
        tx.stage(&rejection.message(self.domain, sent, topic, self.clock.now())?).await?;
        Ok(())
    }

    /// Tells the router that a command is stale, after a while: by then whoever was faster is done, and so are those who were
    /// just as late.
    async fn tell(
        &self,
        tx: &mut dyn Transaction,
        command: &Message,
        sent: &Sent,
        answers: SmolStr,
        reason: RejectionReason,
    ) -> Result<(), HandlerError> {
        let delay = self.backoff.delay(sent.attempt, &*self.random);
        let moment = tx.now().await? + delay;
        debug!(command = %command.id, %reason, ?delay, "command is stale");
        let (id, root) = (command.id.0, command.subject.clone());
        let told = MessageBuilder::new(self.domain, STALE, root)
            .topic(answers)
            .caused_by(command)
            .not_before(moment)
            .json(&Rejection { command: command.clone(), reason })?
            .derive(id, &["stale"], self.clock.now());
        Ok(tx.stage(&told).await?)
    }
}
