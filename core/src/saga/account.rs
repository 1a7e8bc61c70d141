//! A saga's log, read without the saga's definition: for operators and their tools.

use std::{collections::VecDeque, fmt, time::Duration};

use smol_str::SmolStr;
use tracing::Instrument;

use super::{
    ActionState, Attempts, CompensationState, Record, RecordError, SagaError, SagaRequest, Summary, ask::read,
};
use crate::{
    ids::{Direction, SagaId},
    ports::{LogEntry, SagaInstance, SagaStatus, Store, StoreError, Timestamp},
};

/// A saga as its log tells it, as far as this release can read it. Nobody needs the definition for it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Account {
    /// The saga as stored.
    pub saga: SagaInstance,
    /// Entries of its log; none once that is purged.
    pub entries: Vec<AccountEntry>,
    /// Subject of the saga's wait.
    pub waits_for: WaitsFor,
    /// Requests of operators without an answer, the oldest first.
    pub requests: Vec<SagaRequest>,
}

/// One entry of a saga's log, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccountEntry {
    /// Number of the entry.
    pub sequence: u64,
    /// The epoch of its writer.
    pub epoch: u64,
    /// Time at which it was written, by the store's clock.
    pub at: Timestamp,
    /// The record, or why this release can't read it.
    pub record: Result<Record, RecordError>,
}

/// Subject of a saga's wait, as its log tells.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WaitsFor {
    /// Nothing: it has ended.
    Nothing,
    /// An operator: it is stuck.
    Operator {
        /// Reason why only an operator can help.
        reason: SmolStr,
        /// Step that failed last, if there is one.
        step: Option<SmolStr>,
        /// Time at which it became stuck.
        since: Timestamp,
    },
    /// The answer to an operator's request, from whoever knows its definition.
    Answer {
        /// The oldest request without an answer.
        request: SagaRequest,
        /// Time at which it was asked for.
        since: Timestamp,
    },
    /// A process that knows its version: one that does not has left it.
    Release {
        /// The newest version that the process knew.
        newest: u32,
        /// Time at which it was left.
        since: Timestamp,
    },
    /// The time of a step's next attempt.
    Retry {
        /// Path of the step.
        step: SmolStr,
        /// Direction of the attempt.
        direction: Direction,
        /// The attempt that failed.
        attempt: u32,
        /// Error of that attempt.
        error: SmolStr,
        /// Time of the next one.
        until: Timestamp,
    },
    /// The end of a step's attempt, of which nothing is known yet.
    Attempt {
        /// Path of the step.
        step: SmolStr,
        /// Number of the attempt.
        attempt: u32,
        /// Time at which it began.
        since: Timestamp,
    },
    /// A signal or a message, or a moment.
    Signal {
        /// Path of the step that waits.
        step: SmolStr,
        /// Name of the signal; `None` for a moment.
        signal: Option<SmolStr>,
        /// Time at which the saga came to the step.
        since: Timestamp,
        /// End of the wait, if it has one.
        until: Option<Timestamp>,
    },
    /// A process: it goes on by itself.
    Process {
        /// Time at which it came to where it is.
        since: Timestamp,
    },
}

impl WaitsFor {
    /// Returns the step that it is about, if it is about one.
    pub fn step(&self) -> Option<&SmolStr> {
        match self {
            Self::Operator { step, .. } => step.as_ref(),
            Self::Retry { step, .. } | Self::Attempt { step, .. } | Self::Signal { step, .. } => Some(step),
            _ => None,
        }
    }
}

impl fmt::Display for WaitsFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing"),
            Self::Operator { reason, .. } => write!(f, "an operator: {reason}"),
            Self::Answer { request, .. } => write!(f, "an answer to: {request}"),
            Self::Release { newest, .. } => write!(f, "a release that knows its version: others know up to {newest}"),
            Self::Retry { step, direction: Direction::Action, attempt, error, .. } => {
                write!(f, "attempt {} of step `{step}`: {error}", attempt + 1)
            }
            Self::Retry { step, direction: Direction::Compensation, attempt, error, .. } => {
                write!(f, "attempt {} of the compensation of step `{step}`: {error}", attempt + 1)
            }
            Self::Attempt { step, attempt, .. } => write!(f, "the end of attempt {attempt} of step `{step}`"),
            Self::Signal { step, signal: Some(signal), .. } => write!(f, "`{signal}`, at step `{step}`"),
            Self::Signal { step, .. } => write!(f, "its moment, at step `{step}`"),
            Self::Process { .. } => f.write_str("a process"),
        }
    }
}

/// Reads a saga's log and says what the saga waits for.
///
/// ```
/// use seaworthy_core::{ids::SagaId, ports::Store, saga::{self, SagaError}};
///
/// async fn why(store: &dyn Store, stuck: SagaId) -> Result<String, SagaError> {
///     Ok(saga::account(store, stuck).await?.waits_for.to_string())
/// }
/// ```
///
/// # Errors
/// [`SagaError::NotFound`], [`SagaError::Store`].
pub async fn account(store: &dyn Store, saga: SagaId) -> Result<Account, SagaError> {
    let work = async {
        let instance = store.saga(saga).await?.ok_or(SagaError::NotFound(saga))?;
        Ok(account_of(store, instance).await?)
    };
    work.instrument(tracing::debug_span!("saga.account", %saga)).await
}

/// Reads the log of a saga that was [listed](crate::ports::SagaStore::sagas), as [`account`] does.
///
/// # Errors
/// Any [`StoreError`].
pub async fn account_of(store: &dyn Store, saga: SagaInstance) -> Result<Account, StoreError> {
    let log = read(store, &saga).await?;
    let mut reading = Reading::default();
    let mut entries = Vec::with_capacity(log.len());
    for (entry, record) in log {
        let LogEntry { sequence, epoch, at, .. } = entry;
        if let Ok(record) = &record {
            reading.take(record, at);
        }
        entries.push(AccountEntry { sequence, epoch, at, record });
    }
    let (waits_for, requests) = reading.end(&saga);
    Ok(Account { saga, entries, waits_for, requests })
}

/// Knowledge of a saga up to an entry of its log.
#[derive(Default)]
struct Reading {
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

impl Reading {
    fn take(&mut self, record: &Record, at: Timestamp) {
        self.newest = self.newest.max(at);
        match record {
            Record::Requested(request) => return self.requests.push_back((request.clone(), at)),
            Record::Granted | Record::Declined { .. } => return drop(self.requests.pop_front()),
            // Another signal than the one that it waits for is kept for later.
            Record::Signalled { name, .. } if self.waits_for_other_than(name) => return,
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
            Record::Waiting { step, signal, limit_us, until } => {
                self.waits_for_a_date = limit_us.is_none();
                let until = limit_us.map(|micros| at + Duration::from_micros(micros)).or(*until);
                Some(WaitsFor::Signal { step: step.clone(), signal: signal.clone(), since: at, until })
            }
            Record::Condensed { summary } => self.condensed(summary),
            _ => None,
        };
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
                let (step, signal) = (step.path.clone(), step.awaits.clone());
                let since = attempts.since.unwrap_or(self.since);
                // What else the saga does meanwhile tells more.
                self.waits_for_a_date = waiting.is_asked_for;
                waits_for.get_or_insert(WaitsFor::Signal { step, signal, since, until: waiting.until });
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

    fn end(self, saga: &SagaInstance) -> (WaitsFor, Vec<SagaRequest>) {
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
