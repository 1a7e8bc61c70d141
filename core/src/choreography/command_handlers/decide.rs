//! The decision of an aggregate on one command.

use std::sync::Arc;

use async_trait::async_trait;

use super::{CommandHandlers, Decider, answers::Answers, turn};
use crate::{
    aggregate::{Aggregate, Cause, Tracked},
    choreography::{rejection::RejectionReason, sent::Sent},
    inbox::{Handler, HandlerError},
    message::Message,
    ports::Transaction,
};

/// Handler of the commands of one type.
pub(super) struct Commands<A: Aggregate>(pub(super) Arc<CommandHandlers<A>>);

/// An aggregate that is to be saved, or the reason why it is not.
type Decided<A> = Result<Tracked<A>, RejectionReason>;

impl<A: Aggregate> CommandHandlers<A> {
    fn decide(&self, aggregate: Option<Tracked<A>>, command: &Message) -> Result<Decided<A>, HandlerError> {
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
}

#[async_trait]
impl<A: Aggregate> Handler for Commands<A> {
    async fn handle(&self, tx: &mut dyn Transaction, command: &Message) -> Result<(), HandlerError> {
        let commands = &*self.0;
        let sent = Sent::read(command)?;
        let aggregate = commands.repository.load(tx, &command.subject).await?;
        let version = aggregate.as_ref().and_then(Tracked::version).unwrap_or(0);
        let place = turn::place(tx, command, &sent).await?;
        let decided = match Answers::stale(&sent, version, place) {
            Some(stale) => Err(stale),
            None => commands.decide(aggregate, command)?,
        };
        // One that is stale for good is as if it had not come: those after it were decided on the same state.
        if !matches!(decided, Err(RejectionReason::Stale { .. })) {
            turn::pass_on(tx, command, &sent).await?;
        }
        match decided {
            Ok(changed) => {
                commands.repository.save(tx, changed, Cause::Message(command)).await?;
                Ok(())
            }
            Err(reason) => commands.answers.give(tx, command, &sent, reason, place).await,
        }
    }
}
