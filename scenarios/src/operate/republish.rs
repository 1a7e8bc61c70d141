//! Rows that are sent once more, after a broker has lost what it had acknowledged.

use seaworthy_core::{outbox, ports::RepublishRequest};
use seaworthy_sim::cli::CliError;
use serde_json::json;

use super::{
    arguments::RepublishArguments,
    database::Database,
    print::{NOTHING_CHANGED, Shown, counted, moment},
};

/// The verb `republish-since`.
pub(super) async fn republish(database: &Database, asked: &RepublishArguments, yes: bool) -> Result<Shown, CliError> {
    let store = database.store();
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
        let count = database.count_dispatched(&request).await?;
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
