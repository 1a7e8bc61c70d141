use smol_str::SmolStr;

use crate::{ids::MessageId, message::Message, ports::Timestamp};

/// A message that a consumer gave up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its place among the dead letters of its store: the later it was given up, the higher. It counts from one.
    pub number: u64,
    /// Name of the consumer that gave it up.
    pub consumer: SmolStr,
    /// The whole message, payload included.
    pub message: Message,
    /// Reason for giving it up.
    pub reason: SmolStr,
    /// Failures before that, and since.
    pub failures: u32,
    /// Time of the last failure, by the store's clock.
    pub failed_at: Timestamp,
    /// Time at which an operator asked that it be handled again, by the store's clock; `None` if nobody has since then.
    pub asked_at: Option<Timestamp>,
    /// Reason why the store can't read the letter, if it can't: somebody else has written to it, or a later release has. Then the
    /// message is as much of it as can be shown, to be looked at and not to be handled. It can be
    /// [discarded](crate::inbox::discard); it stands in the way of no other letter.
    pub unreadable: Option<SmolStr>,
}

/// Asks for dead letters of a consumer, one page of them: all that are asked for and that lie behind a place.
///
/// ```
/// use seaworthy_core::ports::{DeadLetter, DeadLetterRequest, Store, StoreError};
///
/// /// Letters of a type, however many there are.
/// async fn of_type(kind: &str, store: &dyn Store) -> Result<Vec<DeadLetter>, StoreError> {
///     let mut letters = Vec::new();
///     let mut request = DeadLetterRequest::new("shipping", 100).of_kind(kind);
///     loop {
///         let page = store.dead_letters(&request).await?;
///         let Some(last) = page.last() else { return Ok(letters) };
///         request = request.after(last.number);
///         letters.extend(page);
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeadLetterRequest {
    /// Name of the consumer that gave them up.
    pub consumer: SmolStr,
    /// Messages to look for; any where `None`.
    pub only: Option<Vec<MessageId>>,
    /// Type of the messages; any where `None`.
    pub kind: Option<SmolStr>,
    /// Topic of the messages; any where `None`.
    pub topic: Option<SmolStr>,
    /// Partition key of the messages; any where `None`.
    pub key: Option<SmolStr>,
    /// Text that the reason contains; any where `None`.
    pub reason: Option<SmolStr>,
    /// Earliest time of the last failure, by the store's clock; any where `None`.
    pub failed_from: Option<Timestamp>,
    /// Latest time of the last failure, by the store's clock; any where `None`.
    pub failed_until: Option<Timestamp>,
    /// Only those of which somebody has [asked](super::InboxStore::ask_redrive) that they be handled again. One that
    /// [can't be read](DeadLetter::unreadable) is none of them.
    pub asked: bool,
    /// The [place](DeadLetter::number) behind which to look; `0` for all.
    pub after: u64,
    /// Largest number of letters.
    pub limit: usize,
}

impl DeadLetterRequest {
    /// The oldest letters of a consumer.
    pub fn new(consumer: impl Into<SmolStr>, limit: usize) -> Self {
        Self {
            consumer: consumer.into(),
            only: None,
            kind: None,
            topic: None,
            key: None,
            reason: None,
            failed_from: None,
            failed_until: None,
            asked: false,
            after: 0,
            limit,
        }
    }

    /// Takes letters of these messages only.
    pub fn only(mut self, messages: impl Into<Vec<MessageId>>) -> Self {
        self.only = Some(messages.into());
        self
    }

    /// Takes letters of this type of message only.
    pub fn of_kind(mut self, kind: impl Into<SmolStr>) -> Self {
        self.kind = Some(kind.into());
        self
    }

    /// Takes letters of messages of this topic only.
    pub fn of_topic(mut self, topic: impl Into<SmolStr>) -> Self {
        self.topic = Some(topic.into());
        self
    }

    /// Takes letters of messages of this partition key only.
    pub fn of_key(mut self, key: impl Into<SmolStr>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Takes letters only whose reason contains this text, letter by letter.
    pub fn because(mut self, reason: impl Into<SmolStr>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// Takes letters that failed last at this time or later only.
    pub fn failed_from(mut self, from: Timestamp) -> Self {
        self.failed_from = Some(from);
        self
    }

    /// Takes letters that failed last at this time or earlier only.
    pub fn failed_until(mut self, until: Timestamp) -> Self {
        self.failed_until = Some(until);
        self
    }

    /// Takes letters only of which somebody has [asked](super::InboxStore::ask_redrive) that they be handled again.
    pub fn asked(mut self) -> Self {
        self.asked = true;
        self
    }

    /// Takes letters behind this [place](DeadLetter::number) only: behind the last one of the page before.
    pub fn after(mut self, number: u64) -> Self {
        self.after = number;
        self
    }

    /// Returns `true` if a letter is one of those that are asked for, the limit aside.
    pub fn asks_for(&self, letter: &DeadLetter) -> bool {
        letter.consumer == self.consumer
            && letter.number > self.after
            && (!self.asked || letter.asked_at.is_some() && letter.unreadable.is_none())
            && self.only.as_ref().is_none_or(|only| only.contains(&letter.message.id))
            && self.kind.as_ref().is_none_or(|kind| *kind == letter.message.kind)
            && self.topic.as_ref().is_none_or(|topic| *topic == letter.message.topic)
            && self.key.as_ref().is_none_or(|key| *key == letter.message.partition_key)
            && self.reason.as_ref().is_none_or(|reason| letter.reason.contains(&**reason))
            && self.failed_from.is_none_or(|from| from <= letter.failed_at)
            && self.failed_until.is_none_or(|until| letter.failed_at <= until)
    }
}
