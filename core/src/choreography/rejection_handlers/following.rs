//! The messages, letters and marks that follow from a source's decision about a rejected command.

use std::sync::Arc;

use bytes::Bytes;
use smol_str::{SmolStr, ToSmolStr as _, format_smolstr};
use tracing::warn;

use super::super::{Domain, FollowUp, Rejection, follow_up::REVOKED, sent::Sent, stale::ABORTED};
use crate::{
    cut::cut,
    ids::{OperationId, derive},
    inbox::HandlerError,
    message::{Message, MessageBuilder},
    participant::{self, Execution},
    ports::{Clock, InboxEntry, Ports, Transaction},
};

/// Type of the message that has somebody outside hear of a rejected command.
pub(in crate::choreography) const ESCALATED: &str = "command.escalated";

/// Returns the name under which the commands that a domain keeps as dead letters are listed.
///
/// ```
/// # use seaworthy_core::choreography::Domain;
/// use seaworthy_core::{
///     choreography::rejected_letters,
///     ports::{DeadLetter, DeadLetterRequest, Store, StoreError},
/// };
///
/// async fn oldest<D: Domain>(store: &dyn Store) -> Result<Vec<DeadLetter>, StoreError> {
///     store.dead_letters(&DeadLetterRequest::new(rejected_letters::<D>(), 100)).await
/// }
/// ```
pub fn rejected_letters<D: Domain>() -> SmolStr {
    letters(D::NAME)
}

fn letters(domain: &str) -> SmolStr {
    format_smolstr!("{domain}.rejected")
}

/// Stages follow-ups in the name of a domain.
pub(super) struct Following {
    domain: &'static str,
    escalations: SmolStr,
    clock: Arc<dyn Clock>,
}

impl Following {
    pub(super) fn new<D: Domain>(ports: &Ports) -> Self {
        Self { domain: D::NAME, escalations: D::escalations_topic(), clock: ports.clock.clone() }
    }

    /// Stages what a source has decided about a rejected command, beyond what it has changed in itself.
    pub(super) async fn stage(
        &self,
        tx: &mut dyn Transaction,
        told: &Message,
        rejection: &Rejection,
        event: &Message,
        follow_up: FollowUp,
    ) -> Result<(), HandlerError> {
        let Rejection { command, reason } = rejection;
        let now = self.clock.now();
        let message = |kind, subject: &SmolStr| MessageBuilder::new(self.domain, kind, subject.clone()).caused_by(told);
        if follow_up.dead_letter {
            let (consumer, reason) = (letters(self.domain), cut(reason.to_smolstr()));
            tx.inbox_bury(&InboxEntry::for_message(&consumer, command), command, &reason).await?;
            let message = command.id;
            // It is one once that is committed; an attempt that fails or conflicts is made again.
            tx.after_commit(Box::new(move || {
                warn!(%consumer, %message, failures = 1, error = %reason, "message is a dead letter");
            }));
        }
        if follow_up.escalate {
            let escalated = message(ESCALATED, &event.subject).topic(self.escalations.clone()).json(rejection)?;
            tx.stage(&escalated.derive(told.id.0, &["escalated"], now)).await?;
        }
        // Void once, however many of its commands are rejected.
        if follow_up.revoke
            && let Execution::First(operation) =
                participant::execute(tx, OperationId(derive(event.id.0, &["revoke"]))).await?
        {
            let revoked = message(REVOKED, &event.subject).topic(event.topic.clone()).json(event)?;
            let revoked = revoked.partition_key(event.partition_key.clone());
            tx.stage(&revoked.derive(event.id.0, &["revoked"], now)).await?;
            operation.record(tx, Bytes::new()).await?;
        }
        if let (true, Some(router)) = (follow_up.abort, Sent::read(command)?.answers) {
            let aborted = message(ABORTED, &event.subject).topic(router).json(event)?;
            tx.stage(&aborted.derive(told.id.0, &["aborted"], now)).await?;
        }
        Ok(())
    }
}
