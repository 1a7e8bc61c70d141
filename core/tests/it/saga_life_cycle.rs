//! The life cycle of a saga, over every state that it can reach.

use std::{collections::BTreeMap, sync::Arc};

use seaworthy_core::{
    ids::Direction,
    ports::Timestamp,
    saga::{
        Action, ActionState, AttemptFailure, CompensationCause, CompensationState, Next, NothingToUndo, Phase, Record,
        RetryPolicy, SagaBuilder, Shape, State, Status, Value, next, next_move,
    },
};

struct Local;
impl Action<()> for Local {}

struct Remote;
impl Action<()> for Remote {
    fn is_remote(&self) -> bool {
        true
    }
}

const NOW: Timestamp = Timestamp::from_millis(1_000);
/// Later than every timer that the records set.
const LATER: Timestamp = Timestamp::from_millis(9_000);

/// Shapes with the number of attempts that is tried on them: two tell the first attempt, a retry and a spent budget
/// apart; fewer keep the larger shapes small enough to see all of their states.
fn shapes() -> Vec<(Arc<Shape>, u32)> {
    let policy = RetryPolicy::default().attempts_max(Some(1));
    let builder = || SagaBuilder::<()>::new("s", 1).retry(policy);
    let group = |remote: bool| {
        builder().parallel(|group| {
            let group = group.compensatable("a", Local, NothingToUndo);
            if remote {
                group.compensatable("b", Remote, NothingToUndo)
            } else {
                group.compensatable("b", Local, NothingToUndo)
            }
        })
    };
    let defined = [
        (builder().compensatable("a", Remote, NothingToUndo).build(), 2),
        (builder().compensatable("a", Local, NothingToUndo).pivot("p", Remote).build(), 1),
        (builder().compensatable("a", Remote, NothingToUndo).pivot("p", Remote).retriable("r", Local).build(), 1),
        (builder().compensatable("a", Local, NothingToUndo).compensatable("b", Local, NothingToUndo).build(), 0),
        (builder().compensatable("a", Local, NothingToUndo).retriable("r", Remote).build(), 1),
        (group(false).build(), 0),
        (group(true).build(), 0),
    ];
    defined.into_iter().map(|(definition, attempts)| (definition.unwrap().shape().clone(), attempts)).collect()
}

/// Every record that could be meant, legal or not, with attempts up to a limit.
fn alphabet(shape: &Shape, attempts: u32) -> Vec<Record> {
    let mut records = vec![
        Record::Started { deadline_us: None, traceparent: None },
        Record::Completed,
        Record::RolledBack,
        Record::Stuck { reason: String::new() },
        Record::Resumed,
        Record::LeftToNewer { newest: 1 },
        Record::TakenUp,
        Record::Abandoned { reason: String::new() },
    ];
    let causes = [CompensationCause::Rejected, CompensationCause::Deadline, CompensationCause::Cancelled];
    records.extend(causes.map(|cause| Record::CompensationBegun { cause }));
    for name in shape.steps.iter().map(|step| &step.path) {
        let step = || name.clone();
        records.push(Record::Done { step: step(), output: Value::NULL });
        records.push(Record::Skipped { step: step() });
        records.push(Record::CompensationExhausted { step: step(), error: String::new() });
        records.push(Record::SkippedByOperator { step: step(), reason: String::new() });
        for maybe_executed in [false, true] {
            records.push(Record::Rejected { step: step(), reason: String::new(), maybe_executed });
            records.push(Record::Compensated { step: step(), maybe_executed });
        }
        for attempt in 1..=attempts + 1 {
            records.push(Record::Attempting { step: step(), attempt });
            for direction in [Direction::Action, Direction::Compensation] {
                for failure in [AttemptFailure::Transient, AttemptFailure::Unknown] {
                    let (error, delay_us) = (String::new(), 1);
                    records.push(Record::Retry {
                        step: step(),
                        direction,
                        attempt,
                        failure,
                        delay_us,
                        error,
                        panicked: false,
                        own: false,
                    });
                }
            }
        }
    }
    records
}

