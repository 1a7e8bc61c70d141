//! Entries from outside for sagas that may wait for them.

use rusqlite::Connection;
use seaworthy_core::ports::{SagaAddress, SagaInstance, SagaSignal, StoreError, Timestamp};

use super::row::{instance, instance_columns, read_instance};
use crate::{
    columns::{IdText, integer},
    error::in_statement,
};

pub(crate) fn signal(
    connection: &Connection,
    signal: &SagaSignal,
    now: Timestamp,
) -> Result<Vec<SagaInstance>, StoreError> {
    let failed = |failure| in_statement("signal saga", &failure);
    let found = addressed(connection, &signal.to).map_err(failed)?;
    // The single writer stands between what was read and what is written.
    for saga in found.iter().filter(|saga| !saga.status.is_terminal()) {
        let sequence = integer(saga.log_length, "log length")?.saturating_add(1);
        let number: i64 = connection
            .prepare_cached(
                "UPDATE seaworthy_sagas SET log_length = ?2, wake_at = min(wake_at, ?3) WHERE id = ?1 RETURNING number",
            )
            .and_then(|mut write| {
                write.query_row((IdText::new(saga.id.0), sequence, now.as_micros()), |row| row.get(0))
            })
            .map_err(failed)?;
        connection
            .prepare_cached(
                "INSERT INTO seaworthy_saga_log (saga, sequence, epoch, at, record) VALUES (?1, ?2, ?3, ?4, ?5)",
            )
            .and_then(|mut write| {
                write.execute((number, sequence, saga.epoch.cast_signed(), now.as_micros(), &signal.record[..]))
            })
            .map_err(failed)?;
    }
    Ok(found)
}

fn addressed(connection: &Connection, to: &SagaAddress) -> rusqlite::Result<Vec<SagaInstance>> {
    match to {
        SagaAddress::Id(id) => instance(connection, *id).map(|found| found.into_iter().collect()),
        SagaAddress::Correlated { definition, correlation_id } => connection
            .prepare_cached(concat!(
                "SELECT ",
                instance_columns!(),
                " FROM (SELECT ",
                instance_columns!(),
                ", number FROM seaworthy_sagas WHERE id = ?1 AND definition = ?2 AND correlation_id = id
                  UNION ALL
                  SELECT ",
                instance_columns!(),
                ", number FROM seaworthy_sagas INDEXED BY seaworthy_sagas_correlated
                  WHERE correlation_id = ?1 AND definition = ?2 AND correlation_id <> id)
                 ORDER BY number"
            ))?
            .query_map((IdText::new(*correlation_id), definition.as_str()), read_instance)?
            .collect(),
        SagaAddress::Keyed { definition, key } => connection
            .prepare_cached(concat!(
                "SELECT ",
                instance_columns!(),
                " FROM seaworthy_sagas WHERE number IN (
                     SELECT saga FROM seaworthy_saga_keys WHERE definition = ?1 AND name = ?2 AND key = ?3)
                 ORDER BY number"
            ))?
            .query_map((definition.as_str(), key.name.as_str(), key.key.as_str()), read_instance)?
            .collect(),
    }
}
