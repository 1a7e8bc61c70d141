//! Counts and ages of everything that a store holds for an operator.

use seaworthy_core::ports::{Store, Tally, Timestamp};
use seaworthy_sim::cli::CliError;
use serde_json::{Value, json};

use super::print::{Shown, age, moment, table};

/// The verb `counts`.
pub(super) async fn counts(store: &dyn Store) -> Result<Shown, CliError> {
    let census = store.census().await?;
    let mut table = table(&["what", "count", "oldest"]);
    let mut row = |what: String, tally: &Tally| {
        let oldest = tally.age(census.at).map(|oldest| format!("{} ago", age(oldest)));
        table.add_row([what, tally.count.to_string(), oldest.unwrap_or_default()]);
    };
    row("outbox rows pending".to_owned(), &census.outbox_pending);
    row("outbox rows dead".to_owned(), &census.outbox_dead);
    for (consumer, tally) in &census.dead_letters {
        row(format!("dead letters of {consumer}"), tally);
    }
    for (status, tally) in &census.sagas {
        row(format!("sagas {}", status.name()), tally);
    }
    let letters: serde_json::Map<String, Value> = census
        .dead_letters
        .iter()
        .map(|(consumer, tally)| (consumer.to_string(), document(tally, census.at)))
        .collect();
    let sagas: serde_json::Map<String, Value> =
        census.sagas.iter().map(|(status, tally)| (status.name().to_owned(), document(tally, census.at))).collect();
    let json = json!({
        "at": moment(census.at),
        "outbox_pending": document(&census.outbox_pending, census.at),
        "outbox_dead": document(&census.outbox_dead, census.at),
        "dead_letters": letters,
        "sagas": sagas,
    });
    Ok(Shown { json, table: Some(table), ..Shown::default() })
}

fn document(tally: &Tally, at: Timestamp) -> Value {
    json!({ "count": tally.count, "oldest_age_s": tally.age(at).map(|age| age.as_secs()) })
}
