//! Verbs of an operator who does not have the definitions: requests that a tool writes into a saga's log.

use std::{collections::VecDeque, time::Duration};

use tracing::Instrument;

use super::{
    Record, RecordError, SagaError, SagaRequest, Verb,
    append::{TRIES, append},
};
use crate::{
    ids::SagaId,
    ports::{LogEntry, SagaAppend, SagaInstance, SagaListRequest, SagaStatus, Store, StoreError},
};

/// Number of log entries, and of sagas, that are read at once.
const PAGE: usize = 100;

/// Result of asking for a verb.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Asked {
    /// The request is in the saga's log now, and recovery takes the saga up; a saga that was to be abandoned is.
    Written,
    /// The same request is there already and waits for its answer.
    Waits,
    /// The saga is where the verb leads.
    Needless,
}

/// Asks for a verb of an operator: for tools that do not know the saga's definition. The request goes into the saga's log,
/// with the reason and whoever asks, and the saga becomes anybody's at once, also where it was stuck or slept. The first
/// process with its definition that takes it up answers: what is granted is done in that moment, and what is declined
/// changes nothing but leaves the reason in the log.
///
/// [`Verb::Abandon`] needs nobody's answer and is done when this returns. Whoever has the definitions calls the verbs of
/// an [`Orchestrator`](super::Orchestrator) and hears at once what is not allowed.
///
/// ```
/// use seaworthy_core::{ids::SagaId, ports::Store, saga::{self, Asked, SagaRequest, SagaError, Verb}};
///
/// /// The carrier was asked by phone.
/// async fn booked_by_phone(store: &dyn Store, stuck: SagaId) -> Result<Asked, SagaError> {
///     let request = SagaRequest::new(Verb::Skip { step: "carrier".into() }, "ops").because("booked by phone");
///     saga::ask(store, stuck, &request).await
/// }
/// ```
///
/// # Errors
/// [`SagaError::NotFound`]; [`SagaError::NotAllowed`] and [`SagaError::AfterPivot`] if it has ended otherwise;
/// [`SagaError::Contended`] if it kept moving; [`SagaError::Store`]. To ask again is right in any case.
///
/// # Cancellation
/// A call that is dropped before its commit has asked for nothing. It has no limit of time of its own: whoever has one drops it, and asks
/// again.
///
/// ```
/// use std::{pin::pin, time::Duration};
/// use futures_util::future::{Either, select};
/// use seaworthy_core::{ids::SagaId, ports::{Clock, Store}, saga::{self, Asked, SagaError, SagaRequest, Verb}};
///
/// /// Asks for as long as an operator waits for an answer of the store.
/// async fn resume(store: &dyn Store, clock: &dyn Clock, stuck: SagaId) -> Option<Result<Asked, SagaError>> {
///     let request = SagaRequest::new(Verb::Resume, "ops");
///     let asked = pin!(saga::ask(store, stuck, &request));
///     match select(asked, clock.limit(Duration::from_secs(10))).await {
///         Either::Left((asked, _)) => Some(asked),
///         Either::Right(_) => None,
///     }
/// }
/// ```
pub async fn ask(store: &dyn Store, saga: SagaId, request: &SagaRequest) -> Result<Asked, SagaError> {
    let span = tracing::info_span!("saga.ask", %saga, verb = request.verb.name());
    let work = async {
        for _ in 0..TRIES {
            let (instance, log) = match look(store, saga, request).await? {
                Look::Known(answer) => return Ok(answer),
                Look::Open(instance, log) => (instance, log),
            };
            if append(store, &entries(&instance, &log, request)).await? {
                tracing::info!(%saga, %request, "an operator's request is in the log");
                return Ok(Asked::Written);
            }
        }
        Err(SagaError::Contended(saga))
    };
    work.instrument(span).await
}

/// Returns what [`ask`] would come to now, and writes nothing: for a tool that tells before it does.
///
/// ```
/// use seaworthy_core::{ids::SagaId, ports::Store, saga::{self, Asked, SagaRequest, SagaError, Verb}};
///
/// /// Resuming a saga that is under way, or that is to be resumed already, does nothing.
/// async fn would_resume(store: &dyn Store, saga: SagaId) -> Result<bool, SagaError> {
///     Ok(saga::foresee(store, saga, &SagaRequest::new(Verb::Resume, "ops")).await? == Asked::Written)
/// }
/// ```
///
/// # Errors
/// Those of [`ask`], but for [`SagaError::Contended`].
///
/// # Cancellation
/// It changes nothing, so it may be dropped at any time; as with [`ask`], that is the limit of time.
pub async fn foresee(store: &dyn Store, saga: SagaId, request: &SagaRequest) -> Result<Asked, SagaError> {
    let span = tracing::debug_span!("saga.foresee", %saga, verb = request.verb.name());
    let work = async {
        Ok(match look(store, saga, request).await? {
            Look::Known(answer) => answer,
            Look::Open(..) => Asked::Written,
        })
    };
    work.instrument(span).await
}

