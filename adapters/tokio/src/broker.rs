use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use seaworthy_core::{
    message::Message,
    ports::{
        Broker, BrokerError, Clock, Delivery, DeliveryTag, Extended, PublishResult, Subscription, SubscriptionSpec,
    },
};
use seaworthy_memory::broker::{BrokerConfig, MemoryBroker, Unroutable};
use smol_str::SmolStr;
use tokio::task::consume_budget;

use crate::clock::TokioClock;

/// A broker within one process: consumer groups, order by partition key, redelivery. It is the broker that the simulator
/// runs, with the settings of a service.
///
/// **Its messages live in memory and die with the process.** An outbox behind it marks rows as dispatched that a crash
/// then takes away, so it fits tests, and services of one process that can lose what was under way; anything else needs
/// a broker that writes to disk. Within the life of the process it keeps the whole contract of the port: every group
/// bound to a topic gets every message at least once, one message of a key at a time, in the order of acceptance.
///
/// All members of a group that wait are woken by each of its messages, since each keeps the time after which an unacknowledged
/// delivery comes again. That costs little for the few members that share a group in a process; for more at a time, let one
/// consumer have several [workers](seaworthy_core::inbox::ConsumerConfig::workers).
///
/// Cloning is cheap: all clones are the same broker.
///
/// ```
/// use seaworthy_core::ports::{Broker, SubscriptionSpec};
/// use seaworthy_tokio::LocalBroker;
///
/// # async fn consume() -> Result<(), seaworthy_core::ports::BrokerError> {
/// let broker = LocalBroker::default();
/// // Bound before the first message is published, the group misses none.
/// broker.declare("shipping", ["orders"]);
/// let spec = SubscriptionSpec { group: "shipping".into(), topics: vec!["orders".into()] };
/// let member = broker.subscribe(&spec).await?;
/// for delivery in member.receive(10).await? {
///     member.ack(delivery.tag).await?;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct LocalBroker(MemoryBroker);

impl LocalBroker {
    /// A broker without groups. `clock` measures visibility and delays; if it is a wall clock that is set back, they
    /// last longer. [`LocalBroker::config`] has settings to begin with.
    ///
    /// # Panics
    /// Where a setting [can't work](BrokerConfig::check), with what to change.
    pub fn new(clock: Arc<dyn Clock>, config: BrokerConfig) -> Self {
        Self(MemoryBroker::new(clock, config))
    }

    /// Settings for a service: a delivery may take 30 s, longer than a handler should, and a topic that no group is
    /// bound to waits for one in the outbox, since what is kept for nobody would fill the memory, and what is refused would
    /// be dead where a relay is a moment ahead of its consumer.
    pub fn config() -> BrokerConfig {
        BrokerConfig::default().visibility_timeout(Duration::from_secs(30)).unroutable(Unroutable::Wait)
    }

    /// Binds a group to topics, beside those that it is bound to, and creates it if it is new.
    ///
    /// A message is for the groups that are bound when it is accepted, and a topic without any waits: declare
    /// all groups of a topic before its producers start, or the later ones miss what came before.
    pub fn declare<T: Into<SmolStr>>(&self, group: impl Into<SmolStr>, topics: impl IntoIterator<Item = T>) {
        self.0.declare(&SubscriptionSpec { group: group.into(), topics: topics.into_iter().map(Into::into).collect() });
    }

    /// Returns the number of messages that a group has not acknowledged: for health checks, and for tests to see that
    /// all is done.
    pub fn unacknowledged(&self, group: &str) -> usize {
        self.0.unacknowledged(group)
    }
}

impl Default for LocalBroker {
    /// A broker with the settings of [`LocalBroker::config`] on the machine's clock.
    fn default() -> Self {
        Self::new(Arc::new(TokioClock), Self::config())
    }
}

#[async_trait]
impl Broker for LocalBroker {
    async fn publish(&self, batch: &[Message]) -> Result<Vec<PublishResult>, BrokerError> {
        // It never waits for anything, so a relay that drains a long outbox would keep the runtime to itself.
        consume_budget().await;
        self.0.publish(batch).await
    }

    async fn subscribe(&self, spec: &SubscriptionSpec) -> Result<Box<dyn Subscription>, BrokerError> {
        Ok(Box::new(Member(self.0.subscribe(spec).await?)))
    }
}

/// Membership that lets others have their turn, whether or not there is something to receive.
struct Member(Box<dyn Subscription>);

#[async_trait]
impl Subscription for Member {
    async fn receive(&self, max: usize) -> Result<Vec<Delivery>, BrokerError> {
        consume_budget().await;
        self.0.receive(max).await
    }

    async fn ack(&self, tag: DeliveryTag) -> Result<(), BrokerError> {
        consume_budget().await;
        self.0.ack(tag).await
    }

    async fn nack(&self, tag: DeliveryTag, delay: Duration) -> Result<(), BrokerError> {
        consume_budget().await;
        self.0.nack(tag, delay).await
    }

    async fn extend(&self, tag: DeliveryTag, by: Duration) -> Result<Extended, BrokerError> {
        consume_budget().await;
        self.0.extend(tag, by).await
    }
}
