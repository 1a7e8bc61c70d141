use std::{collections::BTreeMap, time::Duration};

use smol_str::SmolStr;

use crate::ports::{RowId, Timestamp};

/// Number of failing rows that a relay remembers. What is forgotten is only judged later.
pub(super) const STRIKES_MAX: usize = 1_024;

/// Time after its pause for which a row that was put off still counts as one that waits: it is tried again long before, or
/// somebody else has it.
const WAITS_FOR: Duration = Duration::from_secs(60);

/// Rows that fail, and what passes of their topics meanwhile.
#[derive(Debug, Default)]
pub(super) struct Strikes {
    pub(super) rows: BTreeMap<RowId, FailedRow>,
    /// Messages that the broker has accepted from this relay, of each topic with a row that fails.
    pub(super) accepted: BTreeMap<SmolStr, u64>,
}

/// Memory of a row that fails.
#[derive(Debug)]
pub(super) struct FailedRow {
    topic: SmolStr,
    /// Failures while others passed.
    pub(super) failures: u32,
    /// Value of [`Strikes::accepted`] for the row's topic at the last failure that was held against it, or at its first. Where
    /// nobody knows what became of it, at any.
    pub(super) accepted: u64,
    /// Largest number of rows of its topic, since then, that waited as it does.
    pub(super) rivals: u64,
    /// Times in a row that the broker has put it off, none of which was its own fault.
    pub(super) put_off: u32,
    /// Moment until which it waits after it was put off; none after another failure.
    pub(super) until: Option<Timestamp>,
}

impl Strikes {
    /// Returns the memory of a row that fails: from now on, if it is the first time.
    pub(super) fn of_row(&mut self, row: RowId, topic: &SmolStr) -> &mut FailedRow {
        if self.accepted.len() >= STRIKES_MAX && !self.accepted.contains_key(topic) {
            self.accepted.clear();
            self.rows.clear();
        }
        if self.rows.len() >= STRIKES_MAX && !self.rows.contains_key(&row) {
            self.rows.pop_first();
        }
        let accepted = *self.accepted.entry(topic.clone()).or_default();
        let first = || FailedRow { topic: topic.clone(), failures: 0, accepted, rivals: 0, put_off: 0, until: None };
        self.rows.entry(row).or_insert_with(first)
    }

    /// Forgets a row that has failed no more. Nothing ever failed in the usual case, which then costs one comparison.
    pub(super) fn forget(&mut self, row: RowId) {
        if !self.rows.is_empty() {
            self.rows.remove(&row);
        }
    }

    /// A message of a topic was accepted.
    pub(super) fn accepts(&mut self, topic: &str) {
        if !self.accepted.is_empty()
            && let Some(accepted) = self.accepted.get_mut(topic)
        {
            *accepted += 1;
        }
    }

    /// Messages of a topic that were accepted since one of it failed.
    pub(super) fn accepted_of(&self, topic: &str) -> u64 {
        self.accepted.get(topic).copied().unwrap_or_default()
    }

    /// Messages of its topic that were accepted since a row failed.
    pub(super) fn passed_since(&self, row: RowId, topic: &str) -> u64 {
        self.rows.get(&row).map_or(0, |strike| self.accepted_of(topic).saturating_sub(strike.accepted))
    }

    /// Number of rows of a topic that were put off and wait.
    pub(super) fn waiting(&self, topic: &str, now: Timestamp) -> u64 {
        let waits = |strike: &&FailedRow| {
            let is_live = strike.until.is_some_and(|until| until + WAITS_FOR >= now);
            is_live && strike.topic == topic
        };
        self.rows.values().filter(waits).count() as u64
    }
}
