//! Brokers with one bug each, planted between the caller and a broker that has none.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::FutureExt;
use seaworthy_core::{
    ids::MessageId,
    message::{Headers, Message},
    ports::{
        Broker, BrokerError, Delivery, DeliveryTag, Extended, PublishError, PublishResult, Subscription,
        SubscriptionSpec,
    },
};
use smol_str::{SmolStr, format_smolstr};

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bug {
    ReturnsOneResult,
    RejectsWholeBatches,
    AcceptsEverything,
    DropsTraceparents,
    DropsHeaders,
    LosesEveryThirdMessage,
    ReturnsNothingAtOnce,
    IgnoresHowManyAreAsked,
    IgnoresAcknowledgements,
    AcknowledgesAtDelivery,
    AcknowledgesByMessage,
    IgnoresDelays,
    AcknowledgesWhenLeaving,
    LosesDroppedReceives,
    GivesEachMemberAGroup,
    HasOneGroup,
    DeliversAllTopics,
    HasNoKeys,
    DeliversBackwards,
    ExtendsInWordsOnly,
    ExtendsByGivingBack,
    ExtendsWhatIsOver,
    DeliversOnceMore,
}

/// A broker with one bug.
#[derive(Clone)]
pub(super) struct Broken {
    inner: Arc<dyn Broker>,
    bug: Bug,
    notes: Arc<Mutex<Notes>>,
}

#[derive(Default)]
struct Notes {
    members: u64,
    published: u64,
    keys: BTreeMap<MessageId, SmolStr>,
    messages: BTreeMap<DeliveryTag, MessageId>,
    latest: BTreeMap<MessageId, DeliveryTag>,
    again: BTreeSet<MessageId>,
}

impl Broken {
    pub(super) fn new(inner: Arc<dyn Broker>, bug: Bug) -> Self {
        Self { inner, bug, notes: Arc::default() }
    }

    fn notes(&self) -> std::sync::MutexGuard<'_, Notes> {
        self.notes.lock().expect("no test panics with the notes in hand")
    }
}

#[async_trait]
impl Broker for Broken {
    async fn publish(&self, batch: &[Message]) -> Result<Vec<PublishResult>, BrokerError> {
        let mut batch = batch.to_vec();
        let mut results = Vec::new();
        for message in &mut batch {
            self.notes().published += 1;
            if self.bug == Bug::LosesEveryThirdMessage && self.notes().published.is_multiple_of(3) {
                results.push(Ok(()));
                continue;
            }
            if self.bug == Bug::DropsTraceparents {
                message.traceparent = None;
            }
            if self.bug == Bug::DropsHeaders {
                message.headers = Headers::new();
            }
            if matches!(self.bug, Bug::HasNoKeys | Bug::DeliversBackwards) {
                let own = format_smolstr!("{}", message.id);
                self.notes().keys.insert(message.id, std::mem::replace(&mut message.partition_key, own));
            }
            results.extend(self.inner.publish(std::slice::from_ref(message)).await?);
        }
        match self.bug {
            Bug::ReturnsOneResult => results.truncate(1),
            Bug::AcceptsEverything => results.fill(Ok(())),
            Bug::RejectsWholeBatches if results.iter().any(Result::is_err) => {
                results.fill(Err(PublishError::Refused("the batch is refused".into())));
            }
            _ => {}
        }
        Ok(results)
    }

    async fn subscribe(&self, spec: &SubscriptionSpec) -> Result<Box<dyn Subscription>, BrokerError> {
        let mut spec = spec.clone();
        match self.bug {
            Bug::GivesEachMemberAGroup => {
                self.notes().members += 1;
                spec.group = format_smolstr!("{}-{}", spec.group, self.notes().members);
            }
            Bug::HasOneGroup => spec.group = "everybody".into(),
            Bug::DeliversAllTopics => spec.topics = vec!["orders".into(), "refunds".into()],
            _ => {}
        }
        let inner = self.inner.subscribe(&spec).await?;
        Ok(Box::new(BrokenSubscription { broker: self.clone(), inner, out: Mutex::default() }))
    }
}

