//! Random definitions with random outcomes, carried out by `next_move` and the life cycle alone: what is undone is what
//! was done or is in doubt, in the reverse order, and never past the pivot. And the log tells the same as the memory.

use std::sync::Arc;

use proptest::prelude::*;
use seaworthy_core::{
    ids::Direction,
    ports::Timestamp,
    saga::{
        Action, AttemptFailure, Compensation, CompensationCause, Definition, DefinitionPolicy, Next, NothingToUndo,
        Phase, Record, Shape, State, Status, StepSpec, Value, next, next_move,
    },
};

struct Step {
    remote: bool,
}

impl Action<()> for Step {
    fn is_remote(&self) -> bool {
        self.remote
    }
}

#[derive(Clone, Copy, Debug)]
enum Outcome {
    Done,
    Rejected,
    Transient,
    Unknown,
    Skipped,
    /// The process dies after it has announced the attempt.
    Crash,
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        8 => Just(Outcome::Done),
        2 => Just(Outcome::Rejected),
        2 => Just(Outcome::Transient),
        2 => Just(Outcome::Unknown),
        1 => Just(Outcome::Skipped),
        1 => Just(Outcome::Crash),
    ]
}

prop_compose! {
    /// Up to four compensatable steps, perhaps a pivot, up to two retriable ones; some remote, some side by side.
    fn shapes()(
        before in prop::collection::vec((any::<bool>(), 0..3_u32), 0..5),
        pivot in prop::option::of(any::<bool>()),
        after in prop::collection::vec((any::<bool>(), 3..5_u32), 0..3),
    ) -> Option<Arc<Shape>> {
        let spec = |phase, remote, parallel| StepSpec::<()> {
            name: "".into(),
            phase,
            parallel,
            action: Arc::new(Step { remote }),
            compensation: (phase == Phase::Compensatable).then(|| Arc::new(NothingToUndo) as Arc<dyn Compensation<()>>),
            retry: None,
            compensation_retry: None,
            deadline: None,
        };
        let before = before.into_iter().map(|(remote, group)| spec(Phase::Compensatable, remote, Some(group)));
        let pivot = pivot.into_iter().map(|remote| spec(Phase::Pivot, remote, None));
        let after = after.into_iter().map(|(remote, group)| spec(Phase::Retriable, remote, Some(group)));
        let mut steps: Vec<_> = before.chain(pivot).chain(after).collect();
        for (index, step) in steps.iter_mut().enumerate() {
            step.name = format!("s{index}").into();
        }
        let definition = Definition::from_specs("s", 1, DefinitionPolicy::default(), steps).ok();
        definition.map(|definition| definition.shape().clone())
    }
}

/// Carries a saga out to its end and returns its log. `cancel_at`: an operator cancels before that round, if it is
/// allowed then.
fn carry_out(
    shape: &Arc<Shape>,
    mut outcomes: impl Iterator<Item = Outcome>,
    cancel_at: usize,
) -> (State, Vec<Record>) {
    let mut log = Vec::new();
    let mut state = State::new(shape.clone());
    let mut write = |state: State, record: Record| {
        let after = next(state, &record, Timestamp::EPOCH).expect("what is planned is allowed");
        log.push(record);
        after
    };
    state = write(state, Record::Started { deadline_us: None, traceparent: None });
    for round in 0.. {
        if round == cancel_at && state.status() == Status::Running && !state.is_past_return() {
            state = write(state, Record::CompensationBegun { cause: CompensationCause::Cancelled });
        }
        match next_move(&state, Timestamp::MAX) {
            Next::Run(steps) => {
                for index in steps {
                    // What the executor does: no attempt begins once a sibling was rejected.
                    if state.is_rejected() {
                        break;
                    }
                    for record in attempt(&state, index, outcomes.next().unwrap_or(Outcome::Done)) {
                        state = write(state, record);
                    }
                }
            }
            Next::Compensate(steps) => {
                for index in steps {
                    let step = shape.steps[index].path.clone();
                    let failed = matches!(outcomes.next(), Some(Outcome::Transient | Outcome::Unknown));
                    let record = if failed {
                        let attempt = state.steps()[index].backward.last + 1;
                        retry(step, Direction::Compensation, attempt, AttemptFailure::Transient)
                    } else {
                        Record::Compensated { step, maybe_executed: state.steps()[index].is_doubtful() }
                    };
                    state = write(state, record);
                }
            }
            Next::BeginCompensation(cause) => state = write(state, Record::CompensationBegun { cause }),
            Next::Complete => state = write(state, Record::Completed),
            Next::FinishCompensation => state = write(state, Record::RolledBack),
            Next::Wait(_) | Next::GiveUp(_) | Next::Idle => break,
            other => panic!("a move that this test does not know: {other:?}"),
        }
    }
    (state, log)
}

