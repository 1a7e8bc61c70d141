//! The verdict on one command, and who hears of it.

use std::sync::Arc;

use async_trait::async_trait;
use smol_str::SmolStr;
use tracing::{debug, info};

use super::{CommandHandlers, Decider};
use crate::{
    aggregate::{Aggregate, Cause, Tracked},
    choreography::{
        ExpectedSequence,
        rejection::{Rejection, RejectionReason, rejections_of},
        sent::Sent,
        stale::STALE,
    },
    inbox::{Handler, HandlerError},
    message::{Message, MessageBuilder},
    ports::Transaction,
};

/// Handler of the commands of one type.
pub(super) struct Commands<A: Aggregate>(pub(super) Arc<CommandHandlers<A>>);

/// An aggregate that is to be saved, or the reason why it is not.
type Verdict<A> = Result<Tracked<A>, RejectionReason>;

impl<A: Aggregate> CommandHandlers<A> {
    fn decide(&self, aggregate: Option<Tracked<A>>, command: &Message) -> Result<Verdict<A>, HandlerError> {
        let decider = self.deciders.get(&command.kind);
        let decider = decider.ok_or_else(|| HandlerError::Refused("no handler for commands of this type".into()))?;
        Ok(match (decider, aggregate) {
            (_, Some(aggregate)) if self.ended.is(&aggregate) => Err(RejectionReason::Ended),
            (Decider::Change(_), None) => Err(RejectionReason::Missing),
            (Decider::Open(_), Some(_)) => Err(RejectionReason::Present),
            (Decider::Open(open), None) => open(command)?.map(Tracked::new),
            (Decider::Change(decide), Some(mut aggregate)) => {
                let mut undecodable = None;
                let decided = aggregate.try_change(|state| match decide(state, command) {
                    Ok(decided) => decided,
                    Err(error) => {
                        undecodable = Some(error);
                        Err(RejectionReason::Missing)
                    }
                });
                match undecodable {
                    Some(error) => return Err(error.into()),
                    None => decided.map(|()| aggregate),
                }
            }
        })
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

#[async_trait]
impl<A: Aggregate> Handler for Commands<A> {
    async fn handle(&self, tx: &mut dyn Transaction, command: &Message) -> Result<(), HandlerError> {
        let commands = &*self.0;
        let sent = Sent::read(command)?;
        let aggregate = commands.repository.load(tx, &command.subject).await?;
        let version = aggregate.as_ref().and_then(Tracked::version).unwrap_or(0);
        let verdict = match sent.expected {
            ExpectedSequence::Exact(expected) if expected != version => {
                let reason = RejectionReason::Stale { expected, version };
                if let Some(answers) = sent.answers.clone() {
                    return commands.tell(tx, command, &sent, answers, reason).await;
                }
                Err(reason)
            }
            ExpectedSequence::Exact(_) | ExpectedSequence::Any => commands.decide(aggregate, command)?,
        };
        match verdict {
            Ok(changed) => {
                commands.repository.save(tx, changed, Cause::Message(command)).await?;
            }
            Err(reason) => {
                info!(command = %command.id, kind = %command.kind, root = %command.subject, %reason, "command is rejected");
                let topic = rejections_of(&sent, &reason)?;
                let rejection = Rejection { command: command.clone(), reason };
                let rejected = rejection.message(commands.domain, &sent, topic, commands.clock.now())?;
                tx.stage(&rejected).await?;
            }
        }
        Ok(())
    }
}
