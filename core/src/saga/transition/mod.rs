mod place;
mod verbs;

use std::{sync::Arc, time::Duration};

use smol_str::SmolStr;

use self::{
    place::{backward_step, forward_step, require},
    verbs::{resume, settle, skip},
};
use super::{
    ActionState, AttemptFailure, Awaits, CompensationCause, CompensationState, Origin, Phase, Record, Signal, State,
    Status, Waiting, attempts::FailedAttempt,
};
use crate::{ids::Direction, ports::Timestamp};

/// A record that a saga's state does not allow: a damaged log, or a definition that is not the one that wrote it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{record}` is not allowed while {status:?}{}: {reason}", step.as_ref().map(|step| format!(" at step `{step}`")).unwrap_or_default())]
pub struct IllegalTransition {
    /// Status of the saga.
    pub status: Status,
    /// The record's name.
    pub record: &'static str,
    /// The step that it is about.
    pub step: Option<SmolStr>,
    /// Reason why it is not allowed.
    pub reason: &'static str,
}

/// The life cycle of a saga: what `record`, written at `at` by the store's clock, makes of `state`.
///
/// Everything that a saga ever does goes through here: its executor asks before it writes, recovery folds the stored
/// log, and an operator's verb is a record like any other.
///
/// # Errors
/// [`IllegalTransition`] if the state does not allow the record.
pub fn next(mut state: State, record: &Record, at: Timestamp) -> Result<State, IllegalTransition> {
    match advance(&mut state, record, at) {
        Ok(()) => Ok(state),
        Err(reason) => {
            Err(IllegalTransition { status: state.status, record: record.name(), step: record.step().cloned(), reason })
        }
    }
}

