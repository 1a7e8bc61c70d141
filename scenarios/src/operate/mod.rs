//! An operator's tool for the database of any service on SQLite or redb: it has no definition and no handler of the service, and
//! works beside it in short transactions - in a file of redb, which belongs to one process at a time, while the service is stopped.

mod arguments;
mod counts;
mod database;
mod letters;
mod print;
mod republish;
mod rows;
mod sagas;
mod verbs;

use std::env;

use clap::{ArgMatches, FromArgMatches};
use seaworthy_core::{ports::SagaStatus, saga};
use seaworthy_sim::cli::{CliError, Exit, terminal};

use arguments::{OperateArguments, Verb};
use database::Database;
use letters::LetterVerb;
use print::Shown;
use rows::RowVerb;
use verbs::Mode;

pub(crate) use arguments::command;

/// The command `operate`.
pub(crate) fn operate(matches: &ArgMatches) -> Result<Exit, CliError> {
    let arguments = OperateArguments::from_arg_matches(matches)?;
    // What can't be read is passed over, and told here.
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::WARN)
        .with_writer(std::io::stderr)
        .with_ansi(terminal::is_error_coloured())
        .init();
    let at = arguments.store.as_ref().ok_or("say which database: --store sqlite:FILE, or --store redb:FILE")?;
    let database = Database::open(at, arguments.migrate)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let shown = runtime.block_on(act(&database, &arguments))?;
    shown.print(arguments.json);
    Ok(Exit::Held)
}

async fn act(database: &Database, arguments: &OperateArguments) -> Result<Shown, CliError> {
    let store = database.store();
    let mode = Mode { yes: arguments.yes, by: arguments.by.clone().unwrap_or_else(user) };
    match &arguments.verb {
        Verb::Counts => counts::counts(store).await,
        Verb::Sagas { status, waiting, filter } => sagas::list(store, status, *waiting, filter).await,
        Verb::Stuck { filter } => sagas::list(store, &[SagaStatus::Stuck], false, filter).await,
        Verb::Show { saga } => sagas::show(store, saga).await,
        Verb::Resume { sagas, all, filter } => {
            let named = (!all).then_some(sagas.as_slice());
            verbs::resume(store, named, filter, &mode).await
        }
        Verb::Skip { saga, step, why } => {
            let skip = saga::Verb::Skip { step: step.into() };
            verbs::one(store, saga, skip, &why.reason, &mode).await
        }
        Verb::RetryNow { saga } => verbs::one(store, saga, saga::Verb::RetryNow, "", &mode).await,
        Verb::Settle { saga, step, output, not_done, why } => {
            let step = step.into();
            let settle = match not_done {
                true => saga::Verb::SettleNotDone { step },
                false => saga::Verb::Settle { step, output: output.clone().unwrap_or_default().into() },
            };
            verbs::one(store, saga, settle, &why.reason, &mode).await
        }
        Verb::Cancel { saga, why } => verbs::one(store, saga, saga::Verb::Cancel, &why.reason, &mode).await,
        Verb::Abandon { saga, why } => verbs::one(store, saga, saga::Verb::Abandon, &why.reason, &mode).await,
        Verb::DeadRows { filter } => rows::list(store, filter).await,
        Verb::RedriveRows { filter } => rows::change(store, filter, RowVerb::Redrive, mode.yes).await,
        Verb::DiscardRows { filter } => rows::change(store, filter, RowVerb::Discard, mode.yes).await,
        Verb::RepublishSince { asked } => republish::republish(database, asked, mode.yes).await,
        Verb::DeadLetters { filter } => letters::list(store, filter).await,
        Verb::RedriveLetters { filter } => letters::change(store, filter, LetterVerb::Redrive, mode.yes).await,
        Verb::DiscardLetters { filter } => letters::change(store, filter, LetterVerb::Discard, mode.yes).await,
    }
}

/// The user of this machine, as far as it says.
fn user() -> String {
    env::var("USER").or_else(|_| env::var("LOGNAME")).unwrap_or_else(|_| "an operator".to_owned())
}