/// All states that the alphabet reaches, each with what every record makes of it.
fn explore(shape: &Arc<Shape>, attempts: u32, mut visit: impl FnMut(&State, &Record, Option<&State>)) -> Vec<State> {
    let alphabet = alphabet(shape, attempts);
    let start = State::new(shape.clone());
    let mut seen = BTreeMap::from([(format!("{start:?}"), start.clone())]);
    let mut open = vec![start];
    while let Some(state) = open.pop() {
        for record in &alphabet {
            let after = next(state.clone(), record, NOW).ok();
            visit(&state, record, after.as_ref());
            let within = |after: &State| after.steps().iter().all(|s| s.forward.last.max(s.backward.last) <= attempts);
            if let Some(after) = after.filter(within) {
                seen.entry(format!("{after:?}")).or_insert_with(|| {
                    open.push(after.clone());
                    after
                });
            }
        }
    }
    seen.into_values().collect()
}

fn needing(state: &State) -> impl Iterator<Item = usize> {
    (0..state.steps().len()).filter(|index| state.needs_compensation(*index))
}

#[test]
fn no_record_changes_a_saga_that_has_ended() {
    for (shape, attempts) in shapes() {
        explore(&shape, attempts, |before, record, after| {
            let has_ended = matches!(before.status(), Status::Completed | Status::Compensated | Status::Abandoned);
            assert_eq!(before.status().is_terminal(), has_ended);
            assert!(!has_ended || after.is_none(), "{record:?} after {before:?}");
        });
    }
}

#[test]
fn a_compensation_that_is_due_waits_for_none_beside_it_that_backs_off() {
    let group = SagaBuilder::<()>::new("s", 1)
        .parallel(|group| group.compensatable("a", Local, NothingToUndo).compensatable("b", Local, NothingToUndo));
    let shape = group.build().unwrap().shape().clone();
    let done = |step: &str| Record::Done { step: step.into(), output: Value::NULL };
    let retry = Record::Retry {
        step: "a".into(),
        direction: Direction::Compensation,
        attempt: 1,
        failure: AttemptFailure::Transient,
        delay_us: 5_000_000,
        error: "down".into(),
        panicked: false,
        own: false,
    };
    let begun = Record::CompensationBegun { cause: CompensationCause::Cancelled };
    let records = [Record::Started { deadline_us: None, traceparent: None }, done("a"), done("b"), begun, retry];
    let state = records.iter().fold(State::new(shape), |state, record| next(state, record, NOW).unwrap());
    assert_eq!(next_move(&state, NOW), Next::Compensate(vec![1]));
    assert_eq!(next_move(&state, LATER), Next::Compensate(vec![0, 1]));
    let state = next(state, &Record::Compensated { step: "b".into(), maybe_executed: false }, NOW).unwrap();
    assert_eq!(next_move(&state, NOW), Next::Wait(Timestamp::from_millis(6_000)));
}

#[test]
fn what_is_stuck_is_not_made_stuck_once_more_and_knows_which_way_it_went() {
    for (shape, attempts) in shapes() {
        explore(&shape, attempts, |before, record, after| {
            let again = matches!((before.status(), record), (Status::Stuck(_), Record::Stuck { .. }));
            assert!(!again || after.is_none(), "{before:?}");
            let goes_back = matches!((before.status(), record), (Status::Compensating, Record::Stuck { .. }));
            let stuck = Status::Stuck(Direction::Compensation);
            assert!(!goes_back || after.is_some_and(|after| after.status() == stuck), "{before:?}");
        });
    }
}

