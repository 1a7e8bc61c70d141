use seaworthy_core::ids::MessageId;
use smol_str::SmolStr;

use crate::invariants::Lookup;

/// Memory of who has handled what, where stores are put back: what a group has handled stays handled, unless its own store
/// forgot it.
#[derive(Debug, Default)]
pub(super) struct Handlings {
    handled: Lookup<MessageId, Vec<HandledEvent>>,
    /// Stores that were put back: the first event that the copy knows nothing of, and when it was put in place.
    restored: Vec<(SmolStr, u64, u64)>,
}

/// An event that a group handled, in a store, at an event of the trace.
#[derive(Debug)]
struct HandledEvent {
    group: usize,
    store: SmolStr,
    number: u64,
}

impl Handlings {
    pub(super) fn add(&mut self, message: MessageId, group: usize, store: SmolStr, number: u64) {
        self.handled.get_or_insert_with(message, Vec::new).push(HandledEvent { group, store, number });
    }

    /// A store was put back at event `at`, and knows nothing of what happened in it from event `since` on.
    pub(super) fn put_back(&mut self, store: SmolStr, since: u64, at: u64) {
        self.restored.push((store, since, at));
    }

    /// Returns the groups that have handled an event, and whose stores know it.
    pub(super) fn known(&self, message: MessageId) -> u64 {
        let handlings = self.handled.get(&message).map_or(&[][..], Vec::as_slice);
        let is_gone = |handling: &HandledEvent| {
            let is_later = |(store, since, at): &(SmolStr, u64, u64)| {
                *store == handling.store && (*since..*at).contains(&handling.number)
            };
            self.restored.iter().any(is_later)
        };
        let known = handlings.iter().filter(|handling| !is_gone(handling));
        known.fold(0, |groups, handling| groups | 1 << handling.group)
    }
}
