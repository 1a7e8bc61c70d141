mod queue;
mod subscription;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use queue::Queue;
use seaworthy_core::{
    message::Message,
    ports::{Broker, BrokerError, Clock, PublishError, PublishResult, Subscription, SubscriptionSpec},
};
use smol_str::SmolStr;
use subscription::LocalSubscription;
use tokio::sync::Notify;

use crate::clock::TokioClock;

/// Settings of a [`LocalBroker`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalBrokerConfig {
    /// How long a delivery may stay unacknowledged before it is delivered again. Default: 30 s, longer than a handler
    /// should take.
    pub visibility: Duration,
    /// The largest payload; a larger one is rejected for good. Default: 1 MiB, as brokers on a network have it.
    pub payload_bytes_max: usize,
    /// How many messages one group may leave unacknowledged before the broker takes no more for it. Default: 1,000,000,
    /// so that a consumer that stands still is noticed before memory runs out.
    pub unacknowledged_max: usize,
}

impl Default for LocalBrokerConfig {
    fn default() -> Self {
        Self { visibility: Duration::from_secs(30), payload_bytes_max: 1_024 * 1_024, unacknowledged_max: 1_000_000 }
    }
}

/// A broker within one process: consumer groups, order by partition key, redelivery.
///
/// **Its messages live in memory and die with the process.** An outbox behind it marks rows as dispatched that a crash
/// then takes away, so it fits tests, and services of one process that can lose what was under way; anything else needs
/// a broker that writes to disk. Within the life of the process it keeps the whole contract of the port: every group
/// bound to a topic gets every message at least once, one message of a key at a time, in the order of acceptance.
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
/// let mut member = broker.subscribe(&spec).await?;
/// for delivery in member.receive(10).await? {
///     member.ack(delivery.tag).await?;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct LocalBroker(Arc<Shared>);

/// What the broker and its subscriptions share.
struct Shared {
    state: Mutex<State>,
    /// Woken whenever a message may have become ready other than by the passing of time.
    changed: Notify,
    clock: Arc<dyn Clock>,
    config: LocalBrokerConfig,
}

#[derive(Default)]
struct State {
    groups: BTreeMap<SmolStr, Group>,
    tags: u64,
    members: u64,
}

#[derive(Default)]
struct Group {
    topics: BTreeSet<SmolStr>,
    queue: Queue,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // No operation on the state leaves it half done, so a panic while it was held does no harm.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LocalBroker {
    /// A broker without groups. `clock` measures visibility and delays; if it is a wall clock that is set back, they
    /// last longer.
    pub fn new(clock: Arc<dyn Clock>, config: LocalBrokerConfig) -> Self {
        Self(Arc::new(Shared { state: Mutex::default(), changed: Notify::new(), clock, config }))
    }

    /// Binds a group to topics, beside those that it is bound to, and creates it if it is new.
    ///
    /// A message is for the groups that are bound when it is accepted, and a topic without any is unroutable: declare
    /// groups before their producers start.
    pub fn declare<T: Into<SmolStr>>(&self, group: impl Into<SmolStr>, topics: impl IntoIterator<Item = T>) {
        self.0.state().groups.entry(group.into()).or_default().topics.extend(topics.into_iter().map(Into::into));
    }

    /// How many messages a group has not acknowledged: for health checks, and for tests to see that all is done.
    pub fn unacknowledged(&self, group: &str) -> usize {
        self.0.state().groups.get(group).map_or(0, |group| group.queue.len())
    }
}

impl Default for LocalBroker {
    /// A broker with default settings on the machine's clock.
    fn default() -> Self {
        Self::new(Arc::new(TokioClock), LocalBrokerConfig::default())
    }
}

#[async_trait]
impl Broker for LocalBroker {
    async fn publish(&self, batch: &[Message]) -> Result<Vec<PublishResult>, BrokerError> {
        let results = {
            let mut state = self.0.state();
            batch.iter().map(|message| accept(&mut state, &self.0.config, message)).collect()
        };
        self.0.changed.notify_waiters();
        Ok(results)
    }

    async fn subscribe(&self, spec: &SubscriptionSpec) -> Result<Box<dyn Subscription>, BrokerError> {
        self.declare(spec.group.clone(), spec.topics.iter().cloned());
        let mut state = self.0.state();
        state.members += 1;
        Ok(Box::new(LocalSubscription::new(Arc::clone(&self.0), spec.group.clone(), state.members)))
    }
}

impl std::fmt::Debug for LocalBroker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = self.0.state();
        f.debug_map().entries(state.groups.iter().map(|(name, group)| (name, group.queue.len()))).finish()
    }
}

/// Takes a message for every group bound to its topic, or for none.
fn accept(state: &mut State, config: &LocalBrokerConfig, message: &Message) -> PublishResult {
    let bound = |group: &&mut Group| group.topics.contains(&message.topic);
    if message.data.len() > config.payload_bytes_max {
        return Err(PublishError::Rejected(format!(
            "payload of {} bytes is larger than the {} allowed",
            message.data.len(),
            config.payload_bytes_max
        )));
    }
    let mut routed = false;
    for (name, group) in state.groups.iter().filter(|(_, group)| group.topics.contains(&message.topic)) {
        routed = true;
        if group.queue.len() >= config.unacknowledged_max {
            return Err(PublishError::Unavailable(format!(
                "group {name} has {} messages unacknowledged: is its consumer running?",
                group.queue.len()
            )));
        }
    }
    if !routed {
        return Err(PublishError::Rejected(format!(
            "unroutable: no group is bound to topic {}; declare it before publishing",
            message.topic
        )));
    }
    for group in state.groups.values_mut().filter(bound) {
        group.queue.accept(message.clone());
    }
    Ok(())
}