#[test]
fn notes_of_those_who_do_not_know_the_version_change_nothing() {
    for (shape, attempts) in shapes() {
        explore(&shape, attempts, |before, record, after| {
            if !matches!(record, Record::LeftToNewer { .. } | Record::TakenUp) {
                return;
            }
            let expected = matches!(before.status(), Status::Running | Status::Compensating).then_some(before);
            assert_eq!(after, expected, "{record:?}");
        });
    }
}

#[test]
fn started_is_the_first_record_and_only_the_first() {
    for (shape, attempts) in shapes() {
        explore(&shape, attempts, |before, record, after| {
            let started = matches!(record, Record::Started { .. });
            assert!(after.is_none() || (before.status() == Status::New) == started, "{record:?} after {before:?}");
        });
    }
}

#[test]
fn nothing_turns_back_once_the_pivot_has_committed_or_may_have() {
    for (shape, attempts) in shapes() {
        explore(&shape, attempts, |before, record, after| {
            let Some(after) = after else { return };
            let turned = after.status() == Status::Compensating && before.status() != Status::Compensating;
            let resumed = *record == Record::Resumed;
            assert!(!turned || resumed || !before.is_past_return(), "{record:?} after {before:?}");
            let pivot = shape.pivot().map(|pivot| after.steps()[pivot].action);
            let back = matches!(
                after.status(),
                Status::Compensating | Status::Compensated | Status::Stuck(Direction::Compensation)
            );
            assert!(!(back && pivot == Some(ActionState::Done)), "{record:?} after {before:?}");
        });
    }
}

#[test]
fn a_saga_completes_only_with_every_step_settled_and_is_rolled_back_only_with_every_effect_undone() {
    for (shape, attempts) in shapes() {
        let states = explore(&shape, attempts, |_, _, _| {});
        for state in states {
            match state.status() {
                Status::Completed => assert!(state.steps().iter().all(|step| step.is_settled()), "{state:?}"),
                Status::Compensated => assert!(
                    needing(&state).all(|index| matches!(
                        state.steps()[index].compensation,
                        CompensationState::Compensated | CompensationState::Skipped
                    )),
                    "{state:?}"
                ),
                _ => {}
            }
        }
    }
}

#[test]
fn no_step_is_undone_while_a_later_one_still_waits() {
    for (shape, attempts) in shapes() {
        explore(&shape, attempts, |before, record, after| {
            let (Record::Compensated { step, .. }, Some(_)) = (record, after) else { return };
            let index = shape.index_of(step).unwrap();
            let later = needing(before).filter(|other| shape.steps[*other].group > shape.steps[index].group);
            for other in later {
                assert_ne!(
                    before.steps()[other].compensation,
                    CompensationState::Pending,
                    "{record:?} after {before:?}"
                );
            }
        });
    }
}

#[test]
fn a_step_runs_only_when_all_groups_before_it_are_settled() {
    for (shape, attempts) in shapes() {
        explore(&shape, attempts, |before, record, after| {
            let (Record::Done { step, .. } | Record::Attempting { step, .. }, Some(_)) = (record, after) else {
                return;
            };
            let group = shape.steps[shape.index_of(step).unwrap()].group;
            let earlier = before.steps().iter().zip(&shape.steps).filter(|(_, shape)| shape.group < group);
            assert!(earlier.into_iter().all(|(step, _)| step.is_settled()), "{record:?} after {before:?}");
        });
    }
}

#[test]
fn a_doubtful_step_stays_doubtful_until_it_is_done_or_skipped() {
    for (shape, attempts) in shapes() {
        explore(&shape, attempts, |before, record, after| {
            let Some(after) = after else { return };
            for (index, (was, is)) in before.steps().iter().zip(after.steps().iter()).enumerate() {
                let undecided = was.unknown && is.action != ActionState::Done;
                assert!(!undecided || is.unknown, "step {index}: {record:?} after {before:?}");
            }
        });
    }
}

