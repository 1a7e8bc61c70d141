//! Sagas: lists of them, and one with its log in words.

use seaworthy_core::{
    ids::SagaId,
    ports::{ListedSaga, SagaInstance, SagaStatus, Store, StoreError, Timestamp},
    saga::{Account, WaitsFor, account, account_of},
};
use seaworthy_sim::cli::CliError;
use serde_json::{Value, json};

use super::{
    arguments::{SagaFilter, SagaName},
    print::{Shown, age, counted, moment, more, table},
};

/// A saga of a list, with what its log tells.
pub(super) struct Found {
    pub(super) listed: ListedSaga,
    pub(super) account: Account,
}

/// Sagas that a filter lets through, and the place behind which there may be more.
pub(super) struct Sagas {
    pub(super) found: Vec<Found>,
    pub(super) next: Option<u64>,
    pub(super) now: Timestamp,
}

/// Finds sagas by status and filter. Their logs are read one after the other, each in a short transaction.
pub(super) async fn find(
    store: &dyn Store,
    statuses: &[SagaStatus],
    asleep: bool,
    filter: &SagaFilter,
) -> Result<Sagas, StoreError> {
    let now = store.now().await?;
    let mut request = filter.request(statuses, now);
    request.asleep = asleep;
    let mut found = Vec::new();
    loop {
        let page = store.sagas(&request).await?;
        let is_last = page.len() < request.limit;
        for listed in page {
            request.after = listed.number;
            let account = account_of(store, listed.saga.clone()).await?;
            if filter.because.as_ref().is_none_or(|text| account.waits_for.to_string().contains(text)) {
                found.push(Found { listed, account });
            }
            if found.len() == filter.limit {
                return Ok(Sagas { found, next: Some(request.after), now });
            }
        }
        if is_last {
            return Ok(Sagas { found, next: None, now });
        }
    }
}

/// The verbs `sagas` and `stuck`.
pub(super) async fn list(
    store: &dyn Store,
    statuses: &[SagaStatus],
    asleep: bool,
    filter: &SagaFilter,
) -> Result<Shown, CliError> {
    let Sagas { found, next, now } = find(store, statuses, asleep, filter).await?;
    let mut shown = rows(&found, now);
    shown.json = json!({ "sagas": shown.json, "next": next });
    shown.above.push(counted(found.len(), "saga"));
    shown.below.extend(next.map(more));
    Ok(shown)
}

/// A row for each of some sagas.
fn rows(found: &[Found], now: Timestamp) -> Shown {
    let mut table = table(&["saga", "key", "status", "for", "step", "waits for"]);
    for Found { listed, account } in found {
        table.add_row([
            listed.saga.id.to_string(),
            format!("{}/{}", listed.saga.definition.name, listed.saga.key),
            listed.saga.status.name().to_owned(),
            age(now.since(listed.since)),
            account.waits_for.step().map(ToString::to_string).unwrap_or_default(),
            account.waits_for.to_string(),
        ]);
    }
    let json = found.iter().map(|found| document(&found.listed, &found.account)).collect();
    Shown { json, table: Some(table), ..Shown::default() }
}

fn document(listed: &ListedSaga, account: &Account) -> Value {
    let mut document = instance(&listed.saga);
    document["place"] = json!(listed.number);
    document["started_at"] = json!(moment(listed.started_at));
    document["since"] = json!(moment(listed.since));
    document["waits_for"] = waits_for(&account.waits_for);
    document
}

fn instance(saga: &SagaInstance) -> Value {
    json!({
        "saga": saga.id,
        "definition": saga.definition.name,
        "version": saga.definition.version,
        "key": saga.key,
        "status": saga.status.name(),
        "log_length": saga.log_length,
    })
}

fn waits_for(waits_for: &WaitsFor) -> Value {
    let (what, since) = match waits_for {
        WaitsFor::Operator { since, .. } => ("operator", Some(*since)),
        WaitsFor::Answer { since, .. } => ("answer", Some(*since)),
        WaitsFor::Release { since, .. } => ("release", Some(*since)),
        WaitsFor::Retry { .. } => ("retry", None),
        WaitsFor::Attempt { since, .. } => ("attempt", Some(*since)),
        WaitsFor::Signal { since, .. } => ("signal", Some(*since)),
        WaitsFor::Process { since } => ("process", Some(*since)),
        _ => ("nothing", None),
    };
    let until = match waits_for {
        WaitsFor::Retry { until, .. } => Some(*until),
        WaitsFor::Signal { until, .. } => *until,
        _ => None,
    };
    json!({
        "what": what,
        "step": waits_for.step(),
        "since": since.map(moment),
        "until": until.map(moment),
        "in_words": waits_for.to_string(),
    })
}

/// The id of a saga that is named.
pub(super) async fn named(store: &dyn Store, name: &SagaName) -> Result<SagaId, CliError> {
    let found = match name {
        SagaName::Id(id) => {
            store.saga(*id).await?.ok_or_else(|| format!("there is no saga {id}: `sagas` lists those that there are"))
        }
        SagaName::Key { definition, key } => store.saga_by_key(definition, key).await?.ok_or_else(|| {
            format!("there is no saga of definition {definition} and key {key}: `sagas` lists those that there are")
        }),
    };
    Ok(found?.id)
}

/// The verb `show`.
pub(super) async fn show(store: &dyn Store, name: &SagaName) -> Result<Shown, CliError> {
    let account = account(store, named(store, name).await?).await?;
    let Account { saga, entries, waits_for: waits, requests, .. } = &account;
    let mut log = table(&["entry", "at", "what"]);
    for entry in entries {
        let what = match &entry.record {
            Ok(record) => record.to_string(),
            Err(error) => format!("this release can't read it: {error}"),
        };
        log.add_row([entry.sequence.to_string(), moment(entry.at), what]);
    }
    let mut document = instance(saga);
    document["waits_for"] = waits_for(waits);
    document["requests"] = json!(requests.iter().map(ToString::to_string).collect::<Vec<_>>());
    document["log"] = entries
        .iter()
        .map(|entry| {
            let (record, words) = match &entry.record {
                Ok(record) => (json!(record), record.to_string()),
                Err(error) => (Value::Null, error.to_string()),
            };
            json!({ "entry": entry.sequence, "at": moment(entry.at), "epoch": entry.epoch, "record": record, "in_words": words })
        })
        .collect();
    let definition = &saga.definition;
    let mut above = vec![
        format!("saga {}, {}/{}, version {}", saga.id, definition.name, saga.key, definition.version),
        format!("{}, waits for {waits}", saga.status.name()),
    ];
    above.extend(requests.iter().skip(1).map(|request| format!("asked for as well: {request}")));
    let below = if entries.is_empty() { vec!["its log is purged".to_owned()] } else { Vec::new() };
    Ok(Shown { json: document, above, table: Some(log), below })
}
