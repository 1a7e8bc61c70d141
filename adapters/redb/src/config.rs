use std::time::Duration;

use seaworthy_core::settings::{Checks, InvalidSetting};

/// Durability of a commit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Synchronous {
    /// Each commit waits until the disk has it: nothing committed is ever lost.
    #[default]
    Full,
    /// Nothing is written before the store is closed: a process that dies takes all that was committed since it was opened. For
    /// tests.
    Off,
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

/// Settings of a store. [`RedbConfig::default`] is for production, [`RedbConfig::simulation`] for tests.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RedbConfig {
    /// Durability of a commit. Default: [`Synchronous::Full`], because a service that answers or publishes on the word
    /// of a commit must not forget it.
    pub synchronous: Synchronous,
    /// Time to wait for the other transactions of this process; `None` waits for ever. Writers queue fairly, so this
    /// strikes when a task opens a second transaction while it holds one, which would wait for itself. Default: 30 s,
    /// longer than a queue should ever be.
    pub writer_wait: Option<Duration>,
    /// Time for which a transaction may be open while another one waits for it, before a line at `WARN` says in whose span it was
    /// begun; `None` says nothing. Default: 5 s, far longer than a transaction should be.
    pub writer_warning: Option<Duration>,
    /// Treatment of the thread that a commit blocks while it waits for the disk. Default: [`Blocking::InPlace`].
    pub blocking: Blocking,
    /// Size of the cache of pages, in KiB. Default: 64 MiB: the hot ends of all indexes of an outbox with a million rows.
    pub cache_kib: u32,
    /// Keeps with each commit what a process needs to open the file at once after another was killed. Without it such a file
    /// is read from end to end when it is opened, some seconds a gigabyte; with it each commit writes and syncs twice.
    /// Default: `false`.
    pub quick_repair: bool,
    /// Checks every page of a file when it is opened, which reads all of it: for files that were copied or that a disk may have
    /// spoilt. After a kill redb checks the file in any case. Default: `false`.
    pub check_on_open: bool,
}

impl Default for RedbConfig {
    fn default() -> Self {
        Self {
            synchronous: Synchronous::Full,
            writer_wait: Some(Duration::from_secs(30)),
            writer_warning: Some(Duration::from_secs(5)),
            blocking: Blocking::InPlace,
            cache_kib: 64 * 1_024,
            quick_repair: false,
            check_on_open: false,
        }
    }
}

impl RedbConfig {
    /// Checks that a store can work by these settings. Opening one asks, and fails where it can't.
    ///
    /// # Errors
    /// The first [`InvalidSetting`], which says what to change.
    pub fn check(&self) -> Result<(), InvalidSetting> {
        let checks = Checks::new("RedbConfig");
        let reason = "of two transactions at once one would fail; None waits as long as it takes";
        checks.lasting("writer_wait", self.writer_wait.unwrap_or(Duration::MAX), reason)?;
        let reason = "whoever waits would never rest; None says nothing";
        checks.lasting("writer_warning", self.writer_warning.unwrap_or(Duration::MAX), reason)?;
        checks.positive("cache_kib", self.cache_kib, "each page would be read from the disk each time")
    }

    /// Sets the durability of a commit.
    #[must_use]
    pub fn synchronous(mut self, synchronous: Synchronous) -> Self {
        self.synchronous = synchronous;
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

    /// Sets the size of the cache of pages, in KiB.
    #[must_use]
    pub fn cache_kib(mut self, cache_kib: u32) -> Self {
        self.cache_kib = cache_kib;
        self
    }

    /// Sets whether each commit keeps what makes the next opening after a kill quick.
    #[must_use]
    pub fn quick_repair(mut self, quick_repair: bool) -> Self {
        self.quick_repair = quick_repair;
        self
    }

    /// Sets whether every page of a file is checked when it is opened.
    #[must_use]
    pub fn check_on_open(mut self, check_on_open: bool) -> Self {
        self.check_on_open = check_on_open;
        self
    }

    /// Returns the settings for a deterministic simulation, where all tasks share one thread and power is never lost: nothing
    /// waits for the disk or by a timer of its own.
    pub fn simulation() -> Self {
        Self {
            synchronous: Synchronous::Off,
            writer_wait: None,
            writer_warning: None,
            blocking: Blocking::Inline,
            cache_kib: 8 * 1_024,
            ..Self::default()
        }
    }

    /// Returns `true` if a commit of this store waits for the disk and may say so to its runtime.
    pub(crate) fn blocking_at_commit(&self) -> bool {
        self.blocking == Blocking::InPlace && self.synchronous != Synchronous::Off
    }
}