#[test]
fn whatever_the_plan_says_is_allowed_and_an_active_saga_always_has_a_plan() {
    for (shape, attempts) in shapes() {
        let states = explore(&shape, attempts, |_, _, _| {});
        assert!(states.len() > 20, "an exploration that reached next to nothing proves nothing: {}", states.len());
        for state in states {
            let planned = next_move(&state, LATER);
            let active = matches!(state.status(), Status::Running | Status::Compensating);
            assert_eq!(planned == Next::Idle, !active, "{planned:?} for {state:?}");
            for record in carry_out(&state, &planned) {
                assert!(next(state.clone(), &record, LATER).is_ok(), "{record:?} planned by {planned:?} for {state:?}");
            }
        }
    }
}

/// What the executor writes first for a move.
fn carry_out(state: &State, planned: &Next) -> Vec<Record> {
    let shape = state.shape();
    match planned {
        Next::Run(steps) => steps
            .iter()
            .map(|index| {
                let (shape, step) = (&shape.steps[*index], shape.steps[*index].path.clone());
                match shape.remote {
                    true => Record::Attempting { step, attempt: state.steps()[*index].forward.last + 1 },
                    false => Record::Done { step, output: Value::NULL },
                }
            })
            .collect(),
        Next::Compensate(steps) => steps
            .iter()
            .map(|index| Record::Compensated {
                step: shape.steps[*index].path.clone(),
                maybe_executed: state.steps()[*index].is_doubtful(),
            })
            .collect(),
        Next::BeginCompensation(cause) => vec![Record::CompensationBegun { cause: *cause }],
        Next::Complete => vec![Record::Completed],
        Next::FinishCompensation => vec![Record::RolledBack],
        Next::GiveUp(reason) => vec![Record::Stuck { reason: reason.clone() }],
        Next::Wait(_) | Next::Idle => Vec::new(),
        other => panic!("a move that this test does not know: {other:?}"),
    }
}

#[test]
fn a_timer_of_an_earlier_attempt_is_refused() {
    let shape = SagaBuilder::<()>::new("s", 1).pivot("p", Remote).build().unwrap().shape().clone();
    let retry = |attempt| Record::Retry {
        step: "p".into(),
        direction: Direction::Action,
        attempt,
        failure: AttemptFailure::Transient,
        delay_us: 1,
        error: String::new(),
        panicked: false,
        own: false,
    };
    let attempting = |attempt| Record::Attempting { step: "p".into(), attempt };
    let log = [Record::Started { deadline_us: None, traceparent: None }, attempting(1), retry(1), attempting(2)];
    let state = log.iter().try_fold(State::new(shape), |state, record| next(state, record, NOW)).unwrap();
    let refused = next(state.clone(), &retry(1), NOW).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "`retry` is not allowed while Running at step `p`: a timer belongs to the last attempt"
    );
    assert!(next(state, &retry(2), NOW).is_ok());
}

#[test]
fn a_deadline_counts_from_the_start_by_the_stores_clock_and_ends_with_the_pivot() {
    let builder = SagaBuilder::<()>::new("s", 1).compensatable("a", Local, NothingToUndo).pivot("p", Local);
    let shape = builder.retriable("r", Local).build().unwrap().shape().clone();
    let at = |millis| Timestamp::from_millis(millis);
    let state =
        next(State::new(shape.clone()), &Record::Started { deadline_us: Some(5_000), traceparent: None }, at(100))
            .unwrap();
    assert_eq!(state.deadline(), Some(at(105)));
    assert_eq!(next_move(&state, at(104)), Next::Run(vec![0]));
    assert_eq!(next_move(&state, at(105)), Next::BeginCompensation(CompensationCause::Deadline));
    let done =
        |state, step: &str| next(state, &Record::Done { step: step.into(), output: Value::NULL }, at(104)).unwrap();
    let state = done(done(state, "a"), "p");
    assert_eq!(shape.steps[2].phase, Phase::Retriable);
    assert_eq!(next_move(&state, at(1_000)), Next::Run(vec![2]));
}
