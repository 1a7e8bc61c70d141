use std::time::Duration;

/// Asks for old rows of an inbox to be deleted, and old watermarks and counts of failures.
///
/// ```
/// use std::time::Duration;
/// use seaworthy_core::ports::InboxPurgeRequest;
///
/// let day = Duration::from_secs(24 * 3_600);
/// let rows_only = InboxPurgeRequest::new(day, 1_000);
/// assert_eq!((rows_only.watermarks_older_than, rows_only.failures_older_than), (None, None));
/// assert_eq!(rows_only.watermarks_older_than(day * 30).watermarks_older_than, Some(day * 30));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InboxPurgeRequest {
    /// Least time since a message was handled, by the store's clock.
    pub older_than: Duration,
    /// Least time since a watermark was raised last, by the store's clock; all watermarks stay where `None`.
    pub watermarks_older_than: Option<Duration>,
    /// Least time since a message failed last that has neither been handled nor buried, by the store's clock; all such rows stay
    /// where `None`.
    pub failures_older_than: Option<Duration>,
    /// Largest number of rows, of watermarks and of counts of failures, so that one purge never holds the tables for long.
    pub limit: usize,
}

impl InboxPurgeRequest {
    /// A purge of rows of handled messages, which leaves all watermarks and all counts of failures.
    pub fn new(older_than: Duration, limit: usize) -> Self {
        Self { older_than, watermarks_older_than: None, failures_older_than: None, limit }
    }

    /// Purges watermarks as well that were not raised for so long.
    pub fn watermarks_older_than(mut self, older_than: Duration) -> Self {
        self.watermarks_older_than = Some(older_than);
        self
    }

    /// Purges the counts of failures as well of messages that failed last so long ago and were neither handled nor buried since.
    ///
    /// Such a count says that its message was not handled, also below a watermark. Without it a message that comes again after
    /// all counts from one, and is a [duplicate](super::Seen::Watermark) for all that is known where a later message of its key
    /// has been handled and purged: ask for an age at which the broker delivers nothing again.
    pub fn failures_older_than(mut self, older_than: Duration) -> Self {
        self.failures_older_than = Some(older_than);
        self
    }
}
