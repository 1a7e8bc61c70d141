//! Rows that are sent once more, after a broker has lost what it had acknowledged.

use rusqlite::{Connection, params};
use seaworthy_core::{
    outbox,
    ports::{RepublishRequest, Store, connection},
};
use seaworthy_sim::cli::CliError;
use serde_json::json;

use super::{
    arguments::RepublishArguments,
    print::{NOTHING_CHANGED, Shown, counted, moment},
};

/// The verb `republish-since`.
pub(super) async fn republish(store: &dyn Store, asked: &RepublishArguments, yes: bool) -> Result<Shown, CliError> {
    let now = store.now().await?;
    let until = asked.until.unwrap_or(now);
    if until <= asked.since {
        return Err(format!(
            "nothing lies between {} and {}: name an earlier moment",
            moment(asked.since),
            moment(until)
        )
        .into());
    }
    let mut request = RepublishRequest::new(asked.since, until, usize::MAX);
    request.topic = asked.topic.as_deref().map(Into::into);
    let span = format!("dispatched from {} until {}", moment(asked.since), moment(until));
    if !yes {
        let count = count(store, &request).await?;
        let json = json!({ "dry_run": true, "verb": "republish-since", "count": count, "until": moment(until) });
        let above = vec![format!("would send {} once more, {span}", counted(count, "row"))];
        return Ok(Shown { json, above, below: vec![NOTHING_CHANGED.to_owned()], ..Shown::default() });
    }
    let count = outbox::republish(store, &request).await?;
    let json = json!({ "dry_run": false, "verb": "republish-since", "count": count, "until": moment(until) });
    let count = counted(usize::try_from(count).unwrap_or(usize::MAX), "row");
    let above = vec![format!("{count} pending again, {span}: a relay sends them under the ids that they had")];
    Ok(Shown { json, above, ..Shown::default() })
}

/// Counts what would be sent. The store has no operation for it, since nobody else asks.
async fn count(store: &dyn Store, request: &RepublishRequest) -> Result<usize, CliError> {
    let mut tx = store.begin().await?;
    let file: &mut Connection = connection(&mut *tx).await?;
    let count: i64 = file.query_row(
        "SELECT count(*) FROM seaworthy_outbox
         WHERE state = 2 AND settled_at >= ?1 AND settled_at < ?2 AND (?3 IS NULL OR aggregatetype = ?3)",
        params![request.since.as_micros(), request.until.as_micros(), request.topic.as_deref()],
        |row| row.get(0),
    )?;
    Ok(usize::try_from(count)?)
}
