//! Lists of sagas, for operators: page by page, in the order in which they were created.

use rusqlite::{Connection, Row};
use seaworthy_core::ports::{ListedSaga, SagaListRequest, SagaStatus, Timestamp};

use super::row::{INSTANCE_WIDTH, instance_columns, read_instance};
use crate::columns::{read_count, read_time};

/// Reads the sagas of one status by an index that holds no others, or none but few.
macro_rules! listing {
    ($status:literal by $index:literal) => {
        concat!(
            "SELECT ",
            instance_columns!(),
            ", number, started_at, since FROM seaworthy_sagas ",
            $index,
            " WHERE ",
            $status,
            " AND number > ?1 AND (?2 IS NULL OR definition = ?2) AND since >= ?3 AND since <= ?4 \
             AND (?5 IS NULL OR status < 2 AND lease_until <= ?5 AND wake_at > ?5) ORDER BY number"
        )
    };
}

const ANY: &str = listing!("true" by "NOT INDEXED");

pub(crate) const fn statement(status: SagaStatus) -> &'static str {
    match status {
        SagaStatus::Running => listing!("status < 2 AND status = 0" by "INDEXED BY seaworthy_sagas_due"),
        SagaStatus::Compensating => listing!("status < 2 AND status = 1" by "INDEXED BY seaworthy_sagas_due"),
        SagaStatus::Stuck => listing!("status = 2" by "INDEXED BY seaworthy_sagas_stuck"),
        // Most sagas end so: an index would be the table once more.
        SagaStatus::Completed => listing!("status = 3" by "NOT INDEXED"),
        SagaStatus::Compensated => listing!("status = 4" by "INDEXED BY seaworthy_sagas_compensated"),
        SagaStatus::Abandoned => listing!("status = 5" by "INDEXED BY seaworthy_sagas_abandoned"),
    }
}

pub(crate) fn list(
    connection: &Connection,
    request: &SagaListRequest,
    now: Timestamp,
) -> rusqlite::Result<Vec<ListedSaga>> {
    let mut found = Vec::new();
    let statuses = match &*request.statuses {
        // No other sleeps.
        [] if request.asleep => &[SagaStatus::Running, SagaStatus::Compensating],
        asked => asked,
    };
    if statuses.is_empty() {
        read(connection, ANY, request, now, &mut found)?;
    }
    for (at, status) in statuses.iter().enumerate() {
        if !statuses[..at].contains(status) {
            read(connection, statement(*status), request, now, &mut found)?;
        }
    }
    found.sort_unstable_by_key(|listed| listed.number);
    found.truncate(request.limit);
    Ok(found)
}

fn read(
    connection: &Connection,
    statement: &str,
    request: &SagaListRequest,
    now: Timestamp,
    found: &mut Vec<ListedSaga>,
) -> rusqlite::Result<()> {
    let from = request.since_from.map_or(i64::MIN, |from| from.as_micros());
    let until = request.since_until.map_or(i64::MAX, |until| until.as_micros());
    let behind = i64::try_from(request.after).unwrap_or(i64::MAX);
    let mut query = connection.prepare_cached(statement)?;
    let mut rows =
        query.query((behind, request.definition.as_deref(), from, until, request.asleep.then_some(now.as_micros())))?;
    let mut left = request.limit;
    while left > 0
        && let Some(row) = rows.next()?
    {
        match read_listed(row) {
            Ok(listed) if !request.asks_for_reason(&listed.saga) => {}
            Ok(listed) => {
                found.push(listed);
                left -= 1;
            }
            // One bad row hides no other from an operator.
            Err(error) => {
                let number: i64 = row.get(INSTANCE_WIDTH)?;
                tracing::warn!(number, %error, "a row of `seaworthy_sagas` can't be read: mend it, or delete it");
            }
        }
    }
    Ok(())
}

fn read_listed(row: &Row<'_>) -> rusqlite::Result<ListedSaga> {
    Ok(ListedSaga {
        saga: read_instance(row)?,
        number: read_count(row, INSTANCE_WIDTH)?,
        started_at: read_time(row, INSTANCE_WIDTH + 1)?,
        since: read_time(row, INSTANCE_WIDTH + 2)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::migrate;

    /// A store of years holds far more sagas that have completed than of any other status.
    #[test]
    fn a_list_of_what_is_rare_looks_at_no_saga_that_has_completed() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, "memory").unwrap();
        for status in SagaStatus::ALL.into_iter().filter(|status| *status != SagaStatus::Completed) {
            let explained = format!("EXPLAIN QUERY PLAN {}", statement(status));
            let mut plan = connection.prepare(&explained).unwrap();
            let mut rows = plan.query((0, None::<&str>, 0, 0, None::<i64>)).unwrap();
            let first: String = rows.next().unwrap().expect("a plan").get(3).unwrap();
            assert!(first.contains("USING INDEX seaworthy_sagas_"), "{}: {first}", status.name());
        }
    }
}
