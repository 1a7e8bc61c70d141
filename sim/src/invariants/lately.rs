use std::collections::VecDeque;

use crate::trace::{Event, VirtualTime};

/// Age, in virtual microseconds, up to which something was under way when a run is given up, and nobody can say that it
/// was stuck.
const GRACE: VirtualTime = 10_000_000;

/// Interval at which moments are noted, in virtual microseconds.
const STEP: VirtualTime = 1_000_000;

/// Latest events of a run: the number of the first one within its last seconds, whatever its length.
#[derive(Debug, Default)]
pub(super) struct Lately {
    /// Moments of the last seconds, each with the number of the first event since.
    marks: VecDeque<(VirtualTime, u64)>,
    /// `true` if there was anything before them.
    began_before: bool,
}

impl Lately {
    /// The next event of the run.
    pub(super) fn note(&mut self, event: &Event) {
        if self.marks.back().is_some_and(|(at, _)| event.at < at + STEP) {
            return;
        }
        self.marks.push_back((event.at, event.number));
        while self.marks.front().is_some_and(|(at, _)| at + GRACE < event.at) {
            self.marks.pop_front();
            self.began_before = true;
        }
    }

    /// Returns `true` if all of these events are among the latest, and the run has others.
    pub(super) fn holds(&self, events: &[u64]) -> bool {
        let first = self.marks.front().map_or(0, |(_, number)| *number);
        self.began_before && !events.is_empty() && events.iter().all(|event| *event >= first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::{ProcessIndex, What};

    fn event(number: u64, at: VirtualTime) -> Event {
        Event { number, at, process: ProcessIndex::WORLD, incarnation: 0, task: 0, what: What::Healed }
    }

    #[test]
    fn what_began_in_the_last_seconds_of_a_run_that_is_older_is_of_late() {
        let mut lately = Lately::default();
        for number in 0..100 {
            lately.note(&event(number, number * 500_000));
        }
        assert!(lately.holds(&[99, 85]));
        assert!(!lately.holds(&[99, 70]), "it began before");
        assert!(!lately.holds(&[]), "nobody knows when");
        assert!(lately.marks.len() < 13);
    }

    #[test]
    fn a_run_of_some_seconds_has_nothing_that_is_of_late() {
        let mut lately = Lately::default();
        for number in 0..20 {
            lately.note(&event(number, number * 500_000));
        }
        assert!(!lately.holds(&[19]));
    }
}
