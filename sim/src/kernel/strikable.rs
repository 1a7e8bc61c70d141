use std::collections::{BTreeMap, BTreeSet};

use seaworthy_core::ports::Operation;

use crate::trace::ProcessIndex;

/// Port calls of one operation by one process that one more fault could have struck: each between the two numbers, counted from 1
/// over all incarnations of the process.
///
/// Where a fault of the plan came to its call, they are the calls that were made after that one: of two faults it is always
/// the second that is looked for. The storm's end is the end of them, since nothing strikes after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strikable {
    /// Process that made them.
    pub process: ProcessIndex,
    /// Operation of the calls.
    pub point: Operation,
    /// The first of them.
    pub first: u32,
    /// The last of them.
    pub last: u32,
    /// `true` if they were made within a [scope](seaworthy_core::ports::Ports::scope): there is a piece of work to drop.
    pub in_scope: bool,
    /// `true` if it is one that still waited for something to come when the storm ended: nothing strikes it but what does so
    /// before that has come.
    pub is_idle: bool,
}

/// Calls that wait for something to come, each by its counter and its number there.
type IdleCalls = BTreeSet<(usize, u32)>;

/// Counts of each call at the moments that say which of them are strikable.
#[derive(Default)]
pub(super) struct Marks {
    /// Counts when the first fault came to its call, that call included.
    struck: Option<Vec<u32>>,
    /// Counts when the storm ended, and the calls that were idle then.
    healed: Option<(Vec<u32>, IdleCalls)>,
    /// Calls that wait for something to come.
    idle: IdleCalls,
    /// For each counter, the calls from which on they were made within a scope, or no longer were.
    turns: BTreeMap<usize, Vec<(u32, bool)>>,
}

impl Marks {
    /// Another call is made, the `nth` of its counter.
    pub(super) fn count(&mut self, slot: usize, nth: u32, in_scope: bool) {
        let turns = self.turns.entry(slot).or_default();
        if turns.last().is_none_or(|(_, before)| *before != in_scope) {
            turns.push((nth, in_scope));
        }
    }

    /// A fault has come to its call.
    pub(super) fn strike(&mut self, counts: &[u32]) {
        self.struck.get_or_insert_with(|| counts.to_vec());
    }

    /// A call of a counter begins to wait for something to come, or ends to.
    pub(super) fn idle(&mut self, slot: usize, nth: u32, is_idle: bool) {
        if is_idle {
            self.idle.insert((slot, nth));
        } else {
            self.idle.remove(&(slot, nth));
        }
    }

    /// The storm ends.
    pub(super) fn heal(&mut self, counts: &[u32]) {
        self.healed.get_or_insert_with(|| (counts.to_vec(), self.idle.clone()));
    }

    /// The calls between the two moments. `counts` are those of the run's end, for a storm that never ended; `of` says
    /// whose calls a count is of, unless it is one of several operations.
    pub(super) fn strikable(
        &self,
        counts: &[u32],
        of: impl Fn(usize) -> Option<(ProcessIndex, Operation)>,
    ) -> Vec<Strikable> {
        let (last, idle) = self.healed.as_ref().map_or((counts, &self.idle), |(counts, idle)| (counts, idle));
        let before = |slot: usize| self.struck.as_ref().map_or(0, |struck| struck[slot]);
        let mut strikable = Vec::new();
        for (slot, turns) in &self.turns {
            let Some((process, point)) = of(*slot) else { continue };
            for (at, (from, in_scope)) in turns.iter().enumerate() {
                let until = turns.get(at + 1).map_or(last[*slot], |(next, _)| last[*slot].min(next - 1));
                let first = (before(*slot) + 1).max(*from);
                if first > until {
                    continue;
                }
                let mut add = |first, last, is_idle| {
                    if first <= last {
                        strikable.push(Strikable { process, point, first, last, in_scope: *in_scope, is_idle });
                    }
                };
                let mut next = first;
                for (_, nth) in idle.range((*slot, first)..=(*slot, until)) {
                    add(next, nth - 1, false);
                    add(*nth, *nth, true);
                    next = nth + 1;
                }
                add(next, until, false);
            }
        }
        strikable
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_is_idle_when_the_storm_ends_stands_by_itself_and_one_that_has_got_something_does_not() {
        let mut marks = Marks::default();
        for nth in 1..=4 {
            marks.count(7, nth, false);
            marks.idle(7, nth, true);
            if nth != 2 && nth != 4 {
                marks.idle(7, nth, false);
            }
        }
        let mut counts = [0; 8];
        counts[7] = 4;
        marks.heal(&counts);
        // What comes after the storm comes too late.
        marks.idle(7, 4, false);
        marks.count(7, 5, false);
        counts[7] = 5;
        let of = |_| Some((ProcessIndex(0), Operation::Receive));
        let found: Vec<_> = marks.strikable(&counts, of).iter().map(|of| (of.first, of.last, of.is_idle)).collect();
        assert_eq!(found, [(1, 1, false), (2, 2, true), (3, 3, false), (4, 4, true)]);
    }
}
