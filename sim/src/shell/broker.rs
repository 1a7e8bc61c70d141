use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use seaworthy_core::{
    ids::MessageId,
    message::Message,
    ports::{Broker, BrokerError, Delivery, DeliveryTag, PublishError, PublishResult, Subscription, SubscriptionSpec},
};
use smol_str::SmolStr;

use super::{
    Door,
    strike::{Reach, Strike},
};
use crate::{
    plan::Point,
    trace::{Outcome, What},
};

/// The broker behind the shell.
pub(super) struct BrokerShell(Door);

fn unavailable() -> BrokerError {
    BrokerError::Unavailable("the broker does not answer".to_owned())
}

fn unknown() -> BrokerError {
    BrokerError::Unknown("the connection was lost before the answer".to_owned())
}

impl BrokerShell {
    pub(super) fn new(door: Door) -> Self {
        Self(door)
    }

    fn record(&self, message: &Message, outcome: Outcome) {
        self.record_refused(message, outcome, SmolStr::default());
    }

    fn record_refused(&self, message: &Message, outcome: Outcome, why: SmolStr) {
        self.0.record(What::Publish { message: Arc::new(message.clone()), outcome, why });
    }

    fn record_all(&self, batch: &[Message], outcome: Outcome) {
        for message in batch {
            self.record(message, outcome);
        }
    }
}

#[async_trait]
impl Broker for BrokerShell {
    async fn publish(&self, batch: &[Message]) -> Result<Vec<PublishResult>, BrokerError> {
        let mut call = self.0.enter(Point::Publish, Reach::Network).await;
        let strike = call.strike().await;
        match strike {
            Strike::Unavailable => {
                self.record_all(batch, Outcome::Unavailable);
                return Err(unavailable());
            }
            Strike::LoseRequest => {
                self.record_all(batch, Outcome::NotDoneUnheard);
                return Err(unknown());
            }
            _ => {}
        }
        // A refusal is about one message, the first of the batch; a partial batch lets at least one entry down.
        let rejected = usize::from(strike == Strike::Reject && !batch.is_empty());
        let accepted = match strike {
            Strike::PartialBatch { accepted } => (accepted as usize).min(batch.len().saturating_sub(1)),
            _ => batch.len(),
        };
        let offered = &batch[rejected..accepted.max(rejected)];
        let mut results: Vec<PublishResult> = Vec::with_capacity(batch.len());
        for message in &batch[..rejected] {
            const WHY: &str = "no queue is bound to its topic";
            self.record_refused(message, Outcome::Rejected, SmolStr::new_static(WHY));
            results.push(Err(PublishError::Rejected(WHY.to_owned())));
        }
        let published = self.0.life.alive(self.0.world.broker.publish(offered)).await?;
        for (message, result) in offered.iter().zip(published) {
            let (outcome, why) = match &result {
                Ok(()) if strike.is_unheard() => (Outcome::DoneUnheard, SmolStr::default()),
                Ok(()) => (Outcome::Done, SmolStr::default()),
                Err(PublishError::Rejected(why)) => (Outcome::Rejected, SmolStr::from(why.as_str())),
                Err(error) => (Outcome::Rejected, SmolStr::from(error.to_string())),
            };
            if let Err(error) = &result {
                self.0.note_error(Point::Publish, error);
            }
            self.record_refused(message, outcome, why);
            results.push(result);
        }
        for message in &batch[accepted.max(rejected)..] {
            self.record(message, Outcome::Unavailable);
            results.push(Err(PublishError::Unavailable("throttled".to_owned())));
        }
        if let (Strike::Duplicate { after_ms }, Some(message)) = (strike, batch.first()) {
            self.0.world.publish_again(message, Duration::from_millis(after_ms.into()));
        }
        call.leave().await;
        if strike == Strike::LoseReply { Err(unknown()) } else { Ok(results) }
    }

