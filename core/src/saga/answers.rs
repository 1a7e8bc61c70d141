//! Answers to what an operator asks for: whoever can read a saga's log decides about each request that has none.

use super::{Record, SagaError, State, next};
use crate::{cut::cut, ids::SagaId, ports::Timestamp};

/// Answers all requests of a saga: returns its state after them, and the records to write, which follow from the log.
pub(super) fn answers(mut state: State, saga: SagaId, now: Timestamp) -> (State, Vec<Record>) {
    let mut answers = Vec::new();
    while let Some(request) = state.requests.first().cloned() {
        let granted = request.verb.records(&request.reason, &state, saga).and_then(|mut records| {
            records.push(Record::Granted);
            after(&state, &records, now)
                .map(|state| (state, records))
                .map_err(|reason| SagaError::NotAllowed { saga, reason })
        });
        match granted {
            Ok((after, records)) => {
                tracing::info!(%saga, %request, "an operator's request is granted");
                state = after;
                answers.extend(records);
            }
            Err(error) => {
                tracing::warn!(%saga, %request, %error, "an operator's request is declined");
                let declined = Record::Declined { reason: cut(error.to_string()) };
                state.requests.remove(0);
                answers.push(declined);
            }
        }
    }
    (state, answers)
}

fn after(state: &State, records: &[Record], now: Timestamp) -> Result<State, String> {
    records.iter().try_fold(state.clone(), |state, record| next(state, record, now)).map_err(|error| error.to_string())
}
