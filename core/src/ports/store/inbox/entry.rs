use smol_str::SmolStr;

use crate::{ids::MessageId, message::Message};

/// Identity of one message at one consumer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct InboxEntry {
    /// Name of the consumer.
    pub consumer: SmolStr,
    /// Id of the message.
    pub message: MessageId,
    /// The message's source: together with its epoch and the key it owns a watermark.
    pub source: SmolStr,
    /// The epoch of the source's store.
    pub epoch: u64,
    /// The message's partition key.
    pub key: SmolStr,
    /// The message's position in the source's commit order; `0` for one that has none which a watermark could go by.
    pub sequence: u64,
}

impl InboxEntry {
    /// The entry of a message at a consumer. A message that has passed dead ones says nothing of those before it, which may
    /// come yet, so its sequence is left out: no watermark rises over them. One that had to wait for its moment comes long
    /// after those that were staged behind it, and must not look like a late duplicate of something forgotten.
    pub fn for_message(consumer: &str, message: &Message) -> Self {
        Self {
            consumer: consumer.into(),
            message: message.id,
            source: message.source.clone(),
            key: message.partition_key.clone(),
            epoch: message.epoch,
            sequence: if message.gap == 0 && message.schedule.not_before.is_none() { message.sequence } else { 0 },
        }
    }
}

/// Result of inserting an inbox row.
///
/// Closed on purpose: whoever handles a message handles it, or leaves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InboxInsert {
    /// Seen for the first time: this transaction owns the message.
    First,
    /// Handled before, or buried: acknowledge it and do nothing.
    Duplicate(Seen),
}

/// Reason why a message counts as seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Seen {
    /// Its row is there.
    Row,
    /// Its row is not there, and a message of its source, epoch and key that is as late or later was handled and purged:
    /// for all that is known it was handled before. Say so, since nothing else will.
    Watermark,
}
