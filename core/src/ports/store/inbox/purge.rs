use std::time::Duration;

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
