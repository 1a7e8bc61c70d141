use std::time::Duration;

use seaworthy_core::settings::{Checks, InvalidSetting};

/// Durability of a commit: SQLite's `synchronous` setting.
///
/// All three survive a crash or a kill of the process, since the operating system has what was written. They differ in
/// what a power loss or a crash of the operating system may take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Synchronous {
    /// Each commit waits until the disk has it: nothing committed is ever lost. One `fsync` a commit.
    #[default]
    Full,
    /// A power loss may take the last commits, whole ones and from the end only; the file stays consistent. A message
    /// that was published, or an answer that was given, on the word of such a commit is then a phantom.
    Normal,
    /// Nothing waits for the disk, and a power loss may corrupt the file: for tests.
    Off,
}

impl Synchronous {
    pub(crate) fn pragma(self) -> &'static str {
        match self {
            Self::Full => "FULL",
            Self::Normal => "NORMAL",
            Self::Off => "OFF",
        }
    }
}

/// Treatment of the thread that a commit blocks while it waits for the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Blocking {
    /// On tokio's multi-threaded runtime the other tasks of the worker move to another thread meanwhile
    /// (`tokio::task::block_in_place`); elsewhere as [`Blocking::Inline`]. Inside a `tokio::task::LocalSet` tokio
    /// forbids this with a panic: choose [`Blocking::Inline`] there.
    #[default]
    InPlace,
    /// The thread waits, and so do the other tasks on it.
    Inline,
}

/// Settings of a store. [`SqliteConfig::default`] is for production, [`SqliteConfig::simulation`] for tests.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SqliteConfig {
    /// Durability of a commit. Default: [`Synchronous::Full`], because a service that answers or publishes on the word
    /// of a commit must not forget it.
    pub synchronous: Synchronous,
    /// Time to wait for a lock that another operating system process holds, before
    /// [`StoreError::Unavailable`](seaworthy_core::ports::StoreError::Unavailable). The wait is on the clock port and
    /// blocks no thread. Default: 5 s, longer than any transaction should be.
    pub busy_timeout: Duration,
    /// Time to wait for the other transactions of this process; `None` waits for ever. Writers queue fairly, so this
    /// strikes when a task opens a second transaction while it holds one, which would wait for itself. Default: 30 s,
    /// longer than a queue should ever be.
    pub writer_wait: Option<Duration>,
    /// Time for which a transaction may be open while another one waits for it, before a line at `WARN` says in whose span it was
    /// begun; `None` says nothing. Default: 5 s, far longer than a transaction should be.
    pub writer_warning: Option<Duration>,
    /// Treatment of the thread that a commit blocks while it waits for the disk. Default: [`Blocking::InPlace`].
    pub blocking: Blocking,
    /// Number of pages in the write-ahead log after which a commit copies them into the database. Default: 1,000 (4
    /// MB), as SQLite has it: fewer makes more commits slow, more makes reads slower and the log larger.
    pub checkpoint_pages: u32,
    /// Size of the cache of each connection, in KiB. Default: 16 MiB: the hot ends of all indexes of an outbox with a
    /// million rows.
    pub cache_kib: u32,
}

impl Default for SqliteConfig {
    fn default() -> Self {
        Self {
            synchronous: Synchronous::Full,
            busy_timeout: Duration::from_secs(5),
            writer_wait: Some(Duration::from_secs(30)),
            writer_warning: Some(Duration::from_secs(5)),
            blocking: Blocking::InPlace,
            checkpoint_pages: 1_000,
            cache_kib: 16 * 1_024,
        }
    }
}

impl SqliteConfig {
    /// Checks that a store can work by these settings. Opening one asks, and fails where it can't.
    ///
    /// # Errors
    /// The first [`InvalidSetting`], which says what to change.
    pub fn check(&self) -> Result<(), InvalidSetting> {
        let checks = Checks::new("SqliteConfig");
        let reason = "of two transactions at once one would fail; None waits as long as it takes";
        checks.lasting("writer_wait", self.writer_wait.unwrap_or(Duration::MAX), reason)?;
        let reason = "whoever waits would never rest; None says nothing";
        checks.lasting("writer_warning", self.writer_warning.unwrap_or(Duration::MAX), reason)?;
        let reason = "the write-ahead log would grow for ever";
        checks.positive("checkpoint_pages", self.checkpoint_pages, reason)?;
        checks.positive("cache_kib", self.cache_kib, "each page would be read from the disk each time")
    }

    /// Sets the durability of a commit.
    #[must_use]
    pub fn synchronous(mut self, synchronous: Synchronous) -> Self {
        self.synchronous = synchronous;
        self
    }

    /// Sets the time to wait for a lock that another operating system process holds, before
    /// [`StoreError::Unavailable`](seaworthy_core::ports::StoreError::Unavailable).
    #[must_use]
    pub fn busy_timeout(mut self, busy_timeout: Duration) -> Self {
        self.busy_timeout = busy_timeout;
        self
    }

    /// Sets the time to wait for the other transactions of this process; `None` waits for ever.
    #[must_use]
    pub fn writer_wait(mut self, writer_wait: Option<Duration>) -> Self {
        self.writer_wait = writer_wait;
        self
    }

    /// Sets the time for which a transaction may be open while another one waits for it, before that is said at `WARN`; `None` says
    /// nothing.
    #[must_use]
    pub fn writer_warning(mut self, writer_warning: Option<Duration>) -> Self {
        self.writer_warning = writer_warning;
        self
    }

    /// Sets the treatment of the thread that a commit blocks while it waits for the disk.
    #[must_use]
    pub fn blocking(mut self, blocking: Blocking) -> Self {
        self.blocking = blocking;
        self
    }

    /// Sets the number of pages in the write-ahead log after which a commit copies them into the database.
    #[must_use]
    pub fn checkpoint_pages(mut self, checkpoint_pages: u32) -> Self {
        self.checkpoint_pages = checkpoint_pages;
        self
    }

    /// Sets the size of the cache of each connection, in KiB.
    #[must_use]
    pub fn cache_kib(mut self, cache_kib: u32) -> Self {
        self.cache_kib = cache_kib;
        self
    }

    /// Returns the settings for a deterministic simulation, where all tasks share one thread and power is never lost: nothing waits
    /// for the disk, for another process or by a timer of its own.
    pub fn simulation() -> Self {
        Self {
            synchronous: Synchronous::Off,
            busy_timeout: Duration::ZERO,
            writer_wait: None,
            writer_warning: None,
            blocking: Blocking::Inline,
            ..Self::default()
        }
    }

    /// Returns `true` if a commit of this store waits for the disk and may say so to its runtime.
    pub(crate) fn blocking_at_commit(&self) -> bool {
        self.blocking == Blocking::InPlace && self.synchronous != Synchronous::Off
    }
}
