//! A log, read entry by entry: what its saga waits for in the end.

use std::{collections::VecDeque, time::Duration};

use smol_str::SmolStr;

use super::WaitsFor;
use crate::{
    ids::Direction,
    ports::{SagaInstance, SagaStatus, Timestamp},
    saga::{ActionState, Attempts, CompensationState, Passage, Record, SagaRequest, Summary},
};

/// Knowledge of a saga up to an entry of its log.
#[derive(Default)]
pub(super) struct LogFold {
    requests: VecDeque<(SagaRequest, Timestamp)>,
    /// The reason of the last time that it became stuck, and when.
    stuck: Option<(SmolStr, Timestamp)>,
    /// The step whose attempt failed last.
    failed: Option<SmolStr>,
    /// Subject of its wait if it was not stuck and nobody asked for anything.
    waits_for: Option<WaitsFor>,
    since: Timestamp,
    /// The latest moment of all entries.
    newest: Timestamp,
    /// The end of its wait is one that the saga asked for, whatever the clock showed.
    waits_for_a_date: bool,
}

impl LogFold {
    /// Goes on by an entry.
    pub(super) fn take(&mut self, record: &Record, at: Timestamp) {
        self.newest = self.newest.max(at);
        match record {
            Record::Requested(request) => return self.requests.push_back((request.clone(), at)),
            Record::Granted | Record::Declined { .. } => return drop(self.requests.pop_front()),
            // Another signal than the one that it waits for is kept for later.
            Record::Signalled { name, .. } if self.waits_for_other_than(name) => return,
            // It waits for what it waited for.
            Record::Migrated { passage, keys } => return self.pass(passage, keys),
            Record::Stuck { reason } => self.stuck = Some((reason.into(), at)),
            Record::ClockSetBack { ahead_by_us } => return self.set_back(Duration::from_micros(*ahead_by_us)),
            _ => {}
        }
        self.since = at;
        self.waits_for = match record {
            Record::LeftToNewer { newest } => Some(WaitsFor::Release { newest: *newest, since: at }),
            Record::Attempting { step, attempt } | Record::Announced { step, attempt, .. } => {
                Some(WaitsFor::Attempt { step: step.clone(), attempt: *attempt, since: at })
            }
            Record::Retry { step, direction, attempt, delay_us, error, .. } => {
                self.failed = Some(step.clone());
                let until = at + Duration::from_micros(*delay_us);
                let (step, error) = (step.clone(), error.into());
                Some(WaitsFor::Retry { step, direction: *direction, attempt: *attempt, error, until })
            }
            Record::Rejected { step, .. } | Record::CompensationExhausted { step, .. } => {
                self.failed = Some(step.clone());
                None
            }
            Record::Waiting { step, signal, limit_us, until, key } => {
                self.waits_for_a_date = limit_us.is_none();
                let until = limit_us.map(|micros| at + Duration::from_micros(micros)).or(*until);
                let (step, signal, key) = (step.clone(), signal.clone(), key.clone());
                Some(WaitsFor::Signal { step, signal, key, since: at, until })
            }
            Record::Condensed { summary } => self.condensed(summary),
            _ => None,
        };
    }

    /// Goes on under another version, by which steps have other names, and keys.
    fn pass(&mut self, passage: &Passage, keys: &[(SmolStr, SmolStr)]) {
        self.failed.iter_mut().for_each(|step| passage.apply(step));
        let Some(waits_for) = &mut self.waits_for else { return };
        if let Some(step) = waits_for.step_mut() {
            passage.apply(step);
        }
        if let WaitsFor::Signal { step, key, .. } = waits_for {
            *key = keys.iter().find(|(keyed, _)| keyed == step).map(|(_, key)| key.clone()).or(key.take());
        }
    }

    fn waits_for_other_than(&self, name: &SmolStr) -> bool {
        matches!(&self.waits_for, Some(WaitsFor::Signal { signal, .. }) if signal.as_ref() != Some(name))
    }

