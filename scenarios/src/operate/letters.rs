//! Dead letters of consumers.

use seaworthy_core::{
    inbox,
    ports::{DeadLetter, Store, StoreError},
};
use seaworthy_sim::cli::CliError;
use serde_json::{Value, json};
use smol_str::SmolStr;

use super::{
    arguments::LetterFilter,
    print::{NOTHING_CHANGED, Shown, age, counted, moment, more, table},
};

/// The consumers that are meant: the one that is named, or all that have dead letters.
async fn consumers(store: &dyn Store, filter: &LetterFilter) -> Result<Vec<SmolStr>, StoreError> {
    match &filter.consumer {
        Some(name) => Ok(vec![name.into()]),
        None => Ok(store.census().await?.dead_letters.into_keys().collect()),
    }
}

async fn find(store: &dyn Store, filter: &LetterFilter) -> Result<Vec<DeadLetter>, StoreError> {
    let now = store.now().await?;
    let mut found = Vec::new();
    for consumer in consumers(store, filter).await? {
        found.extend(store.dead_letters(&filter.request(&consumer, now)).await?);
    }
    found.sort_unstable_by_key(|letter| letter.number);
    found.truncate(filter.limit);
    Ok(found)
}

/// The verb `dead-letters`.
pub(super) async fn list(store: &dyn Store, filter: &LetterFilter) -> Result<Shown, CliError> {
    let found = find(store, filter).await?;
    let now = store.now().await?;
    let mut table = table(&["message", "consumer", "type", "key", "failures", "last", "reason"]);
    for letter in &found {
        table.add_row([
            letter.message.id.to_string(),
            letter.consumer.to_string(),
            letter.message.kind.to_string(),
            letter.message.partition_key.to_string(),
            letter.failures.to_string(),
            format!("{} ago", age(now.since(letter.failed_at))),
            match (&letter.unreadable, letter.asked_at) {
                (Some(why), _) => format!("{} (can't be read: {why})", letter.reason),
                (None, Some(at)) => format!("{} (asked for {} ago)", letter.reason, age(now.since(at))),
                (None, None) => letter.reason.to_string(),
            },
        ]);
    }
    let next = found.last().filter(|_| found.len() == filter.limit).map(|last| last.number);
    let letters: Vec<Value> = found.iter().map(document).collect();
    Ok(Shown {
        json: json!({ "dead_letters": letters, "next": next }),
        above: vec![counted(found.len(), "dead letter")],
        table: Some(table),
        below: next.map(more).into_iter().collect(),
    })
}

fn document(letter: &DeadLetter) -> Value {
    json!({
        "message": letter.message.id,
        "consumer": letter.consumer,
        "topic": letter.message.topic,
        "type": letter.message.kind,
        "key": letter.message.partition_key,
        "failures": letter.failures,
        "failed_at": moment(letter.failed_at),
        "asked_at": letter.asked_at.map(moment),
        "reason": letter.reason,
        "unreadable": letter.unreadable,
        "place": letter.number,
    })
}

/// A verb that changes letters.
#[derive(Clone, Copy)]
pub(super) enum LetterVerb {
    Redrive,
    Discard,
}

/// The verbs `redrive-letters` and `discard-letters`.
pub(super) async fn change(
    store: &dyn Store,
    filter: &LetterFilter,
    verb: LetterVerb,
    yes: bool,
) -> Result<Shown, CliError> {
    let name = match verb {
        LetterVerb::Redrive => "redrive",
        LetterVerb::Discard => "discard",
    };
    if !yes {
        let mut shown = list(store, filter).await?;
        let count = shown.json["dead_letters"].as_array().map_or(0, Vec::len);
        shown.json["dry_run"] = json!(true);
        shown.json["verb"] = json!(name);
        shown.above = vec![format!("would {name} {}", counted(count, "dead letter"))];
        shown.below.push(NOTHING_CHANGED.to_owned());
        return Ok(shown);
    }
    let now = store.now().await?;
    let mut count = 0;
    for consumer in consumers(store, filter).await? {
        let mut request = filter.request(&consumer, now);
        request.limit = filter.limit - count;
        if request.limit > 0 {
            let changed = match verb {
                LetterVerb::Redrive => inbox::ask_redrive(store, &request).await?,
                LetterVerb::Discard => inbox::discard(store, &request).await?,
            };
            count += changed.len();
        }
    }
    let told = match verb {
        LetterVerb::Redrive => "asked for: a consumer that looks for requests handles them again",
        LetterVerb::Discard => "deleted: their messages count as handled",
    };
    let json = json!({ "dry_run": false, "verb": name, "count": count });
    let above = vec![format!("{} {told}", counted(count, "dead letter"))];
    Ok(Shown { json, above, ..Shown::default() })
}
