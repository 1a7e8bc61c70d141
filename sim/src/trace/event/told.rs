//! Events and effects that port calls leave in the trace.

use std::sync::Arc;

use seaworthy_core::ports::{Answer, Call, InboxInsert, SagaCreate, SettleOutcome};
use smol_str::SmolStr;

use super::{ClaimedRow, Effect, Outcome, RowMessages, SettledAs, SettledRow, What};

/// Returns the event of a call outside a transaction. `None` for those that are told elsewhere.
pub(crate) fn told(store: &SmolStr, call: &Call<'_>, answer: Option<Answer<'_>>, outcome: Outcome) -> What {
    let store = store.clone();
    match (*call, answer) {
        (Call::Claim { request }, answer) => {
            let rows = if let Some(Answer::Rows(rows)) = answer { rows } else { &[] };
            let rows = rows.iter();
            let rows = rows.map(|row| ClaimedRow { row: row.row, message: row.message.id, attempts: row.attempts });
            What::Claim { store, token: request.token, rows: rows.collect(), outcome }
        }
        (Call::Settle { token, settlements }, answer) => {
            let held = if let Some(Answer::Held(held)) = answer { held } else { &[] };
            let rows = settlements.iter().enumerate().map(|(index, settlement)| SettledRow {
                row: settlement.row,
                settled: match settlement.outcome {
                    SettleOutcome::Dispatched => SettledAs::Dispatched,
                    SettleOutcome::Retry { .. } => SettledAs::Retry,
                    SettleOutcome::Release { .. } => SettledAs::Release,
                    SettleOutcome::Dead { .. } => SettledAs::Dead,
                },
                held: held.get(index).copied().unwrap_or_default(),
                text_bytes: match &settlement.outcome {
                    SettleOutcome::Retry { error: text, .. } | SettleOutcome::Dead { reason: text } => {
                        u32::try_from(text.len()).unwrap_or(u32::MAX)
                    }
                    _ => 0,
                },
            });
            What::Settle { store, token, rows: rows.collect(), outcome }
        }
        (Call::AcquireSagas { .. }, answer) => {
            let sagas = if let Some(Answer::Sagas(sagas)) = answer { sagas } else { &[] };
            let sagas = sagas.iter().map(|saga| (saga.id, saga.epoch)).collect();
            What::Acquire { store, sagas, outcome }
        }
        (Call::Subscribe { spec }, _) => What::Subscribe { group: spec.group.clone(), outcome },
        (call, answer) => {
            let operation = call.operation();
            let count = answer.map_or(0, |answer| answer.count());
            let messages = match answer {
                Some(Answer::Messages(messages)) => messages.iter().copied().collect(),
                Some(Answer::Events(events)) => events.iter().map(|event| event.message.id).collect(),
                _ => RowMessages::default(),
            };
            What::StoreCall { store, operation, count, outcome, messages }
        }
    }
}

/// Adds what a statement will have made true once its transaction commits.
pub(crate) fn add_effects(effects: &mut Vec<Effect>, call: &Call<'_>, answer: &Answer<'_>) {
    let document = |collection: &str, id: &str, version, body| Effect::Document {
        collection: collection.into(),
        id: id.into(),
        version,
        body,
    };
    match (*call, *answer) {
        (Call::Put { collection, id, body, .. }, Answer::Count(version))
        | (Call::PutIf { collection, id, body, .. }, Answer::Position(Some(version))) => {
            effects.push(document(collection, id, version, Some(body.clone())));
        }
        (Call::Delete { collection, id, .. }, _) => effects.push(document(collection, id, 0, None)),
        (Call::DeleteRange { collection, .. }, Answer::Ids(ids)) => {
            effects.extend(ids.iter().map(|id| document(collection, id, 0, None)));
        }
        (Call::Stage { message }, _) => effects.push(Effect::Staged(Arc::new(message.clone()))),
        (Call::OutboxDispatched { messages }, Answer::Held(marked)) => {
            let dispatched = messages.iter().zip(marked).filter(|(_, marked)| **marked);
            effects.extend(dispatched.map(|(message, _)| Effect::Dispatched(*message)));
        }
        (Call::OutboxBury { message, reason }, Answer::Yes(true)) => {
            effects.push(Effect::GivenUp { message, reason: reason.into() });
        }
        (Call::InboxInsert { entry }, Answer::Inserted(InboxInsert::First)) => {
            effects.push(Effect::Handled { consumer: entry.consumer.clone(), message: entry.message });
        }
        (Call::InboxFailed { entry, error }, Answer::Count(failures)) => effects.push(Effect::Failed {
            consumer: entry.consumer.clone(),
            message: entry.message,
            failures: u32::try_from(failures).unwrap_or(u32::MAX),
            error: error.into(),
        }),
        (Call::InboxBury { entry, reason, .. }, _) => effects.push(Effect::Buried {
            consumer: entry.consumer.clone(),
            message: entry.message,
            reason: reason.into(),
        }),
        (Call::InboxExhume { entry }, Answer::Yes(true)) => {
            effects.push(Effect::Exhumed { consumer: entry.consumer.clone(), message: entry.message });
        }
        (Call::SagaCreate { saga }, Answer::Created(SagaCreate::Created)) => effects.push(Effect::SagaCreated {
            saga: saga.id,
            definition: saga.definition.clone(),
            key: saga.key.clone(),
        }),
        (Call::SagaAppend { append }, _) => effects.push(Effect::SagaLogged {
            saga: append.saga,
            epoch: append.epoch,
            length: append.expected_length,
            records: append.records.clone(),
            status: append.status,
        }),
        (Call::SagaSignal { signal }, Answer::Sagas(sagas)) => {
            effects.extend(sagas.iter().filter(|saga| !saga.status.is_terminal()).map(|saga| Effect::SagaLogged {
                saga: saga.id,
                epoch: saga.epoch,
                length: saga.log_length,
                records: vec![signal.record.clone()],
                status: saga.status,
            }));
        }
        (Call::PutOperation { record }, _) => {
            effects.push(Effect::Operation { id: record.id, state: record.state.clone() });
        }
        (Call::SetCheckpoint { consumer, position }, _) => {
            effects.push(Effect::Checkpoint { consumer: consumer.into(), position });
        }
        (Call::AppendEvents { append }, Answer::Appended(appended)) => {
            let before = appended.version.saturating_sub(append.events.len() as u64);
            let placed = append.events.iter().zip(&appended.positions).zip(before + 1..);
            effects.extend(placed.map(|((event, position), version)| Effect::Appended {
                stream: append.stream.clone(),
                version,
                position: *position,
                event: Arc::new(event.clone()),
            }));
        }
        (Call::PutStreamSnapshot { stream, version, .. }, Answer::Yes(true)) => {
            effects.push(Effect::Snapshot { stream: stream.into(), version });
        }
        _ => {}
    }
}