    /// Takes what was written by a clock that was ahead as if it had been right.
    fn set_back(&mut self, by: Duration) {
        let now = self.newest.before(by);
        let back = |moment: &mut Timestamp| *moment = if *moment > now { moment.before(by) } else { *moment };
        back(&mut self.newest);
        back(&mut self.since);
        self.stuck.iter_mut().for_each(|(_, since)| back(since));
        self.requests.iter_mut().for_each(|(_, since)| back(since));
        match &mut self.waits_for {
            Some(WaitsFor::Retry { until: moment, .. }) => back(moment),
            Some(WaitsFor::Release { since, .. } | WaitsFor::Attempt { since, .. }) => back(since),
            Some(WaitsFor::Signal { since, until, .. }) => {
                back(since);
                until.iter_mut().filter(|_| !self.waits_for_a_date).for_each(back);
            }
            _ => {}
        }
    }

    /// Takes what a summary says of the steps that are not settled.
    fn condensed(&mut self, summary: &Summary) -> Option<WaitsFor> {
        let mut waits_for = None;
        for step in &summary.steps {
            let state = &step.state;
            let goes_back = summary.cause.is_some();
            let is_open = match goes_back {
                true => state.compensation == CompensationState::Pending,
                false => state.action == ActionState::Pending,
            };
            let attempts: &Attempts = if goes_back { &state.backward } else { &state.forward };
            let direction = if goes_back { Direction::Compensation } else { Direction::Action };
            if let Some(waiting) = state.waiting.filter(|_| is_open && !goes_back && attempts.last == 0) {
                let (step, signal, key) = (step.path.clone(), step.awaits.clone(), state.key.clone());
                let since = attempts.since.unwrap_or(self.since);
                // What else the saga does meanwhile tells more.
                self.waits_for_a_date = waiting.is_asked_for;
                waits_for.get_or_insert(WaitsFor::Signal { step, signal, key, since, until: waiting.until });
            }
            if !is_open || attempts.last == 0 {
                continue;
            }
            let (path, attempt) = (step.path.clone(), attempts.last);
            if let Some(error) = &state.error {
                self.failed = Some(path.clone());
                if let Some(until) = attempts.not_before {
                    let error = error.clone();
                    waits_for = Some(WaitsFor::Retry { step: path, direction, attempt, error, until });
                    continue;
                }
            }
            if state.asking {
                waits_for = Some(WaitsFor::Attempt { step: path, attempt, since: self.since });
            }
        }
        waits_for
    }

    /// Returns what a saga waits for whose log ends here, and the requests without an answer.
    pub(super) fn end(self, saga: &SagaInstance) -> (WaitsFor, Vec<SagaRequest>) {
        let since = self.since;
        let waits_for = match (saga.status, self.requests.front(), self.stuck) {
            (status, ..) if status.is_terminal() => WaitsFor::Nothing,
            (SagaStatus::Stuck, _, stuck) => {
                // Its log may be a newer release's.
                let (reason, since) = stuck.unwrap_or_else(|| ("its log does not say why".into(), since));
                WaitsFor::Operator { reason, step: self.failed, since }
            }
            (_, Some((request, since)), _) => WaitsFor::Answer { request: request.clone(), since: *since },
            _ => self.waits_for.unwrap_or(WaitsFor::Process { since }),
        };
        (waits_for, self.requests.into_iter().map(|(request, _)| request).collect())
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use uuid::Uuid;

    use super::*;
    use crate::{
        ids::SagaId,
        ports::DefinitionRef,
        saga::{StepState, StepSummary, Verb, Waiting},
    };

    const YEAR: Duration = Duration::from_secs(365 * 24 * 3_600);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_micros(second * 1_000_000)
    }

    fn instance(status: SagaStatus) -> SagaInstance {
        SagaInstance {
            id: SagaId(Uuid::nil()),
            definition: DefinitionRef { name: "trip".into(), version: 1, hash: 0 },
            key: "t-1".into(),
            input: Bytes::new(),
            correlation_id: Uuid::nil(),
            status,
            epoch: 1,
            log_length: 9,
            lease_until: at(0),
            wake_at: at(0),
            outcome: None,
        }
    }

