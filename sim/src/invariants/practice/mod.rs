//! Practice of a scenario when nothing goes wrong: learnt from runs without a fault, so that invariants can tell what
//! is missing in a run with some.
//!
//! | module | what it is |
//! |---|---|
//! | [`deed`] | what a handling can do: a document written, a message staged or published, a call to an external service |
//! | [`hands`] | what each process has in hand |
//! | [`work`] | one piece of work: a request, or a message as one group sees it |
//! | [`works`] | all of a run, found by what they are the work on |
//! | [`handling`] | which deeds belong to which of them |
//! | [`student`] | learns from whole traces |

mod deed;
mod handling;
mod hands;
mod student;
mod work;
mod works;

use std::collections::{BTreeMap, BTreeSet};

use smol_str::SmolStr;

pub use deed::Deed;
pub(super) use deed::Deeds;
pub(super) use handling::Doings;
pub use student::Student;
pub(super) use work::{Content, Detail, Kind, Unit, Work};

/// Practice of a scenario when nothing goes wrong. A [`Student`] learns it; an invariant is told before its run begins
/// ([`Invariant::learn`](super::Invariant::learn)).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Practice {
    pub(super) runs: u64,
    pub(super) sources: BTreeSet<SmolStr>,
    pub(super) stores: BTreeSet<SmolStr>,
    pub(super) consumers: BTreeMap<SmolStr, BTreeSet<SmolStr>>,
    pub(super) habits: BTreeMap<SmolStr, BTreeMap<SmolStr, Habit>>,
    pub(super) deeds: Deeds,
    /// Deeds of processes that have nothing in hand: they belong to no handling, whenever they happen.
    pub(super) idle: u64,
    pub(super) customs: BTreeMap<Handling, Custom>,
}

/// Habit of a consumer group with messages of one type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Habit {
    /// Number of messages that it handled in an inbox.
    pub(super) handled: u64,
    /// Number of messages that it acknowledged and never handled in one.
    pub(super) only_acked: u64,
}

/// A kind of work that comes from elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Handling {
    /// A request from outside that was answered.
    Request {
        /// Operation that was asked for.
        operation: SmolStr,
        /// `true` if the request was accepted.
        accepted: bool,
    },
    /// A message that a consumer group dealt with.
    Message {
        /// Name of the consumer group.
        group: SmolStr,
        /// The type of the message.
        kind: SmolStr,
    },
}

/// Deeds that all handlings of one kind did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Custom {
    /// Number of handlings.
    pub(super) times: u64,
    /// Deeds that each of them did, as a set of [`Deeds`].
    pub(super) always: u64,
}

/// Number of handlings below which it may be chance that they had something in common.
const ENOUGH: u64 = 20;

impl Practice {
    /// Returns the number of runs that it was learnt from.
    pub fn runs(&self) -> u64 {
        self.runs
    }

    /// Returns `true` if messages of this source are staged in an outbox.
    pub fn stages(&self, source: &str) -> bool {
        self.sources.contains(source)
    }

    /// Returns `true` if this store has an outbox that is used.
    pub fn has_outbox(&self, store: &str) -> bool {
        self.stores.contains(store)
    }

    /// Returns the name under which a consumer group handles messages in its inbox, if that is known and there is one.
    pub fn consumer_of(&self, group: &str) -> Option<&SmolStr> {
        let names = self.consumers.get(group)?;
        // Two groups in one process may be handed the same message: a name of one's own is one's own.
        names.get(group).or_else(|| {
            let mut others = names.iter().filter(|name| !self.consumers.contains_key(*name));
            others.next().filter(|_| others.next().is_none())
        })
    }

    /// Returns `true` if a consumer group handles every message of this type in an inbox; `None` where none was seen.
    pub fn handles(&self, group: &str, kind: &str) -> Option<bool> {
        let habit = self.habits.get(group)?.get(kind)?;
        Some(habit.handled > 0 && habit.only_acked == 0)
    }

    /// Returns the deeds that every handling of this kind did, if enough of them were seen to say so and they had
    /// anything in common.
    pub fn always(&self, handling: &Handling) -> Vec<&Deed> {
        self.custom(handling).map(|always| self.deeds.of(always)).unwrap_or_default()
    }

    /// As [`Practice::always`], as a set.
    pub(super) fn custom(&self, handling: &Handling) -> Option<u64> {
        let custom = self.customs.get(handling)?;
        let always = custom.always & !self.idle;
        (custom.times >= ENOUGH && always != 0).then_some(always)
    }

    /// Returns `true` if any handling of this kind was seen.
    pub(super) fn knows(&self, handling: &Handling) -> bool {
        self.customs.contains_key(handling)
    }
}
