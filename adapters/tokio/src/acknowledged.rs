use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use seaworthy_core::{
    ids::MessageId,
    message::Message,
    ports::{
        Broker, BrokerError, Delivery, DeliveryTag, Extended, PublishError, PublishResult, Subscription,
        SubscriptionSpec,
    },
};
use smol_str::SmolStr;
use tokio::{sync::Notify, time::timeout};

use crate::broker::LocalBroker;

/// Time that a publisher waits for the groups: less than a relay's claim usually holds.
const PATIENCE: Duration = Duration::from_secs(2);

/// A broker within one process whose word can be trusted although its messages die with the process: it says that it
/// accepted a message once every group has acknowledged it. What a crash takes away was never said to be accepted, so the
/// outbox still has it.
///
/// It fits whole systems of one process, as a shop on one machine. A publisher waits for consumers here: one whose
/// message is not acknowledged by all groups within 2 s hears [`PublishError::Unknown`] and publishes it again, so a
/// message may come twice, as from any broker.
///
/// ```
/// use seaworthy_core::ports::Broker;
/// use seaworthy_tokio::AcknowledgedBroker;
///
/// let broker = AcknowledgedBroker::new(&[("shipping", &["orders"])]);
/// # let _: &dyn Broker = &broker;
/// ```
pub struct AcknowledgedBroker {
    inner: LocalBroker,
    groups: Vec<SubscriptionSpec>,
    open: Arc<Open>,
}

/// Groups that have yet to acknowledge a message, by message.
#[derive(Default)]
struct Open {
    messages: Mutex<BTreeMap<MessageId, BTreeSet<SmolStr>>>,
    changed: Notify,
}

impl Open {
    fn messages(&self) -> MutexGuard<'_, BTreeMap<MessageId, BTreeSet<SmolStr>>> {
        // No operation leaves the map half done.
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_open(&self, message: MessageId) -> bool {
        self.messages().get(&message).is_some_and(|groups| !groups.is_empty())
    }

    async fn closed(&self, batch: &[Message]) {
        loop {
            let changed = self.changed.notified();
            if !batch.iter().any(|message| self.is_open(message.id)) {
                return;
            }
            changed.await;
        }
    }
}

impl AcknowledgedBroker {
    /// A broker with these groups, each bound to its topics. It waits for no other group.
    pub fn new(groups: &[(&str, &[&str])]) -> Self {
        let inner = LocalBroker::default();
        let spec = |(group, topics): &(&str, &[&str])| SubscriptionSpec {
            group: SmolStr::from(*group),
            topics: topics.iter().map(|topic| SmolStr::from(*topic)).collect(),
        };
        let groups: Vec<SubscriptionSpec> = groups.iter().map(spec).collect();
        for spec in &groups {
            inner.declare(spec.group.clone(), spec.topics.iter().cloned());
        }
        Self { inner, groups, open: Arc::default() }
    }
}

#[async_trait]
impl Broker for AcknowledgedBroker {
    async fn publish(&self, batch: &[Message]) -> Result<Vec<PublishResult>, BrokerError> {
        for message in batch {
            let bound = self.groups.iter().filter(|spec| spec.topics.contains(&message.topic));
            let groups = bound.map(|spec| spec.group.clone()).collect();
            self.open.messages().insert(message.id, groups);
        }
        let mut results = self.inner.publish(batch).await?;
        let in_time = timeout(PATIENCE, self.open.closed(batch)).await.is_ok();
        for (message, result) in batch.iter().zip(&mut results) {
            if !in_time && result.is_ok() && self.open.is_open(message.id) {
                *result = Err(PublishError::Unknown("a group has not acknowledged it yet".into()));
            }
            self.open.messages().remove(&message.id);
        }
        Ok(results)
    }

    async fn subscribe(&self, spec: &SubscriptionSpec) -> Result<Box<dyn Subscription>, BrokerError> {
        let inner = self.inner.subscribe(spec).await?;
        let (group, open) = (spec.group.clone(), self.open.clone());
        Ok(Box::new(Member { inner, group, open, out: Mutex::default() }))
    }
}

struct Member {
    inner: Box<dyn Subscription>,
    group: SmolStr,
    open: Arc<Open>,
    /// Messages that were received and not answered for.
    out: Mutex<BTreeMap<DeliveryTag, MessageId>>,
}

impl Member {
    fn out(&self) -> MutexGuard<'_, BTreeMap<DeliveryTag, MessageId>> {
        // No operation leaves the map half done.
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Subscription for Member {
    async fn receive(&self, max: usize) -> Result<Vec<Delivery>, BrokerError> {
        let deliveries = self.inner.receive(max).await?;
        self.out().extend(deliveries.iter().map(|delivery| (delivery.tag, delivery.message.id)));
        Ok(deliveries)
    }

    async fn ack(&self, tag: DeliveryTag) -> Result<(), BrokerError> {
        self.inner.ack(tag).await?;
        let message = self.out().remove(&tag);
        if let Some(message) = message {
            if let Some(groups) = self.open.messages().get_mut(&message) {
                groups.remove(&self.group);
            }
            self.open.changed.notify_waiters();
        }
        Ok(())
    }

    async fn nack(&self, tag: DeliveryTag, delay: Duration) -> Result<(), BrokerError> {
        self.out().remove(&tag);
        self.inner.nack(tag, delay).await
    }

    async fn extend(&self, tag: DeliveryTag, by: Duration) -> Result<Extended, BrokerError> {
        self.inner.extend(tag, by).await
    }
}

impl fmt::Debug for AcknowledgedBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AcknowledgedBroker").field("groups", &self.groups).finish_non_exhaustive()
    }
}