    /// Returns what a running saga waits for whose log has these entries.
    fn after(log: impl IntoIterator<Item = (Record, Timestamp)>) -> WaitsFor {
        let mut fold = LogFold::default();
        log.into_iter().for_each(|(record, at)| fold.take(&record, at));
        fold.end(&instance(SagaStatus::Running)).0
    }

    fn was_ahead() -> (Record, Timestamp) {
        (Record::ClockSetBack { ahead_by_us: YEAR.as_micros() as u64 }, at(30))
    }

    /// An attempt, a release that is newer, a wait with a limit: each since a moment of the wrong clock.
    #[test]
    fn a_wait_that_a_clock_began_which_was_ahead_began_by_the_right_one() {
        let attempting = Record::Attempting { step: "pay".into(), attempt: 2 };
        let waits = after([(attempting, at(20) + YEAR), was_ahead()]);
        assert_eq!(waits, WaitsFor::Attempt { step: "pay".into(), attempt: 2, since: at(20) });
        let waits = after([(Record::LeftToNewer { newest: 3 }, at(20) + YEAR), was_ahead()]);
        assert_eq!(waits, WaitsFor::Release { newest: 3, since: at(20) });
        let (step, signal) = ("visa".into(), Some("granted".into()));
        let waiting = Record::Waiting { step, signal, limit_us: Some(5_000_000), until: None, key: None };
        let WaitsFor::Signal { since, until, .. } = after([(waiting, at(20) + YEAR), was_ahead()]) else { panic!() };
        assert_eq!((since, until), (at(20), Some(at(25))));
    }

    /// The newest entry is as late as the log was read: a moment that is then was none of the wrong clock's.
    #[test]
    fn a_moment_that_is_now_stays_where_it_is() {
        let error = "no seats".to_owned();
        let (step, direction, failure) = ("pay".into(), Direction::Action, crate::saga::AttemptFailure::Transient);
        let retry =
            Record::Retry { step, direction, attempt: 1, failure, delay_us: 0, error, panicked: false, own: false };
        let noted = Record::Requested(SagaRequest::new(Verb::Resume, "ann"));
        let mut fold = LogFold::default();
        for (record, at) in [(retry, at(20)), (noted, at(20) + YEAR), was_ahead()] {
            fold.take(&record, at);
        }
        let Some(WaitsFor::Retry { until, .. }) = fold.waits_for else { panic!("{:?}", fold.waits_for) };
        assert_eq!(until, at(20));
    }

    /// A condensed log of one step that has come to its wait.
    fn condensed(edit: impl FnOnce(&mut Summary)) -> WaitsFor {
        let state = StepState { waiting: Some(Waiting { until: None, is_asked_for: false }), ..StepState::FRESH };
        let step = StepSummary { path: "visa".into(), first_name: None, awaits: Some("granted".into()), state };
        let (signals, steps) = (Vec::new(), vec![step]);
        let mut summary = Summary { origin: None, traceparent: None, cause: None, deadline: None, signals, steps };
        edit(&mut summary);
        after([(Record::Condensed { summary: Box::new(summary) }, at(20))])
    }

    #[test]
    fn a_saga_whose_log_is_condensed_waits_for_a_signal_only_while_it_goes_forward_and_has_it_to_come() {
        let waits = condensed(|_| ());
        assert!(matches!(&waits, WaitsFor::Signal { step, .. } if step == "visa"), "{waits:?}");
        let process = WaitsFor::Process { since: at(20) };
        // It turned back while it waited, so that the wait is to be undone.
        assert_eq!(condensed(|it| it.cause = Some(crate::saga::CompensationCause::Cancelled)), process);
        // It has what it waited for.
        assert_eq!(condensed(|it| it.steps[0].state.action = ActionState::Done), process);
        // It has it, and its own part was attempted and has failed.
        let waits = condensed(|it| {
            let state = &mut it.steps[0].state;
            (state.forward.last, state.forward.not_before) = (2, Some(at(25)));
            state.error = Some("no paper".into());
        });
        assert!(matches!(&waits, WaitsFor::Retry { attempt: 2, .. }), "{waits:?}");
        let waits = condensed(|it| it.steps[0].state.forward.last = 2);
        assert_eq!(waits, process);
    }
}
