//! A broker within the process whose word can be trusted although its messages die with the process: it says that it
//! accepted a message once every group has acknowledged it. What a crash takes away was never said to be accepted, so the
//! outbox still has it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use seaworthy_core::{
    ids::MessageId,
    message::Message,
    ports::{Broker, BrokerError, Delivery, DeliveryTag, PublishError, PublishResult, Subscription, SubscriptionSpec},
};
use seaworthy_tokio::LocalBroker;
use smol_str::SmolStr;
use tokio::{sync::Notify, time::timeout};

/// How long a publisher waits for the groups, less than a relay's claim holds.
const PATIENCE: Duration = Duration::from_secs(2);

/// See the module.
pub(super) struct AcknowledgedBroker {
    inner: LocalBroker,
    groups: Vec<SubscriptionSpec>,
    open: Arc<Open>,
}

/// Which groups have yet to acknowledge which message.
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
    /// A broker with these groups.
    pub(super) fn new(groups: Vec<SubscriptionSpec>) -> Self {
        let inner = LocalBroker::default();
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
                *result = Err(PublishError::Unknown("a group has not acknowledged it yet".to_owned()));
            }
            self.open.messages().remove(&message.id);
        }
        Ok(results)
    }

    async fn subscribe(&self, spec: &SubscriptionSpec) -> Result<Box<dyn Subscription>, BrokerError> {
        let inner = self.inner.subscribe(spec).await?;
        let (group, open) = (spec.group.clone(), self.open.clone());
        Ok(Box::new(Member { inner, group, open, out: BTreeMap::new() }))
    }
}

struct Member {
    inner: Box<dyn Subscription>,
    group: SmolStr,
    open: Arc<Open>,
    /// What was received and not answered for.
    out: BTreeMap<DeliveryTag, MessageId>,
}

#[async_trait]
impl Subscription for Member {
    async fn receive(&mut self, max: usize) -> Result<Vec<Delivery>, BrokerError> {
        let deliveries = self.inner.receive(max).await?;
        self.out.extend(deliveries.iter().map(|delivery| (delivery.tag, delivery.message.id)));
        Ok(deliveries)
    }

    async fn ack(&mut self, tag: DeliveryTag) -> Result<(), BrokerError> {
        self.inner.ack(tag).await?;
        if let Some(message) = self.out.remove(&tag) {
            if let Some(groups) = self.open.messages().get_mut(&message) {
                groups.remove(&self.group);
            }
            self.open.changed.notify_waiters();
        }
        Ok(())
    }

    async fn nack(&mut self, tag: DeliveryTag, delay: Duration) -> Result<(), BrokerError> {
        self.out.remove(&tag);
        self.inner.nack(tag, delay).await
    }
}
