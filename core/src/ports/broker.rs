use std::time::Duration;

use async_trait::async_trait;
use smol_str::SmolStr;

use crate::message::Message;

/// Topics and group of a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionSpec {
    /// Consumer group: each group gets every message once or more, each message goes to one member at a time.
    pub group: SmolStr,
    /// Topics that the group listens to.
    pub topics: Vec<SmolStr>,
}

/// Names one delivery of one message. A later delivery of the same message has another tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryTag(pub u64);

/// One delivery of a message to a member of a group.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Tag that `ack` and `nack` take.
    pub tag: DeliveryTag,
    /// Number of earlier deliveries of this message to the group, as far as the broker knows.
    pub redeliveries: u32,
    /// Message that is delivered.
    pub message: Message,
}

/// Answer of a broker that was asked for more time for a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Extended {
    /// It stays this member's for the time that was asked for.
    Held,
    /// It is this member's no longer: it timed out, was acknowledged or was given back.
    Lost,
    /// This broker extends no deliveries: each has the visibility timeout, and no more.
    Unsupported,
}

/// Error of publishing one message of a batch.
///
/// Closed on purpose: whether the message may be out decides what is done next, so that none may pass for another.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// Definitely not accepted, this time: throttled or unavailable. Not the message's fault, unless it comes each time while as
    /// many others of its topic pass as wait like it: that is counted, as [`Unknown`](Self::Unknown) is.
    #[error("broker unavailable: {0}")]
    Unavailable(SmolStr),
    /// Definitely and permanently refused: unroutable, too large, not authorised.
    #[error("refused by the broker: {0}")]
    Refused(SmolStr),
    /// Accepted or not: the acknowledgement was lost.
    #[error("acknowledgement lost: {0}")]
    Unknown(SmolStr),
}

/// The broker's word on one message of a batch. `Ok` means that the broker holds it for every group bound to its topic.
pub type PublishResult = Result<(), PublishError>;

/// Error of a call to the broker as a whole.
///
/// Closed on purpose: whether anything has happened decides what is done next, so that none may pass for another.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BrokerError {
    /// Definitely nothing happened.
    #[error("broker unavailable: {0}")]
    Unavailable(SmolStr),
    /// All, some or none of it happened.
    #[error("broker outcome unknown: {0}")]
    Unknown(SmolStr),
}

/// At-least-once messaging with consumer groups and order by partition key.
#[async_trait]
pub trait Broker: Send + Sync {
    /// Publishes a batch and returns one result for each message, in the order of the batch.
    ///
    /// # Errors
    /// [`BrokerError`] where the broker gave no answer at all. Dropping the future leaves the outcome unknown.
    async fn publish(&self, batch: &[Message]) -> Result<Vec<PublishResult>, BrokerError>;

    /// Joins a consumer group, creating it if it is new. Dropping the subscription leaves it: what it had received and
    /// not acknowledged is delivered again.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`] while the broker can't be reached.
    async fn subscribe(&self, spec: &SubscriptionSpec) -> Result<Box<dyn Subscription>, BrokerError>;
}

/// Membership in a consumer group.
///
/// The broker delivers messages of one partition key in the order in which it accepted them, and does not hand out a
/// later message of a key while an earlier one of the same group is out.
///
/// Calls go side by side: a member acknowledges what it has while it waits for more. Nobody needs to have two receives
/// under way at a time.
#[async_trait]
pub trait Subscription: Send + Sync {
    /// Waits for at least one and returns at most `max` deliveries.
    ///
    /// # Errors
    /// [`BrokerError`] where the connection is lost; call again. Dropping the future loses no message: what it had
    /// been given is delivered again after the visibility timeout.
    async fn receive(&self, max: usize) -> Result<Vec<Delivery>, BrokerError>;

    /// Acknowledges a delivery that was handled. An acknowledgement after the visibility timeout changes nothing.
    ///
    /// # Errors
    /// [`BrokerError`]; the message may then be delivered again.
    async fn ack(&self, tag: DeliveryTag) -> Result<(), BrokerError>;

    /// Gives a delivery back, to be delivered again after `delay`.
    ///
    /// # Errors
    /// [`BrokerError`]; the message is then delivered again after the visibility timeout.
    async fn nack(&self, tag: DeliveryTag, delay: Duration) -> Result<(), BrokerError>;

    /// Keeps a delivery for at least `by` from now, however much of its visibility timeout is over: its handling takes
    /// longer than that. It never takes time away. (`ChangeMessageVisibility` of SQS, `AckProgress` of NATS JetStream,
    /// `modifyAckDeadline` of Google Pub/Sub.)
    ///
    /// A broker that can't do it says [`Extended::Unsupported`], as this default does: nobody counts on time that it does
    /// not get.
    ///
    /// # Errors
    /// [`BrokerError`]; the delivery then ends when it would have ended, or later. Dropping the future leaves that open.
    async fn extend(&self, tag: DeliveryTag, by: Duration) -> Result<Extended, BrokerError> {
        let _ = (tag, by);
        Ok(Extended::Unsupported)
    }
}
