//! Entries from outside for sagas that may wait for them.

use seaworthy_core::{
    ids::SagaId,
    ports::{SagaAddress, SagaInstance, SagaSignal, Timestamp},
};

use super::{
    number_in,
    record::{Entry, Saga, find, read, update},
};
use crate::{
    document::Payload,
    key::Key,
    tables::{SAGA_KEYS, SAGA_LOG, SAGAS_CORRELATED, Table},
    view::{Result, Tables, View},
};

pub(crate) fn signal(tables: Tables<'_>, signal: &SagaSignal, now: Timestamp) -> Result<Vec<SagaInstance>> {
    let found = addressed(*tables, &signal.to)?;
    // The single writer stands between what was read and what is written.
    for (number, before) in found.iter().filter(|(_, saga)| !saga.status.is_terminal()) {
        let sequence = before.log_length + 1;
        let entry = Entry { epoch: before.epoch, at: now.as_micros(), record: Payload(signal.record.clone()) };
        tables.put_document(SAGA_LOG, &Key::of_count(*number).count(sequence), &entry)?;
        let after = Saga { log_length: sequence, wake_at: before.wake_at.min(now.as_micros()), ..before.clone() };
        update(tables, *number, before, &after)?;
    }
    Ok(found.into_iter().map(|(_, saga)| saga.instance()).collect())
}

/// The sagas that a signal is for, in the order of their creation.
fn addressed(view: View<'_>, to: &SagaAddress) -> Result<Vec<(u64, Saga)>> {
    let mut found = Vec::new();
    match to {
        SagaAddress::Id(id) => found.extend(find(view, *id)?),
        SagaAddress::Correlated { definition, correlation_id } => {
            // One that began the business transaction is found by its own id.
            let own = find(view, SagaId(*correlation_id))?.filter(|(_, saga)| saga.correlation_id == saga.id);
            found.extend(own);
            found.extend(behind(view, SAGAS_CORRELATED, &Key::of_id(*correlation_id))?);
            found.retain(|(_, saga)| saga.definition.name == *definition);
            found.sort_unstable_by_key(|(number, _)| *number);
        }
        SagaAddress::Keyed { definition, key } => {
            found = behind(view, SAGA_KEYS, &Key::of_text(definition).text(&key.name).text(&key.key))?;
        }
    }
    Ok(found)
}

/// Sagas whose numbers are behind a prefix in an index.
fn behind(view: View<'_>, table: Table, prefix: &Key) -> Result<Vec<(u64, Saga)>> {
    let mut found = Vec::new();
    for key in view.keys(table, &prefix.prefixed(), usize::MAX)? {
        let number = number_in(table, &key)?;
        found.extend(read(view, number)?.map(|saga| (number, saga)));
    }
    Ok(found)
}
