use std::time::Duration;

use async_trait::async_trait;
use smol_str::SmolStr;

use super::{Part, StoreError};
use crate::{ids::MessageId, message::Message, ports::Timestamp};

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
    /// come yet, so its sequence is left out: no watermark rises over them.
    pub fn for_message(consumer: &str, message: &Message) -> Self {
        Self {
            consumer: consumer.into(),
            message: message.id,
            source: message.source.clone(),
            key: message.partition_key.clone(),
            epoch: message.epoch,
            sequence: if message.gap == 0 { message.sequence } else { 0 },
        }
    }
}

/// Result of inserting an inbox row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InboxInsert {
    /// Seen for the first time: this transaction owns the message.
    First,
    /// Handled before, or buried: acknowledge it and do nothing.
    Duplicate(Seen),
}

/// Reason why a message counts as seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Its row is there.
    Row,
    /// Its row is not there, and a message of its source, epoch and key that is as late or later was handled and purged:
    /// for all that is known it was handled before. Say so, since nothing else will.
    Watermark,
}

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
    /// Earliest time of the last failure, by the store's clock; any where `None`.
    pub failed_from: Option<Timestamp>,
    /// Latest time of the last failure, by the store's clock; any where `None`.
    pub failed_until: Option<Timestamp>,
    /// The [place](DeadLetter::number) behind which to look; `0` for all.
    pub after: u64,
    /// Largest number of letters.
    pub limit: usize,
}

impl DeadLetterRequest {
    /// The oldest letters of a consumer.
    pub fn new(consumer: impl Into<SmolStr>, limit: usize) -> Self {
        let consumer = consumer.into();
        Self { consumer, only: None, kind: None, failed_from: None, failed_until: None, after: 0, limit }
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

    /// Takes letters behind this [place](DeadLetter::number) only: behind the last one of the page before.
    pub fn after(mut self, number: u64) -> Self {
        self.after = number;
        self
    }

    /// Returns `true` if a letter is one of those that are asked for, the limit aside.
    pub fn asks_for(&self, letter: &DeadLetter) -> bool {
        letter.consumer == self.consumer
            && letter.number > self.after
            && self.only.as_ref().is_none_or(|only| only.contains(&letter.message.id))
            && self.kind.as_ref().is_none_or(|kind| *kind == letter.message.kind)
            && self.failed_from.is_none_or(|from| from <= letter.failed_at)
            && self.failed_until.is_none_or(|until| letter.failed_at <= until)
    }
}

/// Asks for old rows of an inbox to be deleted, and old watermarks.
///
/// ```
/// use std::time::Duration;
/// use seaworthy_core::ports::InboxPurgeRequest;
///
/// let day = Duration::from_secs(24 * 3_600);
/// let rows_only = InboxPurgeRequest::new(day, 1_000);
/// assert_eq!(rows_only.watermarks_older_than, None);
/// assert_eq!(rows_only.watermarks_older_than(day * 30).watermarks_older_than, Some(day * 30));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InboxPurgeRequest {
    /// Least time since a message was handled, by the store's clock.
    pub older_than: Duration,
    /// Least time since a watermark was raised last, by the store's clock; all watermarks stay where `None`.
    pub watermarks_older_than: Option<Duration>,
    /// Largest number of rows, and of watermarks, so that one purge never holds the tables for long.
    pub limit: usize,
}

impl InboxPurgeRequest {
    /// A purge of rows, which leaves all watermarks.
    pub fn new(older_than: Duration, limit: usize) -> Self {
        Self { older_than, watermarks_older_than: None, limit }
    }

    /// Purges watermarks as well that were not raised for so long.
    pub fn watermarks_older_than(mut self, older_than: Duration) -> Self {
        self.watermarks_older_than = Some(older_than);
        self
    }
}

/// Deduplication, inside the handler's transaction. A store without this [part](Part::Inbox) refuses each call, as the
/// defaults do.
#[async_trait]
#[expect(unused_variables, reason = "a store without the part looks at none of them")]
pub trait InboxWrites: Send {
    /// Inserts the row of a message, unless it is there. Where another open transaction has inserted it, this waits
    /// for that one: it is a duplicate if that one commits, the first if it rolls back.
    ///
    /// A message at or below the watermark of its source, epoch and key is a duplicate by its
    /// [watermark](Seen::Watermark): its row was purged. A message without a sequence (`0`) has no place in its source's order, so no watermark applies to it. A message that failed
    /// before is never treated as a duplicate, or it would be lost.
    ///
    /// # Errors
    /// Only a failure of the store; a duplicate is not an error.
    async fn inbox_insert(&mut self, entry: &InboxEntry) -> Result<InboxInsert, StoreError> {
        Err(Part::Inbox.refusal())
    }

    /// Counts a failed attempt and returns how many there are now. It belongs into a transaction of its own, since the
    /// handler's was rolled back. For a message that was handled or buried meanwhile nothing is kept, and the answer is `1`.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn inbox_failed(&mut self, entry: &InboxEntry, error: &str) -> Result<u32, StoreError> {
        Err(Part::Inbox.refusal())
    }

    /// Buries a message: keeps it whole as a dead letter, behind all others, and marks it as seen. One whose letter this
    /// transaction has [taken out](InboxWrites::inbox_exhume) has failed once more than that letter says.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if it was handled meanwhile.
    async fn inbox_bury(&mut self, entry: &InboxEntry, message: &Message, reason: &str) -> Result<(), StoreError> {
        Err(Part::Inbox.refusal())
    }

    /// Takes a dead letter out again, so that it can be handled in this transaction: its row counts as inserted here.
    /// Returns `false` if there is none.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn inbox_exhume(&mut self, entry: &InboxEntry) -> Result<bool, StoreError> {
        Err(Part::Inbox.refusal())
    }
}

/// Upkeep of the inbox: short transactions of their own. A store without this [part](Part::Inbox) refuses each call, as the
/// defaults do.
#[async_trait]
#[expect(unused_variables, reason = "a store without the part looks at none of them")]
pub trait InboxStore: Send + Sync {
    /// A consumer's dead letters by their [places](DeadLetter::number), which is the order in which they were buried.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn dead_letters(&self, request: &DeadLetterRequest) -> Result<Vec<DeadLetter>, StoreError> {
        Err(Part::Inbox.refusal())
    }

    /// Deletes rows of handled messages and raises the watermark of their source, epoch and key past them. Dead letters stay.
    /// Before that it deletes watermarks that nothing has raised for as long as the request says. Returns how many rows and
    /// watermarks.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn purge_inbox(&self, consumer: &str, request: &InboxPurgeRequest) -> Result<u64, StoreError> {
        Err(Part::Inbox.refusal())
    }
}
