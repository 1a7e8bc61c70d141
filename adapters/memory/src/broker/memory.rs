use std::{fmt, sync::Arc};

use async_trait::async_trait;
use seaworthy_core::{
    ids::MessageId,
    message::Message,
    ports::{Broker, BrokerError, Clock, PublishResult, Subscription, SubscriptionSpec},
};
use smol_str::SmolStr;

use super::{BrokerConfig, shared_model::SharedModel, subscription::MemorySubscription};

/// A broker in memory that behaves as the `Broker` port says, and never fails by itself.
///
/// - Each group that is bound to a topic gets each of its messages; a message goes to one member at a time.
/// - Messages of one partition key are handed out one at a time for each group, in the order in which they were
///   accepted, whatever their topics are.
/// - What is not acknowledged within the visibility timeout is delivered again. What is acknowledged is freed.
///
/// Clones reach the same broker.
///
/// ```
/// # use std::{sync::Arc, time::Duration};
/// # use seaworthy_core::ports::{Clock, Timestamp};
/// # struct AtEpoch;
/// # #[async_trait::async_trait]
/// # impl Clock for AtEpoch {
/// #     fn now(&self) -> Timestamp { Timestamp::EPOCH }
/// #     async fn sleep(&self, _: Duration) {}
/// # }
/// use seaworthy_core::ports::SubscriptionSpec;
/// use seaworthy_memory::broker::{BrokerConfig, MemoryBroker};
///
/// let broker = MemoryBroker::new(Arc::new(AtEpoch), BrokerConfig::default());
/// broker.declare(&SubscriptionSpec { group: "shipping".into(), topics: vec!["orders".into()] });
/// assert_eq!(broker.pending(), 0);
/// ```
#[derive(Clone)]
pub struct MemoryBroker {
    shared: Arc<SharedModel>,
}

impl MemoryBroker {
    /// An empty broker whose timeouts run on `clock`.
    ///
    /// # Panics
    /// Where a setting [can't work](BrokerConfig::check), with what to change: a program that can't deliver does not start.
    pub fn new(clock: Arc<dyn Clock>, config: BrokerConfig) -> Self {
        if let Err(wrong) = config.check() {
            panic!("{wrong}");
        }
        Self { shared: Arc::new(SharedModel::new(clock, config)) }
    }

    /// Makes a group and binds it to topics before its first member joins, so that it misses nothing. Repeating it
    /// changes nothing; further topics are added.
    pub fn declare(&self, spec: &SubscriptionSpec) {
        self.shared.model().declare(spec);
    }

    /// Enqueues another copy of a message in each group that has not acknowledged it, behind what is there: a late
    /// duplicate. Returns in how many groups.
    pub fn duplicate(&self, message: MessageId) -> usize {
        self.shared.model().duplicate(message)
    }

    /// Copies of messages that groups have not acknowledged. What is kept for topics without a group does not count,
    /// since nobody will take it.
    pub fn pending(&self) -> usize {
        self.shared.model().pending()
    }

    /// Returns the number of messages that a group has not acknowledged: for health checks, and for tests to see that
    /// all is done.
    pub fn unacknowledged(&self, group: &str) -> usize {
        self.shared.model().unacknowledged(group)
    }

    /// Returns up to `limit` messages that are not acknowledged, with their groups: for a report on what is stuck.
    pub fn outstanding(&self, limit: usize) -> Vec<(SmolStr, MessageId)> {
        self.shared.model().outstanding(limit)
    }
}

impl fmt::Debug for MemoryBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemoryBroker({})", self.shared.model().describe())
    }
}

#[async_trait]
impl Broker for MemoryBroker {
    async fn publish(&self, batch: &[Message]) -> Result<Vec<PublishResult>, BrokerError> {
        let mut model = self.shared.model();
        Ok(batch.iter().map(|message| model.publish(message)).collect())
    }

    async fn subscribe(&self, spec: &SubscriptionSpec) -> Result<Box<dyn Subscription>, BrokerError> {
        let (group, member) = self.shared.model().join(spec);
        Ok(Box::new(MemorySubscription::new(Arc::clone(&self.shared), group, member)))
    }
}