    async fn subscribe(&self, spec: &SubscriptionSpec) -> Result<Box<dyn Subscription>, BrokerError> {
        let mut call = self.0.enter(Point::Subscribe, Reach::Network).await;
        if call.strike().await == Strike::Unavailable {
            self.0.record(What::Subscribe { group: spec.group.clone(), outcome: Outcome::Unavailable });
            return Err(unavailable());
        }
        let inner = self.0.life.alive(self.0.world.broker.subscribe(spec)).await?;
        self.0.record(What::Subscribe { group: spec.group.clone(), outcome: Outcome::Done });
        call.leave().await;
        Ok(Box::new(SubscriptionShell { door: self.0.clone(), group: spec.group.clone(), inner, out: BTreeMap::new() }))
    }
}

/// Membership in a group behind the shell.
struct SubscriptionShell {
    door: Door,
    group: SmolStr,
    inner: Box<dyn Subscription>,
    /// Deliveries that were neither acknowledged nor given back yet.
    out: BTreeMap<DeliveryTag, MessageId>,
}

impl SubscriptionShell {
    fn lost(&self) -> BrokerError {
        self.door.record(What::ReceiveFailed { group: self.group.clone(), outcome: Outcome::Unavailable });
        unavailable()
    }

    /// The message of a delivery that is out no longer.
    fn end(out: &mut BTreeMap<DeliveryTag, MessageId>, tag: DeliveryTag) -> MessageId {
        out.remove(&tag).unwrap_or(MessageId(uuid::Uuid::nil()))
    }
}

#[async_trait]
impl Subscription for SubscriptionShell {
    async fn receive(&mut self, max: usize) -> Result<Vec<Delivery>, BrokerError> {
        let mut call = self.door.enter(Point::Receive, Reach::Network).await;
        if call.is_refused().await {
            return Err(self.lost());
        }
        let deliveries = call.idle(self.inner.receive(max)).await?;
        // The broker may have gone away while this waited: what it handed out then comes back after its timeout.
        if call.strike().await == Strike::Unavailable {
            return Err(self.lost());
        }
        for delivery in &deliveries {
            self.out.insert(delivery.tag, delivery.message.id);
            self.door.record(What::Deliver {
                group: self.group.clone(),
                tag: delivery.tag.0,
                message: Arc::new(delivery.message.clone()),
                redeliveries: delivery.redeliveries,
            });
        }
        call.leave().await;
        Ok(deliveries)
    }

    async fn ack(&mut self, tag: DeliveryTag) -> Result<(), BrokerError> {
        let mut call = self.door.enter(Point::Ack, Reach::Network).await;
        let strike = call.strike().await;
        let (result, outcome) = match strike {
            Strike::Unavailable => (Err(unavailable()), Outcome::Unavailable),
            Strike::LoseRequest => (Err(unknown()), Outcome::NotDoneUnheard),
            Strike::DropAck => (Ok(()), Outcome::BelievedDone),
            Strike::LoseReply => {
                (self.door.life.alive(self.inner.ack(tag)).await.and(Err(unknown())), Outcome::DoneUnheard)
            }
            Strike::CrashAfter(_) => (self.door.life.alive(self.inner.ack(tag)).await, Outcome::DoneUnheard),
            _ => (self.door.life.alive(self.inner.ack(tag)).await, Outcome::Done),
        };
        let message = Self::end(&mut self.out, tag);
        self.door.record(What::Ack { group: self.group.clone(), tag: tag.0, message, outcome });
        call.leave().await;
        result
    }

    async fn nack(&mut self, tag: DeliveryTag, delay: Duration) -> Result<(), BrokerError> {
        let mut call = self.door.enter(Point::Nack, Reach::Network).await;
        let strike = call.strike().await;
        let (result, outcome) = match strike {
            Strike::Unavailable => (Err(unavailable()), Outcome::Unavailable),
            Strike::LoseRequest => (Err(unknown()), Outcome::NotDoneUnheard),
            Strike::LoseReply => {
                (self.door.life.alive(self.inner.nack(tag, delay)).await.and(Err(unknown())), Outcome::DoneUnheard)
            }
            Strike::CrashAfter(_) => (self.door.life.alive(self.inner.nack(tag, delay)).await, Outcome::DoneUnheard),
            _ => (self.door.life.alive(self.inner.nack(tag, delay)).await, Outcome::Done),
        };
        let message = Self::end(&mut self.out, tag);
        self.door.record(What::Nack { group: self.group.clone(), tag: tag.0, message, outcome });
        call.leave().await;
        result
    }
}
