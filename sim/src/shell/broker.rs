use std::{pin::pin, sync::Arc, time::Duration};

use seaworthy_core::{
    message::Message,
    ports::{
        Broker, BrokerError, Call, Delivery, FailureKind, Operation, PortError as _, PublishError, PublishResult,
        Subscription,
    },
};
use smol_str::SmolStr;

use super::{
    Shell,
    disposition::{Disposition, Reach, said},
};
use crate::trace::{Outcome, What};

impl Shell {
    /// Publishes a batch, of which each message has an outcome of its own.
    pub(super) async fn published(
        &self,
        batch: &[Message],
        inner: &dyn Broker,
    ) -> Result<Vec<PublishResult>, BrokerError> {
        let call = Call::Publish { batch };
        let mut entered = self.gate.enter(Operation::Publish, Reach::Network).await;
        let disposition = entered.disposition().await;
        if let (true, Some((kind, outcome))) = (disposition != Disposition::Reject, disposition.refusal()) {
            batch.iter().for_each(|message| self.tell_published(message, outcome, ""));
            return Err(BrokerError::new(kind, said(kind, &call)));
        }
        // A refusal is about one message, the first of the batch; a partial batch lets at least one entry down.
        let rejected = usize::from(disposition == Disposition::Reject && !batch.is_empty());
        let accepted = match disposition {
            Disposition::PartialBatch { accepted } => (accepted as usize).min(batch.len().saturating_sub(1)),
            _ => batch.len(),
        };
        let swallowed = usize::from(disposition == Disposition::Unroutable && !batch.is_empty());
        let offered = &batch[rejected + swallowed..accepted.max(rejected)];
        let mut results: Vec<PublishResult> = Vec::with_capacity(batch.len());
        for message in &batch[..rejected] {
            const WHY: &str = "no queue is bound to its topic";
            self.tell_published(message, Outcome::Rejected, WHY);
            results.push(Err(PublishError::Refused(SmolStr::new_static(WHY))));
        }
        for message in &batch[..swallowed] {
            self.tell_published(message, Outcome::BelievedDone, "");
            results.push(Ok(()));
        }
        let published = self.gate.incarnation.alive(inner.publish(offered)).await?;
        for (message, result) in offered.iter().zip(published) {
            match &result {
                Ok(()) if disposition.is_unheard() => self.tell_published(message, Outcome::DoneUnheard, ""),
                Ok(()) => self.tell_published(message, Outcome::Done, ""),
                Err(error) => {
                    self.gate.note_error(Operation::Publish, error);
                    match error {
                        PublishError::Refused(why) => self.tell_published(message, Outcome::Rejected, why),
                        error => self.tell_published(message, Outcome::Rejected, &error.to_string()),
                    }
                }
            }
            results.push(result);
        }
        for message in &batch[accepted.max(rejected)..] {
            self.tell_published(message, Outcome::Unavailable, "");
            results.push(Err(PublishError::Unavailable(SmolStr::new_static("throttled"))));
        }
        if let (Disposition::Duplicate { after_ms }, Some(message)) = (disposition, batch.first()) {
            self.gate.world.publish_again(message, Duration::from_millis(after_ms.into()));
        }
        entered.leave().await;
        disposition.heard(&call, Ok(results))
    }

    fn tell_published(&self, message: &Message, outcome: Outcome, why: &str) {
        self.gate.record(What::Publish { message: Arc::new(message.clone()), outcome, why: why.into() });
    }

    /// Receives what has come, or waits for it.
    pub(super) async fn received(
        &self,
        group: &SmolStr,
        max: usize,
        inner: &mut dyn Subscription,
    ) -> Result<Vec<Delivery>, BrokerError> {
        let lost = || {
            self.gate.record(What::ReceiveFailed { group: group.clone(), outcome: Outcome::Unavailable });
            let kind = FailureKind::Unavailable;
            BrokerError::new(kind, said(kind, &Call::Receive { group, max }))
        };
        let mut call = self.gate.enter(Operation::Receive, Reach::Network).await;
        if call.is_refused().await {
            return Err(lost());
        }
        let deliveries = call.idle(pin!(inner.receive(max))).await?;
        // The broker may have gone away while this waited: what it handed out then comes back after its timeout.
        if call.disposition().await == Disposition::Unavailable {
            return Err(lost());
        }
        self.out().extend(deliveries.iter().map(|delivery| (delivery.tag, delivery.message.id)));
        for delivery in &deliveries {
            self.gate.record(What::Deliver {
                group: group.clone(),
                tag: delivery.tag.0,
                message: Arc::new(delivery.message.clone()),
                redeliveries: delivery.redeliveries,
            });
        }
        call.leave().await;
        Ok(deliveries)
    }
}
