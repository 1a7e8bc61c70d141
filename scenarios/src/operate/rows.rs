//! Dead rows of the outbox.

use seaworthy_core::{
    outbox,
    ports::{DeadRow, Store},
};
use seaworthy_sim::cli::CliError;
use serde_json::{Value, json};

use super::{
    arguments::RowFilter,
    print::{NOTHING_CHANGED, Shown, age, counted, moment, more, table},
};

/// A verb that changes rows.
#[derive(Clone, Copy)]
pub(super) enum RowVerb {
    Redrive,
    Discard,
}

async fn find(store: &dyn Store, filter: &RowFilter) -> Result<Shown, CliError> {
    let now = store.now().await?;
    let found = store.dead_rows(&filter.request(now)).await?;
    let mut table = table(&["message", "topic", "type", "key", "attempts", "dead for", "reason"]);
    for dead in &found {
        let message = &dead.row.message;
        table.add_row([
            message.id.to_string(),
            message.topic.to_string(),
            message.kind.to_string(),
            message.partition_key.to_string(),
            dead.row.attempts.to_string(),
            age(now.since(dead.died_at)),
            dead.reason.to_string(),
        ]);
    }
    let next = found.last().filter(|_| found.len() == filter.limit).map(|last| last.place().to_string());
    let rows: Vec<Value> = found.iter().map(document).collect();
    Ok(Shown {
        json: json!({ "dead_rows": rows, "next": next }),
        above: vec![counted(found.len(), "dead row")],
        table: Some(table),
        below: next.map(more).into_iter().collect(),
    })
}

fn document(dead: &DeadRow) -> Value {
    let message = &dead.row.message;
    json!({
        "message": message.id,
        "topic": message.topic,
        "type": message.kind,
        "key": message.partition_key,
        "attempts": dead.row.attempts,
        "died_at": moment(dead.died_at),
        "reason": dead.reason,
        "place": dead.place().to_string(),
    })
}

/// The verb `dead-rows`.
pub(super) async fn list(store: &dyn Store, filter: &RowFilter) -> Result<Shown, CliError> {
    find(store, filter).await
}

/// The verbs `redrive-rows` and `discard-rows`.
pub(super) async fn change(store: &dyn Store, filter: &RowFilter, verb: RowVerb, yes: bool) -> Result<Shown, CliError> {
    let name = match verb {
        RowVerb::Redrive => "redrive",
        RowVerb::Discard => "discard",
    };
    if !yes {
        let mut shown = find(store, filter).await?;
        let count = shown.json["dead_rows"].as_array().map_or(0, Vec::len);
        shown.json["dry_run"] = json!(true);
        shown.json["verb"] = json!(name);
        shown.above = vec![format!("would {name} {}", counted(count, "dead row"))];
        shown.below.push(NOTHING_CHANGED.to_owned());
        return Ok(shown);
    }
    let request = filter.request(store.now().await?);
    let count = match verb {
        RowVerb::Redrive => outbox::redrive(store, &request).await?,
        RowVerb::Discard => outbox::discard(store, &request).await?.len() as u64,
    };
    let told = match verb {
        RowVerb::Redrive => "pending again: a relay sends them",
        RowVerb::Discard => "deleted",
    };
    let json = json!({ "dry_run": false, "verb": name, "count": count });
    let count = counted(usize::try_from(count).unwrap_or(usize::MAX), "dead row");
    Ok(Shown { json, above: vec![format!("{count} {told}")], ..Shown::default() })
}