struct BrokenSubscription {
    broker: Broken,
    inner: Box<dyn Subscription>,
    out: Mutex<Vec<DeliveryTag>>,
}

impl BrokenSubscription {
    fn has(&self, bug: Bug) -> bool {
        self.broker.bug == bug
    }

    /// The tag that the caller's tag stands for.
    fn current(&self, tag: DeliveryTag) -> DeliveryTag {
        let notes = self.broker.notes();
        let latest = notes.messages.get(&tag).and_then(|message| notes.latest.get(message)).copied();
        latest.filter(|_| self.has(Bug::AcknowledgesByMessage)).unwrap_or(tag)
    }
}

/// A receive that is dropped while it waits takes what came meanwhile with it.
struct Receiving<'a>(&'a dyn Subscription, bool);

impl Drop for Receiving<'_> {
    fn drop(&mut self) {
        if self.1
            && let Some(Ok(lost)) = self.0.receive(9).now_or_never()
        {
            for delivery in lost {
                let _ = self.0.ack(delivery.tag).now_or_never();
            }
        }
    }
}

#[async_trait]
impl Subscription for BrokenSubscription {
    async fn receive(&self, max: usize) -> Result<Vec<Delivery>, BrokerError> {
        if self.has(Bug::ReturnsNothingAtOnce) {
            return self.inner.receive(max).now_or_never().unwrap_or(Ok(Vec::new()));
        }
        let max = if self.has(Bug::IgnoresHowManyAreAsked) { 99 } else { max };
        let loses = self.has(Bug::LosesDroppedReceives);
        let mut receiving = Receiving(&*self.inner, loses);
        let mut received = receiving.0.receive(max).await?;
        receiving.1 = false;
        drop(receiving);
        for delivery in &mut received {
            let mut notes = self.broker.notes();
            if let Some(key) = notes.keys.get(&delivery.message.id) {
                delivery.message.partition_key = key.clone();
            }
            notes.messages.insert(delivery.tag, delivery.message.id);
            notes.latest.insert(delivery.message.id, delivery.tag);
        }
        self.out.lock().expect("no test panics with it in hand").extend(received.iter().map(|delivery| delivery.tag));
        if self.has(Bug::AcknowledgesAtDelivery) {
            for delivery in &received {
                self.inner.ack(delivery.tag).await?;
            }
        }
        if self.has(Bug::DeliversBackwards) {
            received.reverse();
        }
        Ok(received)
    }

    async fn ack(&self, tag: DeliveryTag) -> Result<(), BrokerError> {
        if self.has(Bug::IgnoresAcknowledgements) {
            return Ok(());
        }
        let message = self.broker.notes().messages.get(&tag).copied();
        if let Some(message) = message
            && self.has(Bug::DeliversOnceMore)
            && self.broker.notes().again.insert(message)
        {
            // A little later, as brokers do that replicate what was acknowledged.
            return self.inner.nack(tag, Duration::from_millis(100)).await;
        }
        self.inner.ack(self.current(tag)).await
    }

    async fn nack(&self, tag: DeliveryTag, delay: Duration) -> Result<(), BrokerError> {
        let delay = if self.has(Bug::IgnoresDelays) { Duration::ZERO } else { delay };
        self.inner.nack(self.current(tag), delay).await
    }

    async fn extend(&self, tag: DeliveryTag, by: Duration) -> Result<Extended, BrokerError> {
        match self.broker.bug {
            Bug::ExtendsInWordsOnly => Ok(Extended::Held),
            Bug::ExtendsByGivingBack => self.inner.nack(tag, by).await.map(|()| Extended::Held),
            Bug::ExtendsWhatIsOver => self.inner.extend(tag, by).await.map(|_| Extended::Held),
            _ => self.inner.extend(tag, by).await,
        }
    }
}

impl Drop for BrokenSubscription {
    fn drop(&mut self) {
        if self.has(Bug::AcknowledgesWhenLeaving) {
            for tag in std::mem::take(self.out.get_mut().expect("no test panics with it in hand")) {
                let _ = self.inner.ack(tag).now_or_never();
            }
        }
    }
}
