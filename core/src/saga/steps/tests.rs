use std::sync::Arc;

use super::Sum;
use crate::{
    ports::Timestamp,
    saga::{
        Action, ActionState, CompensationState, NothingToUndo, Record, SagaBuilder, Shape, State, Status, Value, next,
        work,
    },
};

struct Remote;
impl Action<()> for Remote {
    fn is_remote(&self) -> bool {
        true
    }
}

const NOW: Timestamp = Timestamp::from_millis(1_000);

/// A group of so many steps, and one after it.
fn wide(steps: usize) -> Arc<Shape> {
    let names: Vec<String> = (0..steps).map(|step| format!("step-{step}")).collect();
    let definition = SagaBuilder::new("wide", 1)
        .parallel(|group| names.iter().fold(group, |group, name| group.compensatable(name, Remote, NothingToUndo)))
        .retriable("last", Remote)
        .build();
    definition.unwrap().shape().clone()
}

/// Does what an executor does for each step of a group, beside all others: it looks whether the step may run, logs that it
/// asks, and that it is done, and asks after each entry what follows.
fn carry_out(shape: &Arc<Shape>) -> State {
    let mut state =
        next(State::new(shape.clone()), &Record::Started { deadline_us: None, traceparent: None }, NOW).unwrap();
    let mut write = |record: &dyn Fn(usize) -> Record| {
        for index in shape.group_of(0) {
            assert!(state.may_run(index) && !state.is_rejected() && state.turning_point().is_none());
            let was = state.clone();
            state = next(state.clone(), &record(index), NOW).unwrap();
            assert!(!state.concerns_siblings(&was) && state.has_work());
        }
    };
    let path = |index: usize| shape.steps[index].path.clone();
    write(&|index| Record::Attempting { step: path(index), attempt: 1 });
    write(&|index| Record::Done { step: path(index), output: Value::NULL });
    state
}

/// Undoes what a group has done, from its end.
fn undo(mut state: State) {
    let shape = state.shape().clone();
    let cancel = Record::CompensationBegun { cause: crate::saga::CompensationCause::Cancelled };
    state = next(state, &cancel, NOW).unwrap();
    for index in shape.group_of(0).rev() {
        assert!(state.may_compensate(index) && state.last_to_undo().is_some());
        let record = Record::Compensated { step: shape.steps[index].path.clone(), maybe_executed: false };
        state = next(state.clone(), &record, NOW).unwrap();
    }
    assert_eq!(state.last_to_undo(), None);
}

#[test]
fn a_step_of_a_wide_group_costs_little_more_than_one_of_a_narrow_group() {
    let cost = |steps: usize| {
        let shape = wide(steps);
        work::of(|| undo(carry_out(&shape))) / steps
    };
    let (narrow, wide) = (cost(100), cost(10_000));
    // The tree has two levels more: with copies and scans of all steps it would be a hundred times as much.
    assert!(wide < 3 * narrow, "a step of 100 costs {narrow} looks and copies, a step of 10,000 {wide}");
}

#[test]
fn what_is_known_of_steps_is_what_a_look_at_each_of_them_tells() {
    // Around the width of a leaf, of a node, and of a tree of three levels.
    for count in [1, 2, 15, 16, 17, 255, 256, 257, 300] {
        let shape = wide(count);
        let mut state = State::new(shape.clone());
        state.status = Status::Running;
        let mut dice = 0x9e37_79b9_7f4a_7c15_u64 ^ count as u64;
        let mut roll = |below: usize| {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            (dice % below as u64) as usize
        };
        for _ in 0..200 {
            let before = state.clone();
            let text = format!("{before:?}");
            let index = roll(count + 1);
            {
                let mut step = state.edit(index);
                step.action =
                    [ActionState::Pending, ActionState::Done, ActionState::Skipped, ActionState::Rejected][roll(4)];
                step.compensation = [CompensationState::Pending, CompensationState::Compensated][roll(2)];
                step.unknown = roll(2) == 0;
                step.forward.lost = [0, 1_000][roll(2)];
                step.forward.not_before = (roll(2) == 0).then_some(NOW);
            }
            assert_eq!(format!("{before:?}"), text, "the version before is changed with step {index} of {count}");
            let looked = |range: std::ops::Range<usize>| {
                let pairs = range.map(|index| Sum::from_step(&state.steps[index], &shape.steps[index]));
                pairs.fold(Sum::default(), Sum::and)
            };
            let all = 0..state.steps.len();
            assert_eq!(state.steps.sum(), looked(all.clone()));
            let (from, to) = (roll(count + 1), roll(count + 2));
            assert_eq!(
                state.steps.sum_of(from..to.max(from), &shape.steps),
                looked(from..to.max(from)),
                "{from}..{to}"
            );
            assert_eq!(state.first_open(), all.clone().find(|index| !state.steps[*index].is_settled()));
            let to_undo = |index: &usize| {
                state.needs_compensation(*index) && state.steps[*index].compensation == CompensationState::Pending
            };
            assert_eq!(state.last_to_undo(), all.clone().rev().find(to_undo));
            assert_eq!(state.steps.iter().count(), count + 1);
            assert!(state.steps.get(count + 1).is_none() && !state.steps.is_empty());
        }
    }
}

#[test]
fn a_step_is_found_by_its_path_however_many_there_are() {
    for count in [1, 15, 16, 17, 1_000] {
        let shape = wide(count);
        for (index, step) in shape.steps.iter().enumerate() {
            assert_eq!(shape.index_of(&step.path), Some(index));
        }
        assert_eq!(shape.index_of("another"), None);
        assert_eq!(shape.group_of(0), 0..count);
        assert_eq!(shape.group_of(count), count..count + 1);
    }
}
