use std::{pin::pin, sync::Arc, time::Duration};

use seaworthy_core::{
    message::Message,
    ports::{
        Broker, BrokerError, Call, Delivery, FailureKind, Operation, PortError as _, PublishError, PublishResult,
        Subscription,
    },
};
use smol_str::{SmolStr, format_smolstr};

use super::intercept::Shell;
use crate::{
    plan::Verdict,
    shell::{Disposition, Reach, outcome_of, said},
    trace::{Outcome, What},
};

impl Shell {
    /// Publishes a batch, of which each message has an outcome of its own.
    pub(super) fn published(
        &self,
        batch: &[Message],
        inner: &dyn Broker,
    ) -> impl Future<Output = Result<Vec<PublishResult>, BrokerError>> + Send {
        let tell = move |_: &Call<'_>, struck, results: &Result<Vec<PublishResult>, _>, outcome| {
            let mut results = results.iter().flatten();
            for (index, message) in batch.iter().enumerate() {
                let (outcome, why) = match results.next() {
                    Some(Ok(())) if index == 0 && struck == Some(Verdict::Unroutable) => {
                        (Outcome::BelievedDone, SmolStr::default())
                    }
                    None | Some(Ok(())) => (outcome, SmolStr::default()),
                    Some(Err(error)) => not_published(error),
                };
                self.gate.record(What::Publish { message: Arc::new(message.clone()), outcome, why });
            }
        };
        let inner = move |struck| self.offered(struck, batch, inner);
        self.gate.call(Call::Publish { batch }, Reach::Network, None, inner, tell)
    }

    /// Offers the broker what a strike lets through of a batch.
    async fn offered(
        &self,
        struck: Disposition,
        batch: &[Message],
        inner: &dyn Broker,
    ) -> Result<Vec<PublishResult>, BrokerError> {
        // A refusal is about one message, the first of the batch; a partial batch lets at least one entry down.
        let (first, offered) = match struck {
            Some(Verdict::Reject) => {
                (Some(Err(PublishError::Refused("no queue is bound to its topic".into()))), 1..batch.len())
            }
            Some(Verdict::Unroutable) => (Some(Ok(())), 1..batch.len()),
            Some(Verdict::PartialBatch { accepted }) => {
                (None, 0..(accepted as usize).min(batch.len().saturating_sub(1)))
            }
            _ => (None, 0..batch.len()),
        };
        let mut results: Vec<PublishResult> = Vec::with_capacity(batch.len());
        results.extend(first.filter(|_| !batch.is_empty()));
        let offered = batch.get(offered).unwrap_or_default();
        let published = match self.gate.world.is_disturbed() {
            true => self.by_topic(offered, inner).await?,
            false => inner.publish(offered).await?,
        };
        for error in published.iter().filter_map(|result| result.as_ref().err()) {
            self.gate.note_error(Operation::Publish, error);
        }
        results.extend(published);
        results.resize(batch.len(), Err(PublishError::Unavailable(SmolStr::new_static("throttled"))));
        if let (Some(Verdict::Duplicate { after_ms }), Some(message), Some(Ok(()))) =
            (struck, batch.first(), results.first())
        {
            self.gate.world.publish_again(message, Duration::from_millis(after_ms.into()));
        }
        Ok(results)
    }

    /// Offers the broker the messages of topics that are up.
    async fn by_topic(&self, offered: &[Message], inner: &dyn Broker) -> Result<Vec<PublishResult>, BrokerError> {
        let down: Vec<_> = offered.iter().map(|message| self.gate.world.topic_is_down(&message.topic)).collect();
        if down.iter().all(Option::is_none) {
            return inner.publish(offered).await;
        }
        let up = offered.iter().zip(&down).filter(|(_, down)| down.is_none()).map(|(message, _)| message.clone());
        let mut answers = inner.publish(&up.collect::<Vec<_>>()).await?.into_iter();
        let answer = |(message, down): (&Message, Option<bool>)| match down {
            None => answers.next().expect("the broker answers each message"),
            Some(false) => Err(PublishError::Unavailable(format_smolstr!("topic {} takes no message", message.topic))),
            Some(true) => Err(PublishError::Unknown(format_smolstr!("topic {} did not answer", message.topic))),
        };
        Ok(offered.iter().zip(down).map(answer).collect())
    }

    /// Receives what has come, or waits for it.
    pub(super) async fn received(
        &self,
        group: &SmolStr,
        max: usize,
        inner: &dyn Subscription,
    ) -> Result<Vec<Delivery>, BrokerError> {
        let call = Call::Receive { group, max };
        let lost = || {
            self.gate.record(What::ReceiveFailed { group: group.clone(), outcome: Outcome::Unavailable });
            BrokerError::new(FailureKind::Unavailable, said(FailureKind::Unavailable, &call))
        };
        let mut under_way = self.gate.enter(&call, Reach::Network).await;
        if under_way.is_refused(&call).await {
            return Err(lost());
        }
        let deliveries = under_way.idle(pin!(inner.receive(max))).await?;
        // The broker may have gone away while this waited: what it handed out then comes back after its timeout.
        if under_way.struck(&call).await == Some(Verdict::Unavailable) {
            return Err(lost());
        }
        self.out().extend(deliveries.iter().map(|delivery| (delivery.tag, delivery.message.id)));
        for Delivery { tag, message, redeliveries } in &deliveries {
            let (group, message) = (group.clone(), Arc::new(message.clone()));
            self.gate.record(What::Deliver { group, tag: tag.0, message, redeliveries: *redeliveries });
        }
        under_way.leave(&call).await;
        Ok(deliveries)
    }
}

/// Returns what became of a message that the broker did not take, and why it never will.
fn not_published(error: &PublishError) -> (Outcome, SmolStr) {
    let why = if let PublishError::Refused(why) = error { why.clone() } else { SmolStr::default() };
    (outcome_of(&Err::<(), _>(error.clone()), false), why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_broker_refuses_for_good_counts_as_rejected() {
        let why = SmolStr::new_static("the group is full");
        let told = |error| not_published(&error);
        assert_eq!(told(PublishError::Refused(why.clone())), (Outcome::Rejected, why.clone()));
        assert_eq!(told(PublishError::Unavailable(why.clone())), (Outcome::Unavailable, SmolStr::default()));
        assert_eq!(told(PublishError::Unknown(why)), (Outcome::NotDoneUnheard, SmolStr::default()));
    }
}
