use std::hash::Hasher;

use rustc_hash::FxHasher;
use seaworthy_core::{ids::MessageId, message::Message, ports::Timestamp};

use crate::invariants::brief::Brief;

/// One piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::invariants) enum Unit {
    /// A request, by its number.
    Request(u64),
    /// A message, as one group sees it.
    Message(u16, MessageId),
}

/// A [`Handling`](super::Handling) in numbers: what a run asks for often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::invariants) enum Kind {
    Request { operation: u16, accepted: bool },
    Message { group: u16, kind: u16 },
}

/// Deeds for one piece of work.
#[derive(Clone, Debug)]
pub(in crate::invariants) struct Work {
    /// The group that has a message; none for a request.
    group: Option<u16>,
    /// The number of the request's operation, or of the message's type.
    what: u16,
    /// End of the work: `true` for a message or a request that was accepted. `None` if it did not end.
    pub(super) ended: Option<bool>,
    /// `true` if something was done that may have been for this or for another piece of work.
    pub(super) is_doubtful: bool,
    /// Everything that was done.
    pub(in crate::invariants) done: u64,
    /// `true` if a saga that was begun for this turned back before this had ended, or was driven by a process that had not this in
    /// hand: then it took another way than in good weather, or its deeds belong to no piece of work.
    pub(in crate::invariants) is_left_to_saga: bool,
    /// Deeds for this beyond doubt: they name the message, or the process had nothing else in hand.
    pub(in crate::invariants) surely: u64,
}

/// Further knowledge of a piece of work: which it is, and the events that show it.
#[derive(Clone, Debug)]
pub(in crate::invariants) struct Detail {
    pub(in crate::invariants) unit: Unit,
    /// The event that began it.
    pub(in crate::invariants) first: Brief,
    /// The last event that did something for it.
    pub(in crate::invariants) last_deed: Option<Brief>,
    /// The event that ended it.
    pub(in crate::invariants) end: Brief,
    /// For a message, what it is about, what it says, and when it was made.
    pub(in crate::invariants) content: Option<Content>,
}

/// Remains of a message: enough to see that another one has made it needless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::invariants) struct Content {
    pub(in crate::invariants) subject: u64,
    pub(in crate::invariants) data: u64,
    pub(in crate::invariants) time: Timestamp,
}

impl Work {
    /// Work that begins: `what` is the number of its operation or of its type.
    pub(super) fn new(unit: Unit, what: u16) -> Self {
        let group = match unit {
            Unit::Request(_) => None,
            Unit::Message(group, _) => Some(group),
        };
        Self { group, what, ended: None, is_doubtful: false, done: 0, is_left_to_saga: false, surely: 0 }
    }

    /// Returns the kind of this work, if it has ended.
    pub(in crate::invariants) fn kind(&self) -> Option<Kind> {
        let accepted = self.ended?;
        Some(match self.group {
            None => Kind::Request { operation: self.what, accepted },
            Some(group) => Kind::Message { group, kind: self.what },
        })
    }

    /// Returns `true` for the work on a request.
    pub(in crate::invariants) fn is_of_request(&self) -> bool {
        self.group.is_none()
    }
}

impl Detail {
    /// Knowledge of a piece of work that begins.
    pub(super) fn new(unit: Unit, number: u64, message: Option<&Message>) -> Self {
        let content = message.map(Content::from_message);
        Self { unit, first: Brief::new(number), last_deed: None, end: Brief::new(0), content }
    }
}

impl Content {
    fn from_message(message: &Message) -> Self {
        let hash = |bytes: &[u8]| {
            let mut hasher = FxHasher::default();
            hasher.write(bytes);
            hasher.finish()
        };
        Self { subject: hash(message.subject.as_bytes()), data: hash(&message.data), time: message.time }
    }
}
