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
        stale::{STALE, WAITS},
    },
    inbox::HandlerError,
    message::{Message, MessageBuilder},
    ports::{Clock, Ports, Random, Transaction},
    settings::{Checks, InvalidSetting},
};

use super::turn::{self, Place};

/// At the default backoff some eight minutes: longer than a message is away that a process has died with, or that a store
/// or a broker has refused a few times.
const PATIENCE: u32 = 100;

/// Gives answers in the name of a domain.
pub(super) struct Answers {
    domain: &'static str,
    pub(super) backoff: Backoff,
    /// Number of times that a command waits for its turn.
    pub(super) patience: u32,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl Answers {
    pub(super) fn new(domain: &'static str, ports: &Ports) -> Self {
        let backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5));
        Self { domain, backoff, patience: PATIENCE, clock: ports.clock.clone(), random: ports.random.clone() }
    }

    /// Checks that stale commands come back later, and not at once.
    pub(super) fn check(&self) -> Result<(), InvalidSetting> {
        self.backoff.check(Checks::new("CommandHandlersBuilder"), "backoff")
    }

    /// The reason to refuse a command unseen: its aggregate is at another version than it expects, or its turn has not come.
    pub(super) fn stale(sent: &Sent, version: u64, place: Place) -> Option<RejectionReason> {
        match sent.expected {
            ExpectedSequence::Exact(expected) if expected != version || place == Place::Waits => {
                Some(RejectionReason::Stale { expected, version })
            }
            ExpectedSequence::Exact(_) | ExpectedSequence::Any => None,
        }
    }

    /// Stages the answer to a command that was not carried out: to its router where it is stale and has one, and otherwise
    /// to its source.
    ///
    /// One whose turn does not come is never rejected: what comes before it may lie among dead letters, of which nobody knows here,
    /// and is carried out once it is redriven. So this one becomes a dead letter as well.
    pub(super) async fn give(
        &self,
        tx: &mut dyn Transaction,
        command: &Message,
        sent: &Sent,
        reason: RejectionReason,
        place: Place,
    ) -> Result<(), HandlerError> {
        if let (RejectionReason::Stale { .. }, Some(answers)) = (&reason, &sent.answers) {
            if place == Place::Waits && sent.times.waited >= self.patience {
                return Err(turn::out_of_patience(sent));
            }
            return self.tell(tx, command, sent, answers.clone(), reason, place).await;
        }
        let topic = rejections_of(sent, &reason)?;
        let (id, kind, root, why) = (command.id, command.kind.clone(), command.subject.clone(), reason.clone());
        tx.after_commit(Box::new(move || info!(command = %id, %kind, %root, reason = %why, "command is rejected")));
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
        place: Place,
    ) -> Result<(), HandlerError> {
        let delay = self.backoff.delay(sent.times.attempt, &*self.random);
        let moment = tx.now().await? + delay;
        debug!(command = %command.id, %reason, ?place, ?delay, "command is stale");
        let (id, root) = (command.id.0, command.subject.clone());
        let mut told = MessageBuilder::new(self.domain, STALE, root).topic(answers);
        if place == Place::Waits {
            told = told.header(WAITS, "yes").expect("a header of the protocol's own");
        }
        let told = told
            .caused_by(command)
            .not_before(moment)
            .json(&Rejection { command: command.clone(), reason })?
            .derive(id, &["stale"], self.clock.now());
        Ok(tx.stage(&told).await?)
    }
}