fn advance(state: &mut State, record: &Record, at: Timestamp) -> Result<(), &'static str> {
    if state.status.is_terminal() {
        return Err("a saga that has ended never changes");
    }
    // A summary stands for all that came before it, in a log of which nothing else is left, too.
    let may_begin = matches!(record, Record::Started { .. } | Record::Condensed { .. });
    if state.status == Status::New && !may_begin {
        return Err("`started` is the first record");
    }
    if state.status != Status::New && matches!(record, Record::Started { .. }) {
        return Err("`started` is the first record, and only the first");
    }
    match record {
        Record::Started { deadline_us, traceparent } => {
            state.status = Status::Running;
            state.traceparent.clone_from(traceparent);
            state.deadline = deadline_us.map(|micros| at + Duration::from_micros(micros));
        }
        Record::Caused { message, traceparent } => {
            require(state.origin.is_none(), "a saga is started for one message")?;
            state.traceparent.clone_from(traceparent);
            state.origin = Some(Arc::new(Origin { message: *message, traceparent: traceparent.clone() }));
        }
        Record::Attempting { step, attempt } => {
            let index = forward_step(state, step)?;
            require(state.shape.steps[index].remote, "a local step is not announced")?;
            require(!state.is_rejected(), "no attempt begins once a step was rejected")?;
            let mut step = state.edit(index);
            require(*attempt == step.forward.last + 1, "attempts are counted without a gap")?;
            step.unknown |= step.asking;
            step.asking = true;
            step.forward.lost += 1;
            step.forward.begin(*attempt, at);
        }
        Record::Announced { step, direction, attempt } => {
            let mut step = match direction {
                Direction::Action => {
                    let index = forward_step(state, step)?;
                    require(!state.shape.steps[index].remote, "a remote step is announced as such")?;
                    require(!state.is_rejected(), "no attempt begins once a step was rejected")?;
                    state.edit(index)
                }
                Direction::Compensation => backward_step(state, step)?,
            };
            let attempts = match direction {
                Direction::Action => &mut step.forward,
                Direction::Compensation => &mut step.backward,
            };
            require(*attempt == attempts.last + 1, "attempts are counted without a gap")?;
            attempts.lost += 1;
            attempts.begin(*attempt, at);
        }
        Record::Done { step, output } => {
            let index = forward_step(state, step)?;
            let remote = state.shape.steps[index].remote;
            let mut step = state.edit(index);
            require(!remote || step.asking, "a remote step is announced before it is done")?;
            step.action = ActionState::Done;
            step.asking = false;
            step.unknown = false;
            step.output = output.clone();
        }
        Record::Waiting { step, limit_us, until, key, .. } => {
            let index = forward_step(state, step)?;
            require(state.shape.steps[index].awaits.is_some(), "the step waits for nothing")?;
            let mut step = state.edit(index);
            require(step.waiting.is_none(), "it waits already")?;
            let limit = limit_us.map(|micros| at + Duration::from_micros(micros));
            step.waiting = Some(Waiting { until: limit.or(*until), is_asked_for: limit.is_none() && until.is_some() });
            step.key.clone_from(key);
            step.forward.since.get_or_insert(at);
        }
        Record::Signalled { name, id, key, payload } => {
            let (name, id, key, payload) = (name.clone(), id.clone(), key.clone(), payload.clone());
            state.keep(&Signal { name, id, key, payload });
        }
        Record::Received { step, signal, output } => {
            let index = forward_step(state, step)?;
            let awaited = state.shape.steps[index].awaits.as_ref().and_then(Awaits::signal);
            awaited.and_then(|name| state.signals.take(name, signal)).ok_or("there is no such signal")?;
            let mut step = state.edit(index);
            step.action = ActionState::Done;
            step.signal = Some(signal.clone());
            step.output = output.clone();
        }
        Record::Skipped { step } => {
            let index = forward_step(state, step)?;
            let mut step = state.edit(index);
            require(
                step.forward.last == 0,
                "a step that was attempted can't turn out not to apply: only an operator can skip it",
            )?;
            step.action = ActionState::Skipped;
        }
        Record::Rejected { step, maybe_executed, reason } => {
            let index = forward_step(state, step)?;
            let phase = state.shape.steps[index].phase;
            require(phase != Phase::Retriable, "a retriable step is tried again until it is done")?;
            require(
                phase == Phase::Compensatable || !maybe_executed,
                "a pivot that may have happened can't be taken as rejected",
            )?;
            let mut step = state.edit(index);
            step.action = ActionState::Rejected;
            step.unknown |= maybe_executed;
            step.asking = false;
            step.error = Some(reason.into());
        }
        Record::Retry { step, direction, attempt, failure, delay_us, error, panicked, own } => {
            let failed = FailedAttempt { attempt: *attempt, failure: *failure, panicked: *panicked, own: *own };
            let not_before = at + Duration::from_micros(*delay_us);
            match direction {
                Direction::Action => {
                    let index = forward_step(state, step)?;
                    let remote = state.shape.steps[index].remote;
                    let mut step = state.edit(index);
                    if remote {
                        require(step.asking && *attempt == step.forward.last, "a timer belongs to the last attempt")?;
                    } else {
                        step.forward.require_next_or_announced(*attempt)?;
                    }
                    step.asking = false;
                    step.unknown |= *failure == AttemptFailure::Unknown;
                    step.error = Some(error.into());
                    step.forward.fail(failed, at, not_before);
                }
                Direction::Compensation => {
                    let mut step = backward_step(state, step)?;
                    step.backward.require_next_or_announced(*attempt)?;
                    step.error = Some(error.into());
                    step.backward.fail(failed, at, not_before);
                }
            }
        }
        Record::CompensationBegun { cause } => {
            require(
                matches!(state.status, Status::Running | Status::Stuck(Direction::Action)),
                "only a saga that goes forward can turn back",
            )?;
            require(!state.is_past_return(), "the pivot has committed, or may have")?;
            require(*cause != CompensationCause::Rejected || state.is_rejected(), "no step was rejected")?;
            state.status = Status::Compensating;
            state.cause = Some(*cause);
            state.stuck = None;
        }
        Record::Compensated { step, maybe_executed } => {
            let mut step = backward_step(state, step)?;
            require(*maybe_executed == step.is_doubtful(), "a step is undone in doubt exactly if it is in doubt")?;
            step.compensation = CompensationState::Compensated;
        }
        Record::CompensationExhausted { step, error } => {
            let mut step = backward_step(state, step)?;
            step.error = Some(error.into());
            step.compensation = CompensationState::Exhausted;
        }
        Record::Completed => {
            require(state.status == Status::Running, "only a saga that goes forward can complete")?;
            require(state.first_open().is_none(), "a step is not settled")?;
            state.status = Status::Completed;
        }
        Record::RolledBack => {
            require(state.status == Status::Compensating, "only a saga that goes back can be rolled back")?;
            let undone = (0..state.steps.len()).all(|index| {
                !state.needs_compensation(index)
                    || matches!(
                        state.steps[index].compensation,
                        CompensationState::Compensated | CompensationState::Skipped
                    )
            });
            require(undone, "a step is not undone")?;
            state.status = Status::Compensated;
        }
        Record::Stuck { reason } => {
            state.status = match state.status {
                Status::Compensating => Status::Stuck(Direction::Compensation),
                Status::Stuck(_) => return Err("it is stuck already"),
                _ => Status::Stuck(Direction::Action),
            };
            state.stuck = Some(reason.into());
        }
        Record::Resumed => resume(state)?,
        Record::SkippedByOperator { step, .. } => skip(state, step)?,
        Record::Hastened => {
            require(matches!(state.status, Status::Running | Status::Compensating), "it is not under way")?;
            for index in 0..state.steps.len() {
                let mut step = state.edit(index);
                (step.forward.not_before, step.backward.not_before) = (None, None);
            }
        }
        Record::Settled { step, done, output, .. } => settle(state, step, done.then_some(output))?,
        // Notes for those who do not know the version: they change nothing for those who do.
        Record::LeftToNewer { .. } | Record::TakenUp => {
            let moves = matches!(state.status, Status::Running | Status::Compensating) || !state.requests.is_empty();
            require(moves, "the saga is stuck")?;
        }
        // Which version it runs now is the store's to know; what the names were, the reader's; but for keys of steps that wait.
        Record::Migrated { keys, .. } => {
            for (path, key) in keys {
                let index = state.shape.index_of(path).ok_or("there is no such step")?;
                state.edit(index).key = Some(key.clone());
            }
        }
        // It concerns what stands before it, and is the reader's, too.
        Record::ClockSetBack { .. } => {}
        Record::Condensed { summary } => *state = State::of_summary(state.shape.clone(), summary)?,
        Record::Abandoned { .. } => state.status = Status::Abandoned,
        Record::Requested(request) => state.requests.push(request.clone()),
        Record::Granted | Record::Declined { .. } => {
            require(!state.requests.is_empty(), "no request waits for an answer")?;
            state.requests.remove(0);
        }
    }
    Ok(())
}
