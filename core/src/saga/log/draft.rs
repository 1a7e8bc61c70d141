use std::time::Duration;

use bytes::Bytes;

use super::{Keep, SagaLog, Tail, keys::Tells};
use crate::{
    cut::cut,
    ports::{SagaAppend, Timestamp},
    saga::{CompensationCause, Next, Record, SagaOutcome, State, Status, next, next_move},
};

/// An entry that is to be written, and the state after it.
pub(super) struct Draft {
    pub(super) state: State,
    pub(super) append: SagaAppend,
    /// Steps whose keys it tells.
    pub(super) tells: Vec<usize>,
    /// The reason, where the saga becomes stuck with it.
    pub(super) stuck: Option<String>,
    /// A step's own transaction commits with it.
    pub(super) ends_a_step: bool,
    /// It says what became of something, rather than that it begins.
    pub(super) ends_something: bool,
}

impl SagaLog<'_> {
    /// Returns the entry to write, and the state after it; nothing if the state does not allow the record any more.
    pub(super) fn draft(&self, tail: &Tail, record: Option<Record>, keep: Keep) -> Option<Draft> {
        let now = self.resources.store_now();
        let mut state = State::clone(&self.state());
        let mut records: Vec<_> = tail.pending.iter().map(Record::encode).collect();
        let passes = tail.pending.iter().any(|record| matches!(record, Record::Migrated { .. }));
        // A saga that waits for long is tried again and again: its log must not grow with each attempt.
        // A summary of many steps stands for as many entries, or a wide saga would write little else.
        let entries_max = self.resources.config.log_entries_max.max(state.steps.len());
        let forgets = tail.length + 1 - tail.first >= entries_max as u64
            && state.status.stored().is_active()
            && !state.is_rejected()
            && !self.owes_entries();
        if forgets {
            let summary = Box::new(state.summary(&self.names()));
            records = vec![Record::Condensed { summary }.encode()];
        }
        let mut stuck = match &record {
            Some(Record::Stuck { reason }) => Some(reason.clone()),
            _ => None,
        };
        let ends_a_step =
            matches!(record, Some(Record::Done { .. } | Record::Received { .. } | Record::Compensated { .. }));
        let begins = matches!(
            record,
            None | Some(Record::Announced { .. } | Record::Attempting { .. } | Record::Waiting { .. })
        );
        let tells = match &record {
            // What an operator has settled may have made it known.
            Some(Record::Waiting { .. }) => Tells::All,
            // Another version may have other keys.
            _ if passes => Tells::All,
            Some(Record::Done { .. } | Record::Received { .. }) => Tells::New,
            // Who passed it to a version with keys may have known none.
            None if keep != Keep::Owned => Tells::All,
            _ => Tells::Nothing,
        };
        if let Some(record) = record {
            state = next(state, &record, now).ok()?;
            records.push(record.encode());
            // Nothing follows from the beginning of an attempt.
            while let Some(follows) = if begins { None } else { follows(&state, now) } {
                if let Record::Stuck { reason } = &follows {
                    stuck = Some(reason.clone());
                }
                records.push(follows.encode());
                state = next(state, &follows, now).ok()?;
            }
        }
        let status = state.status.stored();
        let (tells, keys) = self.keys(tells, &state).into_iter().unzip();
        let (lease, sleep) = match keep {
            _ if !status.is_active() => (Duration::ZERO, Duration::ZERO),
            Keep::Owned => (self.resources.config.lease, Duration::ZERO),
            Keep::Asleep(delay) => (Duration::ZERO, delay),
        };
        let append = SagaAppend {
            saga: self.saga,
            epoch: self.epoch,
            expected_length: tail.length,
            records,
            status,
            lease,
            sleep,
            definition: passes.then(|| self.shape.definition.clone()),
            forgets,
            keys,
            outcome: self.outcome(&state),
        };
        Some(Draft { state, append, tells, stuck, ends_a_step, ends_something: !begins })
    }

    /// Returns what is kept with the saga of the rest to which it comes.
    fn outcome(&self, state: &State) -> Option<Bytes> {
        let outcome = match state.status {
            Status::Completed => self.result.as_ref()?.outcome(state, &*self.resources.spawner),
            Status::Compensated => SagaOutcome::compensated(state),
            Status::Stuck(_) => SagaOutcome::Stuck { reason: state.stuck.clone()? },
            _ => return None,
        };
        outcome.encode()
    }
}

/// Returns what follows from a state without anything being done: the turn after a rejection, and the saga's end.
fn follows(state: &State, now: Timestamp) -> Option<Record> {
    let goes_on = match state.status {
        Status::Running => state.has_work(),
        Status::Compensating => state.last_to_undo().is_some(),
        _ => true,
    };
    if goes_on {
        return None;
    }
    match next_move(state, now) {
        Next::BeginCompensation(cause @ CompensationCause::Rejected) => Some(Record::CompensationBegun { cause }),
        Next::Complete => Some(Record::Completed),
        Next::FinishCompensation => Some(Record::RolledBack),
        Next::GiveUp(reason) => Some(Record::Stuck { reason: cut(reason) }),
        _ => None,
    }
}
