//! The services that the scenario simulates, unchanged, on tokio: SQLite or redb on disk, a broker within the process, orders
//! from a file.

mod arguments;
mod begun;
mod payments;
mod shop;
mod stores;

use std::{pin::pin, sync::Arc, time::Duration};

use clap::{ArgMatches, FromArgMatches};
use futures_util::future::{Either, select};
use seaworthy_core::{ports::Clock, stop::Stop};
use seaworthy_order_fulfillment::{Settings, json::encode, messages::GROUPS, requests::PLACE_ORDER, stock::stock_up};
use seaworthy_scenarios::{
    catalog,
    order_fulfillment::{
        OrderFulfillment, Orders, PlannedOrder,
        audit::{Audit, audit},
        orders_file::read_orders,
    },
};
use seaworthy_sim::cli::{CliError, Exit, terminal};
use seaworthy_tokio::{AcknowledgedBroker, AskError, LocalIngress, TokioClock};
use tokio::{signal, sync::Semaphore};

use arguments::ServeArguments;

/// Orders that are asked for at a time: more would only wait for the database's one writer.
const ASKED_AT_A_TIME: usize = 32;
/// Interval of the checks that everything has come to rest.
const LOOK_EVERY: Duration = Duration::from_millis(100);

pub(crate) use arguments::{SqliteUrl, StoreUrl, command};
pub(crate) use shop::{Replicas, Shop};
pub(crate) use stores::{Stores, paths};

/// Prints a line to standard output.
macro_rules! say {
    ($($text:tt)+) => { terminal::print(format_args!("{}\n", format_args!($($text)+))) };
}

/// The command `serve`.
pub(crate) fn serve(matches: &ArgMatches) -> Result<Exit, CliError> {
    let arguments = ServeArguments::from_arg_matches(matches)?;
    let scenario = catalog::find(&arguments.scenario)?;
    let workload = read_orders(&arguments.orders)?;
    // The services wait until a full disk has room again: somebody has to be told that they do.
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::WARN)
        .with_writer(std::io::stderr)
        .with_ansi(terminal::is_error_coloured())
        .init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(shop(&scenario, workload, &arguments))
}

async fn shop(scenario: &OrderFulfillment, mut workload: Orders, arguments: &ServeArguments) -> Result<Exit, CliError> {
    let clock: Arc<dyn Clock> = Arc::new(TokioClock);
    let stores = Stores::open_any(&arguments.store, &clock)?;
    let is_new = stores.is_new().await?;
    // All of them: fewer of the same file are the same stock.
    begun::with(&workload, is_new, &*stores.orders, &arguments.store.path().display().to_string()).await?;
    if let Some(limit) = arguments.limit {
        workload.orders.truncate(limit);
    }
    if is_new {
        stock_up(&*stores.orders, &workload.stock).await?;
    }
    let (stop, ingress) = (Stop::new(), Arc::new(LocalIngress::new(ASKED_AT_A_TIME)));
    let replicas = Shop {
        variant: scenario.variant(),
        stores: stores.clone(),
        broker: Arc::new(AcknowledgedBroker::new(&GROUPS)),
        ingress: ingress.clone(),
        clock,
        settings: settings(arguments.saga_lease),
    }
    .start()?;
    tokio::spawn(stop_on_signal(stop.clone()));

    let serving = async {
        feed(&workload.orders, &ingress, &stop).await;
        while !stop.is_set() && !stores.are_idle().await? {
            TokioClock.sleep(LOOK_EVERY).await;
        }
        Ok::<_, CliError>(())
    };
    // What has ended does nothing any more, and the others would wait for it: better to say so and to be started again.
    match select(pin!(serving), pin!(replicas.died())).await {
        Either::Left((served, _)) => served?,
        Either::Right((died, _)) => return Err(died.into()),
    }
    let interrupted = stop.is_set();
    replicas.stop().await?;
    if interrupted {
        say!("stopped; start again to go on");
        return Ok(Exit::Interrupted);
    }
    let found = audit(&workload, &*stores.orders, &*stores.shipping, &*stores.payments).await?;
    Ok(report(&found))
}

/// Leases are short, because all replicas die together here and somebody waits for the next start.
fn settings(saga_lease: Duration) -> Settings {
    let settings = Settings::default().relay_lease(Duration::from_secs(5)).saga_lease(saga_lease);
    settings.redrive_requests(Duration::from_secs(10))
}

/// Asks for every order until it is answered. One that was placed before a crash is placed once all the same.
async fn feed(orders: &[PlannedOrder], ingress: &Arc<LocalIngress>, stop: &Stop) {
    let places = Arc::new(Semaphore::new(ASKED_AT_A_TIME));
    for order in orders {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        if stop.is_set() {
            return;
        }
        let (ingress, request, stop) = (ingress.clone(), order.request(), stop.clone());
        tokio::spawn(async move {
            let body = encode(&request);
            while !stop.is_set() && ingress.ask(PLACE_ORDER, body.clone()).await == Err(AskError::Unanswered) {
                TokioClock.sleep(LOOK_EVERY).await;
            }
            drop(place);
        });
    }
    // All places are free again once all are answered.
    let _ = places.acquire_many(ASKED_AT_A_TIME as u32).await;
}

/// Sets `stop` at Ctrl-C or SIGTERM.
pub(crate) async fn stop_on_signal(stop: Stop) {
    #[cfg(unix)]
    {
        let Ok(mut terminate) = signal::unix::signal(signal::unix::SignalKind::terminate()) else { return };
        let (interrupt, terminate) = (std::pin::pin!(signal::ctrl_c()), std::pin::pin!(terminate.recv()));
        futures_util::future::select(interrupt, terminate).await;
    }
    #[cfg(not(unix))]
    if signal::ctrl_c().await.is_err() {
        return;
    }
    stop.set();
}

fn report(found: &Audit) -> Exit {
    for (status, count) in &found.orders {
        say!("{count:>7} orders {status}");
    }
    say!("{:>7} shipments", found.shipments);
    for violation in &found.findings.violations {
        say!("{} {}: {}", terminal::bad("violated"), violation.invariant, violation.sentence);
    }
    if found.findings.violations.is_empty() {
        say!("{}: every business invariant", terminal::good("held"));
        Exit::Held
    } else {
        Exit::Violated
    }
}
