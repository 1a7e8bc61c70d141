use std::ops::BitOr;

use crate::trace::{Effect, Event, What};

/// Classes of events, so that an invariant is handed only what it can judge.
///
/// An event may be in several classes: a commit is in [`Interest::COMMIT`] and in the class of each of its effects. An
/// invariant sees an event if they share a class.
///
/// ```
/// use seaworthy_sim::invariants::Interest;
///
/// let mine = Interest::STAGED | Interest::PUBLISH;
/// assert!(mine.meets(Interest::COMMIT | Interest::STAGED));
/// assert!(!mine.meets(Interest::COMMIT));
/// assert!(Interest::ALL.meets(mine));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interest(u32);

macro_rules! classes {
    ($($(#[$doc:meta])* $name:ident = $bit:literal;)*) => {
        $($(#[$doc])* pub const $name: Self = Self(1 << $bit);)*
    };
}

impl Interest {
    /// Nothing: only the end of the run.
    pub const NONE: Self = Self(0);
    /// Interest in every event.
    pub const ALL: Self = Self(u32::MAX);

    classes! {
        /// Boots, crashes and panics.
        PROCESS = 0;
        /// Faults of the plan, and their ends; calls that hang by them for as long as they do.
        FAULT = 1;
        /// Healed, the operator comes, quiet, out of budget.
        PHASE = 2;
        /// Requests from outside and their answers.
        REQUEST = 3;
        /// Begins, statements, aborts, and calls of a store that never returned.
        TRANSACTION = 4;
        /// Duplicates that an inbox has seen.
        DUPLICATE_SEEN = 5;
        /// Every commit, whatever came of it.
        COMMIT = 6;
        /// Claims of outbox rows, most of which get none.
        CLAIM = 7;
        /// Settlements of outbox rows, and commits that settled some.
        SETTLE = 8;
        /// Sagas taken over.
        ACQUIRE = 9;
        /// Other calls to a store.
        STORE_CALL = 10;
        /// Messages offered to the broker.
        PUBLISH = 11;
        /// Joined groups, and receives that failed.
        SUBSCRIPTION = 12;
        /// Messages that are delivered.
        DELIVER = 13;
        /// Messages that are acknowledged.
        ACK = 14;
        /// Deliveries given back.
        NACK = 15;
        /// Calls to participants that are not ours.
        EXTERNAL = 16;
        /// Commits that wrote documents.
        DOCUMENT = 17;
        /// Commits that staged messages.
        STAGED = 18;
        /// Commits that touched an inbox: handled, failed, buried, exhumed.
        INBOX = 19;
        /// Commits that created sagas.
        SAGA_CREATED = 20;
        /// Commits that appended to saga logs.
        SAGA_LOGGED = 21;
        /// Commits that wrote operations of a participant.
        OPERATION = 22;
        /// Commits that moved checkpoints.
        CHECKPOINT = 23;
        /// Commits that noted facts.
        OBSERVED = 24;
        /// Commits that changed rows of declared tables, entries, locks or sums.
        OWN_TABLE = 25;
        /// Claims that got outbox rows.
        CLAIMED = 26;
        /// Words about something that was given up.
        SAID = 27;
        /// Stores that were put back to what they were.
        RESTORED = 28;
        /// The rows that each table of a store has.
        KEPT = 29;
        /// Commits that appended events to streams, or kept a snapshot of one.
        STREAM = 30;
    }

    /// Returns `true` if the two share a class.
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Both, where no operator can be used.
    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// One bit for each class.
    pub(super) const fn bits(self) -> u32 {
        self.0
    }

    /// The classes of an event.
    pub fn from_event(event: &Event) -> Self {
        match &event.what {
            What::Boot { .. }
            | What::Crash
            | What::Panic { .. }
            | What::Caught { .. }
            | What::Exit { .. }
            | What::PartEnded { .. } => Self::PROCESS,
            What::Fault { .. } | What::FaultOver { .. } | What::Spoils { .. } => Self::FAULT,
            What::Said { .. } => Self::SAID,
            What::Restored { .. } => Self::RESTORED,
            What::Kept { .. } => Self::KEPT,
            What::Healed | What::Redrive { .. } | What::Quiet | What::OutOfBudget { .. } => Self::PHASE,
            What::Request { .. } | What::Reply { .. } => Self::REQUEST,
            What::NeverReturned { whom, .. } if !whom.is_empty() => Self::FAULT,
            What::Begin { .. } | What::Statement { .. } | What::Abort { .. } | What::NeverReturned { .. } => {
                Self::TRANSACTION
            }
            What::DuplicateSeen { .. } => Self::DUPLICATE_SEEN,
            What::Commit { effects, .. } => {
                effects.iter().fold(Self::COMMIT, |classes, effect| classes | Self::from_effect(effect))
            }
            What::Claim { rows, .. } if rows.is_empty() => Self::CLAIM,
            What::Claim { .. } => Self(Self::CLAIM.0 | Self::CLAIMED.0),
            What::Settle { .. } => Self::SETTLE,
            What::Acquire { .. } => Self::ACQUIRE,
            What::StoreCall { .. } => Self::STORE_CALL,
            What::Publish { .. } => Self::PUBLISH,
            What::Subscribe { .. } | What::ReceiveFailed { .. } => Self::SUBSCRIPTION,
            What::Deliver { .. } => Self::DELIVER,
            What::Ack { .. } => Self::ACK,
            What::Nack { .. } => Self::NACK,
            What::External { .. } => Self::EXTERNAL,
        }
    }

    fn from_effect(effect: &Effect) -> Self {
        match effect {
            Effect::Document { .. } => Self::DOCUMENT,
            Effect::Staged(_) => Self::STAGED,
            Effect::Handled { .. } | Effect::Failed { .. } | Effect::Buried { .. } | Effect::Exhumed { .. } => {
                Self::INBOX
            }
            Effect::SagaCreated { .. } => Self::SAGA_CREATED,
            Effect::SagaLogged { .. } => Self::SAGA_LOGGED,
            Effect::Operation { .. } => Self::OPERATION,
            Effect::Checkpoint { .. } => Self::CHECKPOINT,
            Effect::Appended { .. } | Effect::Snapshot { .. } => Self::STREAM,
            Effect::Observed { .. } => Self::OBSERVED,
            Effect::Row(_) | Effect::Entry { .. } | Effect::Lock { .. } | Effect::Amount { .. } => Self::OWN_TABLE,
            Effect::Dispatched(_) | Effect::GivenUp { .. } => Self::SETTLE,
        }
    }
}

impl BitOr for Interest {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}