fn attempt(state: &State, index: usize, outcome: Outcome) -> Vec<Record> {
    let (shape, step) = (&state.shape().steps[index], &state.steps()[index]);
    let (path, attempt) = (|| shape.path.clone(), step.forward.last + 1);
    let mut records = Vec::new();
    if matches!(outcome, Outcome::Skipped) && step.forward.last == 0 {
        return vec![Record::Skipped { step: path() }];
    }
    if shape.remote {
        records.push(Record::Attempting { step: path(), attempt });
    }
    match outcome {
        Outcome::Done | Outcome::Skipped => records.push(Record::Done { step: path(), output: Value::NULL }),
        Outcome::Rejected if shape.phase != Phase::Retriable => {
            records.push(Record::Rejected { step: path(), reason: String::new(), maybe_executed: false });
        }
        Outcome::Rejected | Outcome::Transient => {
            records.push(retry(path(), Direction::Action, attempt, AttemptFailure::Transient));
        }
        Outcome::Unknown => records.push(retry(path(), Direction::Action, attempt, AttemptFailure::Unknown)),
        Outcome::Crash => {}
    }
    records
}

/// Whether a step has or may have effects, read off the log by hand: it is done, or an attempt was announced whose end
/// nobody knows.
fn may_have_happened(log: &[Record], path: &str) -> bool {
    let (mut announced, mut unknown) = (false, false);
    for record in log.iter().filter(|record| record.step().is_some_and(|step| step == path)) {
        match record {
            Record::Done { .. } => return true,
            Record::Attempting { .. } => {
                unknown |= announced;
                announced = true;
            }
            Record::Retry { direction: Direction::Action, failure, .. } => {
                unknown |= *failure == AttemptFailure::Unknown;
                announced = false;
            }
            Record::Rejected { .. } => announced = false,
            _ => {}
        }
    }
    announced || unknown
}

fn retry(step: smol_str::SmolStr, direction: Direction, attempt: u32, failure: AttemptFailure) -> Record {
    Record::Retry { step, direction, attempt, failure, delay_us: 0, error: String::new(), panicked: false, own: false }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn seed_50_what_was_done_or_is_in_doubt_is_undone_once_in_reverse_order_and_nothing_else(
        shape in shapes(),
        outcomes in prop::collection::vec(outcome(), 0..24),
        cancel_at in 0..12_usize,
    ) {
        let Some(shape) = shape else { return Ok(()) };
        let (state, log) = carry_out(&shape, outcomes.into_iter(), cancel_at);
        prop_assert!(matches!(state.status(), Status::Completed | Status::Compensated), "{:?}", log);
        let undone = || log.iter().filter_map(|record| match record {
            Record::Compensated { step, .. } => shape.index_of(step),
            _ => None,
        });
        // In reverse order of the groups.
        let groups: Vec<_> = undone().map(|index| shape.steps[index].group).collect();
        prop_assert!(groups.is_sorted_by(|earlier, later| earlier >= later), "{:?}", log);
        // Exactly what has or may have effects, each once.
        let mut found: Vec<_> = undone().collect();
        found.sort_unstable();
        let turned = log.iter().position(|record| matches!(record, Record::CompensationBegun { .. }));
        let wanted: Vec<_> = (0..shape.steps.len())
            .filter(|index| shape.steps[*index].phase == Phase::Compensatable)
            .filter(|index| turned.is_some() && may_have_happened(&log, &shape.steps[*index].path))
            .collect();
        prop_assert_eq!(found, wanted);
        // Never past the pivot, nor past one that is in doubt; where there is none, past no retriable step.
        let past = |index: &usize| match shape.pivot() {
            Some(pivot) => *index == pivot,
            None => shape.steps[*index].phase == Phase::Retriable,
        };
        for index in (0..shape.steps.len()).filter(past) {
            let path = &shape.steps[index].path;
            let rejected = log.iter().any(|record| matches!(record, Record::Rejected { step, .. } if step == path));
            let passed = turned.is_some_and(|turned| may_have_happened(&log[..turned], path));
            prop_assert!(rejected || !passed, "{:?}", log);
        }
    }

    #[test]
    fn a_stored_log_folds_to_the_state_in_memory(
        shape in shapes(),
        outcomes in prop::collection::vec(outcome(), 0..24),
        cancel_at in 0..12_usize,
    ) {
        let Some(shape) = shape else { return Ok(()) };
        let (state, log) = carry_out(&shape, outcomes.into_iter(), cancel_at);
        let stored: Vec<_> = log.iter().map(Record::encode).collect();
        let folded = stored.iter().try_fold(State::new(shape), |state, record| {
            next(state, &Record::decode(record).expect("it was just encoded"), Timestamp::EPOCH)
        });
        prop_assert_eq!(folded.expect("it was written so"), state);
    }
}
