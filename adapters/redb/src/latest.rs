//! The latest time of a file: its store goes on from there when it is opened again, whatever the clock says by then.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use seaworthy_core::ports::{SteadyTime, Timestamp};

use crate::{
    inbox, meta, outbox, participants, saga,
    view::{Result, Tables},
};

/// Time that may be missing after a restart. One document a second is nothing beside the commits that it goes with.
const KEPT_EVERY: Duration = Duration::from_secs(1);

/// The latest time that is in the file, as this process knows it.
#[derive(Debug)]
pub(crate) struct Latest(AtomicI64);

impl Latest {
    pub(crate) fn new(latest: Timestamp) -> Self {
        Self(AtomicI64::new(latest.as_micros()))
    }

    /// Returns the latest time.
    pub(crate) fn get(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::Relaxed))
    }

    /// Returns `true` if a commit at a time should keep it.
    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        now.since(self.get()) >= KEPT_EVERY
    }

    /// Notes a time that is in the file now.
    pub(crate) fn kept(&self, now: Timestamp) {
        self.0.fetch_max(now.as_micros(), Ordering::Relaxed);
    }
}

/// Returns `true` if a clock is behind the latest time of a file by more than can be taken for a step. Then the clock is
/// believed, or what was put off by the wrong one would wait until that time comes.
pub(crate) fn is_to_believe(latest: Timestamp, now: Timestamp) -> bool {
    latest.since(now) > SteadyTime::BEHIND_MAX
}

/// Makes everything due that waits for a moment after `now` which the store itself has set; moments that messages and sagas
/// asked for stay. Whoever holds a row or a saga loses it, as at the end of a lease. Returns how much was put off.
pub(crate) fn believe(tables: Tables<'_>, now: Timestamp) -> Result<u64> {
    let put_off = outbox::believe(tables, now)? + saga::believe(tables, now)?;
    inbox::believe(tables, now)?;
    participants::believe(tables, now)?;
    meta::write_latest(tables, now)?;
    Ok(put_off)
}