/// Sets stuck sagas going again, each once: those that `which` asks for, up to its limit in all, whatever statuses it
/// names. Returns those for which it asked. A saga that became stuck again meanwhile, or that ended, is left alone.
///
/// ```
/// use seaworthy_core::{ids::SagaId, ports::{SagaListRequest, Store}, saga::{self, SagaError}};
///
/// /// The payment provider is back.
/// async fn provider_is_back(store: &dyn Store) -> Result<Vec<SagaId>, SagaError> {
///     let checkouts = SagaListRequest::new(usize::MAX).of_definition("checkout");
///     saga::resume_stuck(store, &checkouts, "ops").await
/// }
/// ```
///
/// # Errors
/// Any [`StoreError`], as [`SagaError::Store`]; those that were asked for before stay so.
///
/// # Cancellation
/// A call that is dropped has asked for some of them. As with [`ask`], that is the limit of time; to call it again is right.
pub async fn resume_stuck(store: &dyn Store, which: &SagaListRequest, by: &str) -> Result<Vec<SagaId>, SagaError> {
    let request = SagaRequest::new(Verb::Resume, by);
    let mut page = SagaListRequest { statuses: vec![SagaStatus::Stuck], ..which.clone() };
    let mut resumed = Vec::new();
    while resumed.len() < which.limit {
        page.limit = PAGE.min(which.limit - resumed.len());
        let found = store.sagas(&page).await?;
        let Some(last) = found.last() else { break };
        page.after = last.number;
        for listed in found {
            match ask(store, listed.saga.id, &request).await {
                Ok(Asked::Written) => resumed.push(listed.saga.id),
                Err(SagaError::Store(error)) => return Err(error.into()),
                // It has moved since it was listed.
                Ok(_) | Err(_) => {}
            }
        }
    }
    Ok(resumed)
}

/// A log, decoded entry by entry.
type Log = Vec<(LogEntry, Result<Record, RecordError>)>;

/// Reads a log as far as this release knows it: what a newer one has written says nothing here.
pub(super) async fn read(store: &dyn Store, instance: &SagaInstance) -> Result<Log, StoreError> {
    let mut log = Log::new();
    loop {
        let after = log.last().map_or(0, |(entry, _)| entry.sequence);
        let page = store.saga_log(instance.id, after, PAGE).await?;
        let is_last = page.len() < PAGE;
        log.extend(page.into_iter().map(|entry| {
            let record = Record::decode(&entry.record);
            (entry, record)
        }));
        if is_last {
            return Ok(log);
        }
    }
}

/// A saga for which something is asked.
enum Look {
    /// The answer is known, and nothing is to be written.
    Known(Asked),
    /// The request is to be written into this log.
    Open(Box<SagaInstance>, Log),
}

async fn look(store: &dyn Store, saga: SagaId, request: &SagaRequest) -> Result<Look, SagaError> {
    let instance = store.saga(saga).await?.ok_or(SagaError::NotFound(saga))?;
    if instance.status.is_terminal() {
        return request.verb.on_ended(&instance).map(|()| Look::Known(Asked::Needless));
    }
    let log = read(store, &instance).await?;
    Ok(match known(&instance, &log, &request.verb) {
        Some(answer) => Look::Known(answer),
        None => Look::Open(Box::new(instance), log),
    })
}

/// Returns the answer to a request that need not be written.
fn known(instance: &SagaInstance, log: &[(LogEntry, Result<Record, RecordError>)], verb: &Verb) -> Option<Asked> {
    match (verb, instance.status) {
        (Verb::Resume, status) if status != SagaStatus::Stuck => return Some(Asked::Needless),
        (Verb::Cancel, _) if direction(log) == SagaStatus::Compensating => return Some(Asked::Needless),
        _ => {}
    }
    // Where it has become stuck since, nobody has come to the answer: it must be woken again.
    let waits = instance.status != SagaStatus::Stuck && unanswered(log).any(|request| request.verb == *verb);
    waits.then_some(Asked::Waits)
}

/// Returns the requests without an answer.
fn unanswered(log: &[(LogEntry, Result<Record, RecordError>)]) -> impl Iterator<Item = &SagaRequest> {
    let mut waiting = VecDeque::new();
    for (_, record) in log {
        match record {
            Ok(Record::Requested(request)) => waiting.push_back(request),
            Ok(Record::Granted | Record::Declined { .. }) => drop(waiting.pop_front()),
            _ => {}
        }
    }
    waiting.into_iter()
}

/// Returns the status that a saga has once it goes on: a saga that has turned back never goes forward again.
fn direction(log: &[(LogEntry, Result<Record, RecordError>)]) -> SagaStatus {
    let turned = log.iter().any(|(_, record)| match record {
        Ok(Record::CompensationBegun { .. }) => true,
        Ok(Record::Condensed { summary }) => summary.cause.is_some(),
        _ => false,
    });
    if turned { SagaStatus::Compensating } else { SagaStatus::Running }
}

/// Returns what is written. The saga's owner, if there is one, loses it: its lease is given up.
fn entries(
    instance: &SagaInstance,
    log: &[(LogEntry, Result<Record, RecordError>)],
    request: &SagaRequest,
) -> SagaAppend {
    let mut records = vec![Record::Requested(request.clone())];
    let mut status = match instance.status {
        SagaStatus::Stuck => direction(log),
        active => active,
    };
    if request.verb == Verb::Abandon {
        records.push(Record::Abandoned { reason: request.reason.to_string() });
        status = SagaStatus::Abandoned;
    }
    SagaAppend {
        saga: instance.id,
        epoch: instance.epoch,
        expected_length: instance.log_length,
        records: records.iter().map(Record::encode).collect(),
        status,
        lease: Duration::ZERO,
        sleep: Duration::ZERO,
        definition: None,
        forgets: false,
        keys: Vec::new(),
        outcome: request.verb.outcome(&request.reason),
    }
}
