use std::collections::BTreeMap;

use smol_str::{SmolStr, format_smolstr};

use crate::ids::MessageId;

/// Place of a subscriber as it remembers it. What counts is the checkpoint, which each transaction looks at.
#[derive(Default)]
pub(super) struct Reading {
    /// `None`: to be read.
    pub(super) position: Option<u64>,
    /// Streams of which an event is parked, with the last one that is; `None`: to be read.
    pub(super) parked: Option<BTreeMap<SmolStr, MessageId>>,
    /// Number of events to handle one by one, since one of them has failed the others.
    pub(super) singly: usize,
    /// An event was handled since the start.
    pub(super) has_begun: bool,
    /// Failures in a row of the store in the handling of one event.
    pub(super) retries: u32,
    /// Failures of the first of the events to come that were counted before it was handled.
    pub(super) counted: Option<u32>,
}

impl Reading {
    /// Forgets what may be older than what is stored.
    pub(super) fn read_again(&mut self) {
        (self.position, self.parked, self.counted) = (None, None, None);
    }

    /// Takes in that the checkpoint has moved past some events.
    pub(super) fn moved(&mut self, position: u64, events: usize, has_effect: bool) {
        self.position = Some(position);
        self.singly = self.singly.saturating_sub(events);
        self.has_begun |= has_effect;
        (self.retries, self.counted) = (0, None);
    }
}

/// Beginning of the reason of events that have not failed.
pub(super) const WAITS: &str = "waits behind ";

/// Reason for which an event is parked that has not failed.
pub(super) fn waits_behind(before: MessageId) -> SmolStr {
    format_smolstr!("{WAITS}{before}, which is parked")
}
