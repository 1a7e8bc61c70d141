//! Order fulfilment in production, in one process: the services of `seaworthy-order-fulfillment` on SQLite and tokio.
//!
//! ```text
//! shop DATABASE PROVIDER [ARTICLE=UNITS ...]
//! ```
//!
//! `DATABASE` is the file of `orders`; that of `shipping` lies beside it. `PROVIDER` is where payments are asked for, as
//! `HOST:PORT` (see `provider`). Articles are put into a database that has none yet. Requests come as lines of standard
//! input, and each is answered by a line of standard output (see `request_lines`). The program stops gracefully at the end of its
//! input and at Ctrl-C; killed at any moment, it goes on at the next start. Where a part of it ends by itself, it says so and
//! ends with an error, for whoever looks after it to start it again. `SHOP_RELAY_LEASE_MS` is the time after which the next
//! start publishes what a killed one had in hand, 5,000 ms if it is not set.

mod provider;
mod request_lines;

use std::{
    collections::BTreeMap,
    env,
    path::{Path, PathBuf},
    pin::pin,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use futures_util::future::{Either, select};
use seaworthy_core::{
    ports::{Ingress, Store},
    stop::Stop,
};
use seaworthy_order_fulfillment::{
    Settings, Variant, documents::STOCK_COLLECTION, messages::GROUPS, orders::orders, shipping::shipping,
    stock::stock_up,
};
use seaworthy_sqlite::{SqliteConfig, SqliteStore};
use seaworthy_tokio::{AcknowledgedBroker, LocalExternal, LocalIngress, Parts, Process, TokioClock};
use smol_str::SmolStr;

/// Requests that wait for their answer at a time: more would only wait for SQLite's one writer.
const WAITING_MAX: usize = 32;

/// Name of the setting of the relays' lease, in milliseconds.
const RELAY_LEASE_MS: &str = "SHOP_RELAY_LEASE_MS";

type AnyError = Box<dyn std::error::Error>;

/// Arguments of the command line.
struct Arguments {
    database: PathBuf,
    provider: String,
    /// Units by article.
    stock: BTreeMap<SmolStr, u64>,
    settings: Settings,
}

impl Arguments {
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self, AnyError> {
        const USAGE: &str = "usage: shop DATABASE PROVIDER [ARTICLE=UNITS ...]";
        let (Some(database), Some(provider)) = (arguments.next(), arguments.next()) else { return Err(USAGE.into()) };
        let article = |text: String| {
            let (article, units) = text.split_once('=').ok_or_else(|| format!("{text:?} is no ARTICLE=UNITS"))?;
            let units = units.parse().map_err(|error| format!("{text:?}: {error}"))?;
            Ok((article.into(), units))
        };
        let stock = arguments.map(article).collect::<Result<_, String>>()?;
        let lease_ms = match env::var(RELAY_LEASE_MS) {
            Ok(text) => text.parse().map_err(|error| format!("{RELAY_LEASE_MS} is {text:?}: {error}"))?,
            Err(_) => 5_000,
        };
        let settings = settings(Duration::from_millis(lease_ms));
        Ok(Self { database: database.into(), provider, stock, settings })
    }
}

fn main() -> ExitCode {
    // The services wait until a full disk has room again, and for a provider that is down: somebody has to be told.
    tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_writer(std::io::stderr).init();
    let ended = Arguments::read(env::args().skip(1)).and_then(|arguments| {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(shop(&arguments))
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Serves until the input ends or somebody presses Ctrl-C.
async fn shop(arguments: &Arguments) -> Result<(), AnyError> {
    let for_orders = open(arguments.database.clone())?;
    let for_shipping = open(beside(&arguments.database, "-shipping"))?;
    if for_orders.begin().await?.scan(STOCK_COLLECTION, None, 1).await?.is_empty() {
        stock_up(&*for_orders, &arguments.stock).await?;
    }
    let broker = Arc::new(AcknowledgedBroker::new(&GROUPS));
    let external = Arc::new(provider::at(&arguments.provider));
    let ingress = Arc::new(LocalIngress::new(WAITING_MAX));
    let process = |store| {
        let (broker, external): (_, Arc<LocalExternal>) = (broker.clone(), external.clone());
        Process::new(Parts { store, broker, external, ingress: ingress.clone() as Arc<dyn Ingress> })
    };
    let (taking, sending) = (process(for_orders)?, process(for_shipping)?);
    let (boot, other) = (taking.boot("orders-1"), sending.boot("shipping-1"));
    taking.start("orders", |_| orders(boot, Variant::default(), arguments.settings.clone()));
    sending.start("shipping", |_| shipping(other, Variant::default(), arguments.settings.clone()));

    let stop = Stop::new();
    let interrupted = stop.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            interrupted.set();
        }
    });
    // What has ended does nothing any more, and those who ask would wait for it: better to say so and to be started again.
    let died = async {
        match select(pin!(taking.died()), pin!(sending.died())).await {
            Either::Left((died, _)) => format!("orders-1: {died}"),
            Either::Right((died, _)) => format!("shipping-1: {died}"),
        }
    };
    if let Either::Right((died, _)) = select(pin!(request_lines::answer_lines(&ingress, &stop)), pin!(died)).await {
        return Err(died.into());
    }
    // Both hear of it before either is waited for: each may wait for the other's acknowledgement.
    taking.ports().stop.set();
    sending.ports().stop.set();
    taking.stop().await?;
    sending.stop().await?;
    Ok(())
}

/// Leases are short: nobody but this process works on its databases, and after a kill somebody waits for the next start.
fn settings(relay_lease: Duration) -> Settings {
    let settings = Settings::default().relay_lease(relay_lease).saga_lease(Duration::from_secs(3));
    settings.redrive_requests(Duration::from_secs(10))
}

fn open(path: PathBuf) -> Result<Arc<dyn Store>, AnyError> {
    Ok(Arc::new(SqliteStore::open(path, Arc::new(TokioClock), SqliteConfig::default())?))
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
