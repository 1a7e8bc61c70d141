//! Moments of a log that was written while the store's clock was far ahead.
//!
//! Delays, limits and deadlines count from the moments at which their entries were written. A clock that was years ahead
//! leaves moments that come in years; once it is right, nobody may wait for them. Whoever reads the log then says so in it, by
//! [`Record::ClockSetBack`], and from there on everybody reads the entries before as if they had been written earlier: the newest
//! of them when the log was read, the others as long before it as they were. What is folded follows from the log alone, as ever.

use std::time::Duration;

use super::{Attempts, Record, Summary};
use crate::time::Timestamp;

/// Moves entries that a clock wrote which was ahead by this. Those that the right clock may have written stay; none comes to
/// stand before them. Moments that were asked for, and not counted from an entry, stay as well.
pub(super) fn set_back(moments: &mut [Timestamp], records: &mut [Record], ahead_by: Duration) {
    let Some(newest) = moments.iter().max() else { return };
    let now = newest.before(ahead_by);
    let mut last = Timestamp::from_micros(i64::MIN);
    for (moment, record) in moments.iter_mut().zip(records) {
        if *moment <= now {
            last = last.max(*moment);
            continue;
        }
        *moment = moment.before(ahead_by).max(last);
        if let Record::Condensed { summary } = record {
            summary.set_back(now, ahead_by);
        }
    }
}

impl Summary {
    fn set_back(&mut self, now: Timestamp, by: Duration) {
        let back = |moment: &mut Option<Timestamp>| {
            *moment = moment.map(|moment| if moment > now { moment.before(by) } else { moment });
        };
        back(&mut self.deadline);
        for step in &mut self.steps {
            for Attempts { since, not_before, .. } in [&mut step.state.forward, &mut step.state.backward] {
                back(since);
                back(not_before);
            }
            if let Some(waiting) = step.state.waiting.as_mut().filter(|waiting| !waiting.is_asked_for) {
                back(&mut waiting.until);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::saga::{ActionState, StepState, StepSummary, Waiting};

    const YEAR: Duration = Duration::from_secs(365 * 24 * 3_600);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_micros(second * 1_000_000)
    }

    #[test]
    fn what_the_wrong_clock_wrote_moves_and_the_rest_stays() {
        let mut moments = [at(10), at(20), at(15) + YEAR, at(40) + YEAR, at(35)];
        let mut records = [const { Record::TakenUp }; 5];
        // The log is read at 38.
        set_back(&mut moments, &mut records, YEAR + Duration::from_secs(2));
        assert_eq!(moments, [at(10), at(20), at(20), at(38), at(35)], "no entry moves before one that stays");
    }

    /// The right clock may have shown it: it is the moment at which the log was read.
    #[test]
    fn a_moment_of_a_summary_that_is_now_stays() {
        let (deadline, signals, steps) = (Some(at(10)), Vec::new(), Vec::new());
        let summary = Summary { origin: None, traceparent: None, cause: None, deadline, signals, steps };
        let mut records = [Record::Condensed { summary: Box::new(summary) }];
        set_back(&mut [at(10) + YEAR], &mut records, YEAR);
        let [Record::Condensed { summary }] = &records else { unreachable!() };
        assert_eq!(summary.deadline, Some(at(10)));
    }

    #[test]
    fn a_summary_keeps_the_moments_that_the_saga_asked_for() {
        let step = |is_asked_for| StepState {
            action: ActionState::Pending,
            forward: Attempts { since: Some(at(5) + YEAR), not_before: Some(at(9)), ..Attempts::default() },
            waiting: Some(Waiting { until: Some(at(50) + YEAR), is_asked_for }),
            ..StepState::FRESH
        };
        let steps = [false, true].map(|it| StepSummary {
            path: "rest".into(),
            first_name: None,
            awaits: None,
            state: step(it),
        });
        let deadline = Some(at(90) + YEAR);
        let summary = Summary {
            origin: None,
            traceparent: None,
            cause: None,
            deadline,
            signals: Vec::new(),
            steps: steps.into(),
        };
        let mut records = [Record::Condensed { summary: Box::new(summary) }];
        set_back(&mut [at(10) + YEAR], &mut records, YEAR);
        let [Record::Condensed { summary }] = &records else { unreachable!() };
        assert_eq!(summary.deadline, Some(at(90)));
        let (relative, absolute) = (&summary.steps[0].state, &summary.steps[1].state);
        assert_eq!((relative.forward.since, relative.forward.not_before), (Some(at(5)), Some(at(9))));
        assert_eq!(relative.waiting.and_then(|it| it.until), Some(at(50)));
        assert_eq!(absolute.waiting.and_then(|it| it.until), Some(at(50) + YEAR));
    }
}
