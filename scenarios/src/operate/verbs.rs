//! Verbs that change sagas. Each writes one request into a saga's log; whoever knows the definition answers it.

use seaworthy_core::{
    ids::SagaId,
    ports::{SagaStatus, Store},
    saga::{Account, Asked, SagaError, SagaRequest, Verb, account, ask, foresee},
};
use seaworthy_sim::cli::CliError;
use serde_json::json;

use super::{
    arguments::{SagaFilter, SagaName},
    print::{NOTHING_CHANGED, Shown, counted, more, table},
    sagas::{Found, Sagas, find, named},
};

/// Manner in which a verb is carried out: done or only told, and in whose name.
pub(super) struct Mode {
    pub(super) yes: bool,
    pub(super) by: String,
}

/// A verb on one saga.
pub(super) async fn one(
    store: &dyn Store,
    name: &SagaName,
    verb: Verb,
    reason: &str,
    mode: &Mode,
) -> Result<Shown, CliError> {
    let saga = named(store, name).await?;
    let request = SagaRequest::new(verb, mode.by.as_str()).because(reason);
    let account = account(store, saga).await?;
    if !mode.yes {
        let status = account.saga.status.name();
        let foreseen = foresee(store, saga, &request).await?;
        let json = json!({
            "dry_run": true,
            "request": request.to_string(),
            "sagas": [saga],
            "status": status,
            "result": word(foreseen),
        });
        let would = match foreseen {
            Asked::Written => format!("would ask saga {saga}, which is {status}: {request}"),
            foreseen => format!("would do nothing to saga {saga}, which is {status}: {}", sentence(foreseen, &request)),
        };
        let above = vec![would, format!("it waits for {}", account.waits_for)];
        return Ok(Shown { json, above, below: vec![NOTHING_CHANGED.to_owned()], ..Shown::default() });
    }
    let asked = ask(store, saga, &request).await?;
    let json = json!({ "dry_run": false, "request": request.to_string(), "sagas": [saga], "result": word(asked) });
    Ok(Shown { json, above: vec![format!("saga {saga}: {}", sentence(asked, &request))], ..Shown::default() })
}

/// The verb `resume`: of sagas that are named, or of all stuck ones that a filter lets through.
pub(super) async fn resume(
    store: &dyn Store,
    names: Option<&[SagaName]>,
    filter: &SagaFilter,
    mode: &Mode,
) -> Result<Shown, CliError> {
    let request = SagaRequest::new(Verb::Resume, mode.by.as_str());
    let (sagas, next) = if let Some(names) = names {
        let mut sagas: Vec<SagaId> = Vec::new();
        for name in names {
            sagas.push(named(store, name).await?);
        }
        (sagas, None)
    } else {
        let Sagas { found, next, .. } = find(store, &[SagaStatus::Stuck], false, filter).await?;
        (found.iter().map(|Found { listed, .. }| listed.saga.id).collect(), next)
    };
    let mut answers = table(&["saga", "key", "status", "waits for", "result"]);
    let mut results = Vec::new();
    let mut written = 0;
    for saga in &sagas {
        let Account { saga: instance, waits_for, .. } = account(store, *saga).await?;
        let answer = if mode.yes { ask(store, *saga, &request).await } else { foresee(store, *saga, &request).await };
        // One that has ended meanwhile stands in the way of no other.
        let (result, text) = match answer {
            Ok(Asked::Written) if !mode.yes => ("written".to_owned(), "would be asked to go on".to_owned()),
            Ok(asked) => (word(asked).to_owned(), sentence(asked, &request)),
            Err(SagaError::Store(error)) => return Err(error.into()),
            Err(error) => (error.to_string(), error.to_string()),
        };
        written += usize::from(result == "written");
        let status = instance.status.name();
        let key = format!("{}/{}", instance.definition.name, instance.key);
        answers.add_row([saga.to_string(), key, status.to_owned(), waits_for.to_string(), text]);
        results.push(json!({ "saga": saga, "status": status, "result": result }));
    }
    let json = json!({ "dry_run": !mode.yes, "request": request.to_string(), "sagas": results, "next": next });
    let asked = if mode.yes { "asked" } else { "would ask" };
    let above = vec![format!("{asked} {written} of {} to go on", counted(sagas.len(), "saga"))];
    let below = next.map(more).into_iter().chain((!mode.yes).then(|| NOTHING_CHANGED.to_owned())).collect();
    Ok(Shown { json, above, table: Some(answers), below })
}

fn word(asked: Asked) -> &'static str {
    match asked {
        Asked::Written => "written",
        Asked::Waits => "waits",
        Asked::Needless => "needless",
        _ => "unknown",
    }
}

fn sentence(asked: Asked, request: &SagaRequest) -> String {
    match asked {
        Asked::Written if request.verb == Verb::Abandon => "it is given up".to_owned(),
        Asked::Written => "asked for; the next process that knows its definition answers, and `show` tells".to_owned(),
        Asked::Waits => "asked for already, and not answered yet".to_owned(),
        _ if request.verb == Verb::Resume => "there is nothing to do: it is not stuck".to_owned(),
        _ => "there is nothing to do: it is where the verb leads".to_owned(),
    }
}
