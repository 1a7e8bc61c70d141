//! The attempts of a step: forward by its action, backward by its compensation.

mod backward;
mod failed;
mod forward;
mod limit;
mod waiting;

use std::{
    pin::{Pin, pin},
    time::Duration,
};

use futures_util::future::{Either, select};
use smol_str::format_smolstr;

use self::limit::{Ended, Limits};
use super::{
    AttemptFailure, Record, RetryPolicy, SagaData, State, StepError,
    branch::{Beside, Branch},
    execution::Execution,
    log::{Halt, Keep, Written},
    next,
    record::micros,
};
use crate::{
    cut::cut,
    ids::Direction,
    ports::{Panicked, StoreError, Timestamp, caught, scoped},
};

/// Number of times in one attempt that a step's own statements may meet a conflict, or a store that fails them although
/// it keeps the log, before the attempt has failed. A race with others is over sooner, each time on a fresh snapshot.
const STUMBLES_MAX: u32 = 8;

/// The two parts of an attempt.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Somebody else is asked.
    Ask,
    /// Our own transaction.
    Apply,
}

/// A failed attempt, as it is to be logged.
struct FailedAttempt {
    attempt: u32,
    failure: AttemptFailure,
    error: String,
    panicked: bool,
    /// Failure of our own part, where whoever was asked has agreed.
    own: bool,
}

/// Error of a piece of a step's work.
struct Trouble {
    error: StepError,
    panicked: bool,
}

impl Trouble {
    /// A panic while somebody else was asked leaves open whether they did it; our own transaction is rolled back.
    fn of_panic(part: Part, panicked: &Panicked) -> Self {
        let text = format_smolstr!("{panicked}");
        let error = if part == Part::Ask { StepError::Unknown(text) } else { StepError::Unavailable(text) };
        Self { error, panicked: true }
    }
}

impl From<StepError> for Trouble {
    fn from(error: StepError) -> Self {
        Self { error, panicked: false }
    }
}

impl<D: SagaData> Execution<'_, D> {
    /// Runs what a step or its compensation does, which may be dropped before it is done: as by a lost reply, what it was
    /// about to do is in doubt then. Returns nothing if the saga turns meanwhile, or the process stops.
    async fn attempt<T>(
        &self,
        branch: Branch<'_>,
        part: Part,
        mut work: impl Future<Output = Result<T, StepError>> + Unpin,
    ) -> Option<Result<T, Trouble>> {
        let resources = &*self.log.resources;
        let spawner = &*resources.spawner;
        let time = self.policy(branch).attempt_limit;
        let work = pin!(caught(Some(spawner), Pin::new(&mut work)));
        let limits = Limits { time: Some(time), at_stop: resources.config.lease };
        Some(match self.within(branch, limits, scoped(Some(spawner), work)).await {
            Ended::Done(Ok(Ok(done))) => done.map_err(Trouble::from),
            Ended::Done(Ok(Err(panicked))) => Err(Trouble::of_panic(part, &panicked)),
            Ended::Done(Err(dropped)) => Err(StepError::Store(dropped.into()).into()),
            Ended::OverTime if part == Part::Ask => {
                Err(StepError::Unknown(format_smolstr!("there was no answer within {time:?}")).into())
            }
            Ended::OverTime => {
                Err(StepError::Unavailable(format_smolstr!("it was not done within {time:?}, and is rolled back"))
                    .into())
            }
            Ended::Dropped => return None,
        })
    }

    fn policy(&self, branch: Branch<'_>) -> &RetryPolicy {
        let shape = &self.definition.shape.steps[branch.index];
        match branch.direction {
            Direction::Action => &shape.retry,
            Direction::Compensation => &shape.compensation_retry,
        }
    }

    /// Returns `true` if an attempt that leaves no doubt is to be announced all the same: where an earlier one may have
    /// ended with its process, it is counted before it begins.
    fn is_suspect(&self, lost: u32) -> bool {
        lost > 0 || self.log.follows_a_crash()
    }

    /// Logs a failed attempt as a timer. A short one is waited for here; for a long one the saga is given up, if no
    /// sibling is under way.
    async fn retry(&self, branch: Branch<'_>, failed: FailedAttempt) -> Result<(), Halt> {
        let resources = &self.log.resources;
        let step = self.definition.shape.steps[branch.index].path.clone();
        let FailedAttempt { attempt, failure, error, panicked, own } = failed;
        if is_worth_a_word(attempt) {
            tracing::warn!(saga = %self.log.saga, %step, direction = ?branch.direction, attempt, %error, "the step keeps failing");
        }
        let delay = self.policy(branch).delay(attempt - 1, &*resources.random);
        let record = Record::Retry {
            step,
            direction: branch.direction,
            attempt,
            failure,
            delay_us: micros(delay),
            error: cut(error),
            panicked,
            own,
        };
        let now = resources.store_now();
        // As it will be after the record: the step's deadline counts from its first one.
        let turning_point =
            next(State::clone(&self.log.state()), &record, now).ok().and_then(|state| state.turning_point());
        let delay = turning_point.map_or(delay, |moment| delay.min(moment.since(now)));
        let is_long = delay > resources.config.wait_in_memory;
        let Some(beside) = branch.beside else {
            // A short wait is for `next_move` to find.
            let keep = if is_long { Keep::Asleep(delay) } else { Keep::Owned };
            let written = self.log.write(Some(record), keep).await?;
            let asleep = is_long && written == Written::Yes && self.log.state().status.stored().is_active();
            return if asleep { Err(Halt::Sleeping) } else { Ok(()) };
        };
        if self.log.write(Some(record), Keep::Owned).await? == Written::Yes {
            self.wait_beside(branch, beside, delay).await;
        }
        Ok(())
    }

    /// Waits for a step's timer where others work beside it. Returns `true` if it is due then.
    async fn comes_due(&self, branch: Branch<'_>, not_before: Timestamp) -> bool {
        let Some(beside) = branch.beside else { return false };
        self.wait_beside(branch, beside, not_before.since(self.log.resources.store_now())).await
    }

    /// Waits while others work; a long wait ends, too, once they have nothing more to do. Returns `true` if its time is
    /// over.
    async fn wait_beside(&self, branch: Branch<'_>, beside: &Beside, delay: Duration) -> bool {
        let limits = Limits { time: None, at_stop: Duration::ZERO };
        let sleep = self.log.resources.clock.sleep(delay);
        if delay <= self.log.resources.config.wait_in_memory {
            return matches!(self.within(branch, limits, sleep).await, Ended::Done(()));
        }
        beside.leave();
        let rest = pin!(beside.rest());
        let work = async { matches!(select(sleep, rest).await, Either::Left(_)) };
        let ended = self.within(branch, limits, work).await;
        beside.go_on();
        matches!(ended, Ended::Done(true))
    }
}

/// Returns `true` for the failures of a step that an operator is told of: one that fails for long is said again and
/// again, ever more rarely.
fn is_worth_a_word(attempt: u32) -> bool {
    attempt >= 8 && attempt.is_power_of_two()
}

/// An error of a call outside any transaction: a store that is asked there is one more participant.
fn outside(error: StepError) -> StepError {
    match error {
        StepError::Store(StoreError::Unknown(error)) => StepError::Unknown(error),
        StepError::Store(error) => StepError::Unavailable(format_smolstr!("{error}")),
        other => other,
    }
}
