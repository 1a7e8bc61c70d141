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
    /// Part of them that can be struck.
    pub part: CallPart,
}

/// Part of a call that can be struck: one that waits for something to come, as a receive does, has two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallPart {
    /// All of it.
    Whole,
    /// The wait alone: it had not ended when the storm did.
    Wait,
    /// Its end alone: it waited already when the first fault came to its call, and ended then.
    End,
}

/// Calls that wait for something to come, each by its counter and its number there.
type IdleCalls = BTreeSet<(usize, u32)>;

/// Counts of each call at the moments that say which of them are strikable.
#[derive(Default)]
pub(super) struct Marks {
    /// Counts when the first fault came to its call, that call included, and the calls that were idle then.
    struck: Option<(Vec<u32>, IdleCalls)>,
    /// Counts when the storm ended, and the calls that were idle then.
    healed: Option<(Vec<u32>, IdleCalls)>,
    /// Calls that wait for something to come.
    idle: IdleCalls,
    /// Calls that were idle when the first fault came to its call, and no longer when the storm ended, since what they waited
    /// for had come.
    ended: IdleCalls,
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
        self.struck.get_or_insert_with(|| (counts.to_vec(), self.idle.clone()));
    }

    /// A call of a counter begins to wait for something to come.
    pub(super) fn wait(&mut self, slot: usize, nth: u32) {
        self.idle.insert((slot, nth));
    }

    /// A call no longer waits: it `came`, or nobody waits for it any more.
    pub(super) fn end(&mut self, slot: usize, nth: u32, came: bool) {
        self.idle.remove(&(slot, nth));
        let was_idle = || self.struck.as_ref().is_some_and(|(_, idle)| idle.contains(&(slot, nth)));
        if came && self.healed.is_none() && was_idle() {
            self.ended.insert((slot, nth));
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
        let before = |slot: usize| self.struck.as_ref().map_or(0, |(struck, _)| struck[slot]);
        let mut strikable = Vec::new();
        for (slot, turns) in &self.turns {
            let Some((process, point)) = of(*slot) else { continue };
            for (_, nth) in self.ended.range((*slot, 0)..=(*slot, u32::MAX)) {
                let in_scope = turns.iter().rev().find(|(from, _)| from <= nth).is_some_and(|(_, in_scope)| *in_scope);
                strikable.push(Strikable { process, point, first: *nth, last: *nth, in_scope, part: CallPart::End });
            }
            for (at, (from, in_scope)) in turns.iter().enumerate() {
                let until = turns.get(at + 1).map_or(last[*slot], |(next, _)| last[*slot].min(next - 1));
                let first = (before(*slot) + 1).max(*from);
                if first > until {
                    continue;
                }
                let mut add = |first, last, part| {
                    if first <= last {
                        strikable.push(Strikable { process, point, first, last, in_scope: *in_scope, part });
                    }
                };
                let mut next = first;
                for (_, nth) in idle.range((*slot, first)..=(*slot, until)) {
                    add(next, nth - 1, CallPart::Whole);
                    add(*nth, *nth, CallPart::Wait);
                    next = nth + 1;
                }
                add(next, until, CallPart::Whole);
            }
        }
        strikable
    }
}

#[cfg(test)]
mod tests {
    use super::{CallPart::*, *};

    const COUNTER: usize = 7;

    fn made(marks: &mut Marks, nth: u32) {
        marks.count(COUNTER, nth, false);
        marks.wait(COUNTER, nth);
    }

    fn found(marks: &Marks, count: u32) -> Vec<(u32, u32, CallPart)> {
        let of = |_| Some((ProcessIndex(0), Operation::Receive));
        marks.strikable(&[count; COUNTER + 1], of).iter().map(|of| (of.first, of.last, of.part)).collect()
    }

    #[test]
    fn of_a_call_that_waits_until_the_storm_ends_only_the_wait_can_be_struck() {
        let mut marks = Marks::default();
        (1..=4).for_each(|nth| made(&mut marks, nth));
        marks.end(COUNTER, 1, true);
        marks.end(COUNTER, 3, true);
        assert_eq!(found(&marks, 4), [(1, 1, Whole), (2, 2, Wait), (3, 3, Whole), (4, 4, Wait)]);
        marks.heal(&[4; COUNTER + 1]);
        // What comes after the storm comes too late.
        marks.end(COUNTER, 4, true);
        made(&mut marks, 5);
        assert_eq!(found(&marks, 5), [(1, 1, Whole), (2, 2, Wait), (3, 3, Whole), (4, 4, Wait)]);
    }

    #[test]
    fn of_a_call_that_waited_before_the_first_fault_and_ended_after_it_only_the_end_can_be_struck_as_well() {
        let mut marks = Marks::default();
        (1..=4).for_each(|nth| made(&mut marks, nth));
        marks.end(COUNTER, 1, true);
        marks.strike(&[4; COUNTER + 1]);
        marks.end(COUNTER, 2, true);
        // Dropped: a fault at it would be one at the next call.
        marks.end(COUNTER, 3, false);
        made(&mut marks, 5);
        marks.heal(&[5; COUNTER + 1]);
        marks.end(COUNTER, 4, true);
        assert_eq!(found(&marks, 5), [(2, 2, End), (5, 5, Wait)]);
    }
}
