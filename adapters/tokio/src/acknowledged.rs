use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
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
/// message is not acknowledged by all groups within 2 s hears [`PublishError::Unknown`] and publishes it again. That adds no
/// copy to those that wait already, or a group that is slow would get slower with each; the publisher then waits for the
/// first. A message may come twice all the same, as from any broker.
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
    open: Arc<Unacknowledged>,
}

/// Groups that have yet to acknowledge a message, by message. One that all have acknowledged after its publisher had lost
/// patience stays until the publisher asks again, which it does unless it has given the message up.
#[derive(Default)]
struct Unacknowledged {
    messages: Mutex<BTreeMap<MessageId, BTreeSet<SmolStr>>>,
    changed: Notify,
}

impl Unacknowledged {
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

    /// Opens a message; returns `false` if it is open already, or has been closed since somebody lost patience with it.
    fn open(&self, message: &Message) -> bool {
        let mut open = self.open.messages();
        let Entry::Vacant(place) = open.entry(message.id) else { return false };
        let bound = self.groups.iter().filter(|spec| spec.topics.contains(&message.topic));
        place.insert(bound.map(|spec| spec.group.clone()).collect());
        true
    }
}

#[async_trait]
impl Broker for AcknowledgedBroker {
    async fn publish(&self, batch: &[Message]) -> Result<Vec<PublishResult>, BrokerError> {
        let fresh: Vec<Message> = batch.iter().filter(|message| self.open(message)).cloned().collect();
        let refused = match self.inner.publish(&fresh).await {
            Ok(results) => fresh.iter().zip(results).filter_map(|(message, result)| Some((message.id, result.err()?))),
            Err(error) => {
                fresh.iter().for_each(|message| drop(self.open.messages().remove(&message.id)));
                return Err(error);
            }
        };
        let refused: BTreeMap<MessageId, PublishError> = refused.collect();
        refused.keys().for_each(|message| drop(self.open.messages().remove(message)));
        let in_time = timeout(PATIENCE, self.open.closed(batch)).await.is_ok();
        let result = |message: &Message| match refused.get(&message.id) {
            Some(error) => Err(error.clone()),
            None if !in_time && self.open.is_open(message.id) => {
                Err(PublishError::Unknown("a group has not acknowledged it yet".into()))
            }
            None => {
                self.open.messages().remove(&message.id);
                Ok(())
            }
        };
        Ok(batch.iter().map(result).collect())
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
    open: Arc<Unacknowledged>,
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
