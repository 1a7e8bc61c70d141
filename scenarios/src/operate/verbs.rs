//! Verbs that change sagas. Each writes one request into a saga's log; whoever knows the definition answers it.

use seaworthy_core::{
    ids::SagaId,
    ports::{SagaStatus, Store},
    saga::{Asked, SagaError, SagaRequest, Verb, account, ask},
};
use seaworthy_sim::cli::CliError;
use serde_json::json;

use super::{
    arguments::{SagaFilter, SagaName},
    print::{NOTHING_CHANGED, Shown, counted, more, table},
    sagas::{Found, Sagas, find, named, rows},
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
        let status = account.saga.status;
        if status.is_terminal() {
            return Err(SagaError::NotAllowed { saga, reason: format!("it has ended: it is {}", status.name()) }.into());
        }
        let json = json!({ "dry_run": true, "request": request.to_string(), "sagas": [saga], "status": status.name() });
        let above = vec![
            format!("would ask saga {saga}, which is {}: {request}", status.name()),
            format!("it waits for {}", account.waits_for),
        ];
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
    let (sagas, next, mut shown) = if let Some(names) = names {
        let mut sagas: Vec<SagaId> = Vec::new();
        for name in names {
            sagas.push(named(store, name).await?);
        }
        (sagas, None, Shown::default())
    } else {
        let Sagas { found, next, now } = find(store, &[SagaStatus::Stuck], false, filter).await?;
        (found.iter().map(|Found { listed, .. }| listed.saga.id).collect(), next, rows(&found, now))
    };
    if !mode.yes {
        shown.json = json!({ "dry_run": true, "request": request.to_string(), "sagas": sagas, "next": next });
        shown.above.push(format!("would resume {}", counted(sagas.len(), "saga")));
        shown.below.extend(next.map(more));
        shown.below.push(NOTHING_CHANGED.to_owned());
        return Ok(shown);
    }
    let mut answers = table(&["saga", "result"]);
    let mut results = Vec::new();
    let mut written = 0;
    for saga in &sagas {
        // One that has ended meanwhile stands in the way of no other.
        let (result, text) = match ask(store, *saga, &request).await {
            Ok(asked) => {
                written += usize::from(asked == Asked::Written);
                (word(asked).to_owned(), sentence(asked, &request))
            }
            Err(SagaError::Store(error)) => return Err(error.into()),
            Err(error) => (error.to_string(), error.to_string()),
        };
        answers.add_row([saga.to_string(), text]);
        results.push(json!({ "saga": saga, "result": result }));
    }
    let json = json!({ "dry_run": false, "request": request.to_string(), "sagas": results, "next": next });
    let above = vec![format!("asked {written} of {} to go on", counted(sagas.len(), "saga"))];
    Ok(Shown { json, above, table: Some(answers), below: next.map(more).into_iter().collect() })
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
        _ => "there is nothing to do: it is where the verb leads".to_owned(),
    }
}
