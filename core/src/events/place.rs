use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use smol_str::{SmolStr, format_smolstr};

use crate::{
    ids::MessageId,
    ports::{Clock, InboxEntry, SteadyTime},
    time::Timestamp,
};

/// Place of a subscriber as it remembers it. What counts is the checkpoint, which each transaction looks at.
pub(super) struct Reading {
    /// `None`: to be read.
    pub(super) position: Option<u64>,
    /// Streams of which an event is parked; `None`: to be read.
    pub(super) parked: Option<BTreeMap<SmolStr, Held>>,
    /// Streams whose first parked event waits for its next attempt: which event that is, and until when. Whatever stands
    /// first once it is gone, handled or discarded, does not wait for it.
    pauses: BTreeMap<SmolStr, (MessageId, Timestamp)>,
    time: SteadyTime,
    /// Number of events to handle one by one, since one of them has failed the others.
    pub(super) singly: usize,
    /// An event was handled since the start.
    pub(super) has_begun: bool,
    /// Failures in a row of the store in the handling of one event.
    pub(super) retries: u32,
    /// Failures of the first of the events to come that were counted before it was handled.
    pub(super) counted: Option<u32>,
    /// Position of an event whose failures have a row, and the row: it is gone with the handling of the event, or noted as done
    /// where somebody else has handled that.
    pub(super) failed: Option<(u64, InboxEntry)>,
}

/// Parked events of a stream, as far as they have to be known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    pub(super) first: MessageId,
    pub(super) last: MessageId,
    /// The first one goes on by itself, once it is its turn.
    pub(super) goes_on: bool,
}

impl Reading {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            position: None,
            parked: None,
            pauses: BTreeMap::new(),
            time: SteadyTime::new(clock),
            singly: 0,
            has_begun: false,
            retries: 0,
            counted: None,
            failed: None,
        }
    }

    /// Forgets what may be older than what is stored.
    pub(super) fn read_again(&mut self) {
        (self.position, self.parked, self.counted) = (None, None, None);
    }

    /// Takes in that the checkpoint has moved past some events.
    pub(super) fn moved(&mut self, position: u64, events: usize, has_effect: bool) {
        self.position = Some(position);
        self.singly = self.singly.saturating_sub(events);
        self.has_begun |= has_effect;
        (self.retries, self.counted, self.failed) = (0, None, None);
    }

    /// Leaves the first parked event of a stream alone for a while.
    pub(super) fn pause(&mut self, stream: &SmolStr, first: MessageId, delay: Duration) {
        self.pauses.insert(stream.clone(), (first, self.time.now() + delay));
    }

    /// Returns `true` until the pause of a stream's first parked event is over.
    pub(super) fn is_paused(&self, stream: &SmolStr, first: MessageId) -> bool {
        self.pauses.get(stream).is_some_and(|(paused, until)| *paused == first && *until > self.time.now())
    }

    /// Forgets the pause of a stream, whose first parked event is another one now.
    pub(super) fn resume(&mut self, stream: &SmolStr) {
        self.pauses.remove(stream);
    }

    /// Streams to look at again: those whose first parked event is gone, or may go on by now. The others stay in `parked`.
    pub(super) fn due(&self, parked: &mut BTreeMap<SmolStr, Held>, there: &BTreeSet<MessageId>) -> Vec<SmolStr> {
        let is_due = |stream: &SmolStr, held: &mut Held| {
            !there.contains(&held.first) || (held.goes_on && !self.is_paused(stream, held.first))
        };
        parked.extract_if(.., is_due).map(|(stream, _)| stream).collect()
    }
}

/// Beginning of the reason of events that have not failed for good.
const WAITS: &str = "waits behind ";

/// Returns `true` if this is the reason of a parked event that has not failed for good: it waits behind another one of its stream,
/// or for its next attempt, and goes on by itself. For whoever lists letters, or counts what was given up.
///
/// ```
/// use seaworthy_core::events::only_waits;
///
/// assert!(only_waits("waits behind 01890a5d-ac96-774b-bcce-b302099a8057, which is parked"));
/// assert!(!only_waits("refused: no such account"));
/// ```
pub fn only_waits(reason: &str) -> bool {
    reason.starts_with(WAITS)
}

/// Text in the reason of events that are parked since their store can't read them: what was buried is not the event.
const UNREADABLE: &str = "the event can't be read: ";

/// Reason for which an event is parked that can't be read.
pub(super) fn cant_be_read(why: &str) -> SmolStr {
    format_smolstr!("{UNREADABLE}{why}")
}

/// Returns `true` if this is the reason of an event that could not be read when it was parked.
pub(super) fn was_unreadable(reason: &str) -> bool {
    reason.contains(UNREADABLE)
}

/// Reason for which an event is parked that has not failed.
pub(super) fn waits_behind(before: MessageId) -> SmolStr {
    format_smolstr!("{WAITS}{before}, which is parked")
}

/// Reason for which an event is parked that is tried again.
pub(super) fn waits_for_next(failures: u32, why: &str) -> SmolStr {
    format_smolstr!("{WAITS}its next attempt, after {failures}: {why}")
}
