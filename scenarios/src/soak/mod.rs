//! A soak: the shop on the real clock and on disk, under blows for minutes or hours, and audited when they are over.
//!
//! | module | what it is |
//! |---|---|
//! | `blows` | the blows and their moments, drawn from a seed |
//! | `orders`, `letters` | what comes in: orders for the shop, and letters, some of which are poison |
//! | `conductor` | feeds the worker, strikes it, starts it again, lets it come to rest |
//! | `course` | what fell on the worker, what came of it, and what did not hold |
//! | `process`, `protocol` | the worker as a process of its own, and the words between it and the conductor |
//! | `worker` | that process: the shop, its disks and its clock |
//! | `figures`, `growth` | memory, files and rows, and whether they stay as they are |
//! | `audit`, `report` | judgement, and how it is told |

mod arguments;
mod audit;
mod blows;
mod conductor;
mod course;
mod figures;
mod growth;
mod letters;
mod orders;
mod process;
mod protocol;
mod report;
mod worker;

use std::{fs::File, path::PathBuf, sync::Arc, time::Duration};

use clap::{ArgMatches, FromArgMatches};
use seaworthy_core::{
    ports::{Clock, Random},
    stop::Stop,
};
use seaworthy_order_fulfillment::stock::stock_up;
use seaworthy_scenarios::catalog;
use seaworthy_sim::cli::{CliError, Exit, terminal};
use seaworthy_sqlite::SqliteConfig;
use seaworthy_tokio::{OsRandom, TokioClock};
use tokio::signal;

use crate::serve::{Stores, paths, stop_on_signal};
use arguments::SoakArguments;
use conductor::Conductor;
use course::violated;
use orders::Customers;
use report::Report;

pub(crate) use arguments::{command, worker_command};
pub(crate) use worker::work;

/// Prints a line to standard output.
macro_rules! say {
    ($($text:tt)+) => { seaworthy_sim::cli::terminal::print(format_args!("{}\n", format_args!($($text)+))) };
}
use say;

/// The least that shows anything: in less, the process dies as often but does not live on for long enough to be measured.
const SHORTEST: Duration = Duration::from_secs(10);

/// The command `soak`.
pub(crate) fn soak(matches: &ArgMatches) -> Result<Exit, CliError> {
    let arguments = SoakArguments::from_arg_matches(matches)?;
    catalog::find(&arguments.scenario)?;
    if arguments.duration < SHORTEST {
        return Err(format!(
            "--for {:?} is too short to show anything: give it {SHORTEST:?} or more",
            arguments.duration
        )
        .into());
    }
    let files = paths(&arguments.store.0);
    audit::refuse_used(&files)?;
    let create =
        |file: &PathBuf| File::create(file).map_err(|error| format!("can't write {}: {error}", file.display()));
    let log = arguments.log.as_ref().map(create).transpose()?;
    if let Some(json) = &arguments.json {
        create(json)?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(run(&arguments, log))
}

async fn run(arguments: &SoakArguments, log: Option<File>) -> Result<Exit, CliError> {
    let seed = match arguments.seed {
        Some(seed) => seed,
        None => OsRandom::new()?.next_u64(),
    };
    let customers = Customers::new(seed, arguments.rate, arguments.duration);
    {
        let clock: Arc<dyn Clock> = Arc::new(TokioClock);
        let stores = Stores::open(&arguments.store, &clock, &SqliteConfig::default())?;
        stock_up(&*stores.orders, &customers.asked.stock).await?;
    }
    let stop = Stop::new();
    tokio::spawn({
        let stop = stop.clone();
        async move {
            stop_on_signal(stop).await;
            // Who does not wait for the rest gets no audit; the worker ends when nobody speaks to it any more.
            if signal::ctrl_c().await.is_ok() {
                std::process::exit(Exit::Interrupted.code().into());
            }
        }
    });
    eprintln!("seed {seed:#018x}; Ctrl-C ends it early, with an audit");
    let plan = blows::draw(seed, arguments.duration);
    let conductor = Conductor::new(arguments, paths(&arguments.store.0), log, customers, stop);
    let (customers, mut course) = conductor.conduct(plan.clone()).await?;
    let (audit, found) = audit::judge(&arguments.store, &customers).await?;
    course.violated.extend(found);
    let trends = growth::trends(&course.figures);
    for trend in trends.iter().filter(|trend| !trend.is_flat()) {
        let sentence = format!(
            "{} grew from {} to {} {}, and up to {} is flat",
            trend.of, trend.middle, trend.end, trend.unit, trend.at_most
        );
        course.violated.push(violated("stays-flat", sentence.replace(" ,", ",")));
    }
    let report = Report::new(arguments, (seed, &plan), (&customers, &course), &audit, &trends);
    let exit = report.print();
    if exit == Exit::Violated && arguments.log.is_none() {
        say!("the same blows again, with what the services say: --seed {seed:#018x} --log FILE");
    }
    let written = arguments.json.as_ref().map_or(Ok(()), |json| report.write(json));
    match (exit, written) {
        (Exit::Violated, Err(error)) => {
            eprintln!("{} {error}", terminal::error("error:"));
            Ok(exit)
        }
        (_, written) => written.map(|()| exit),
    }
}
