//! The process that is killed: the shop as `serve` runs it, with a consumer of letters beside it, doing as it is told.

mod clock;
mod disk;
mod reader;

use std::{
    io::{BufRead, stdin},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use clap::{ArgMatches, FromArgMatches};
use futures_util::future::{Either, select};
use seaworthy_core::{
    backoff::Backoff,
    ports::{Clock, Intercepted, Store},
};
use seaworthy_order_fulfillment::{
    Settings,
    json::encode,
    messages::GROUPS,
    requests::{CANCEL_ORDER, PLACE_ORDER},
    upkeep,
};
use seaworthy_scenarios::catalog;
use seaworthy_sim::cli::{CliError, Exit};
use seaworthy_sqlite::{SqliteConfig, SqliteStore};
use seaworthy_tokio::{AcknowledgedBroker, AskError, LocalIngress, TokioClock};
use tokio::{sync::mpsc, time::Instant};

use super::{
    arguments::WorkerArguments,
    blows::Place,
    letters::{LETTERS, Letter},
    protocol::{Said, Tell, tell_parent},
};
use crate::serve::{Replicas, Shop, SqliteUrl, Stores, paths};
use clock::SetBackClock;
use disk::Disk;

/// Wait before something that failed is asked for again.
const AGAIN: Duration = Duration::from_millis(50);
/// Time that another process may hold the lock before the store says that it can't be reached: less than some locks take.
const BUSY_TIMEOUT: Duration = Duration::from_secs(1);
/// Interval at which it is told how much is in hand.
const TELL_EVERY: Duration = Duration::from_millis(250);
/// Time in which a database has to be open: more than a lock takes that was there when this process began.
const OPEN_WITHIN: Duration = Duration::from_secs(10);

/// The command by which the soak starts this process.
pub(crate) fn work(matches: &ArgMatches) -> Result<Exit, CliError> {
    let arguments = WorkerArguments::from_arg_matches(matches)?;
    tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_writer(std::io::stderr).with_ansi(false).init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(async {
        let mut tells = listen();
        let worker = Worker::start(&arguments).await?;
        tell_parent(&Said::Ready);
        tokio::spawn(tell_in_hand(worker.stores.clone()));
        let obeying = async {
            // Where the soak has ended, whatever ended it, this process ends as well.
            while let Some(tell) = tells.recv().await {
                if matches!(tell, Tell::Stop) {
                    worker.processes.stop().await?;
                    return Ok(());
                }
                worker.obey(tell);
            }
            Err("the soak that started this process is gone".into())
        };
        match select(pin!(obeying), pin!(worker.processes.died())).await {
            Either::Left((ended, _)) => ended,
            Either::Right((died, _)) => {
                tell_parent(&Said::Died(died.clone()));
                Err(CliError::from(died))
            }
        }
    });
    // Its thread waits for a line that never comes.
    runtime.shutdown_background();
    ended.map(|()| Exit::Held)
}

/// Reads what it is told, on a thread of its own since reading blocks.
fn listen() -> mpsc::UnboundedReceiver<Tell> {
    let (heard, tells) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in stdin().lock().lines() {
            let Ok(line) = line else { return };
            if let Ok(tell) = serde_json::from_str(&line)
                && heard.send(tell).is_err()
            {
                return;
            }
        }
    });
    tells
}

/// Settings with which a minute is long: leases, polls and retention of seconds.
fn settings(arguments: &WorkerArguments) -> Settings {
    let ms = Duration::from_millis;
    let keep = ms(arguments.keep_ms);
    let window = keep.min(Duration::from_secs(2));
    Settings::default()
        .relay_poll(Backoff::new(ms(50), ms(500)))
        .relay_lease(Duration::from_secs(3))
        .relay_claims(arguments.alone_after, arguments.given_up_after)
        .saga_lease(Duration::from_secs(3))
        .recovery_poll(Backoff::new(ms(100), ms(1_000)))
        .redelivery_window(window)
        .keep_inbox(keep.max(window + ms(1)))
        .keep_watermarks(keep.max(ms(arguments.keep_watermarks_ms)))
        .keep(keep)
        .sweep(Backoff::new(ms(500), ms(1_000)))
}

struct Worker {
    clock: Arc<SetBackClock>,
    /// The disks of orders, shipping and payments.
    disks: [Disk; 3],
    stores: Stores,
    ingress: Arc<LocalIngress>,
    processes: Replicas,
}

impl Worker {
    async fn start(arguments: &WorkerArguments) -> Result<Self, CliError> {
        let clock = Arc::new(SetBackClock::behind(arguments.behind_ms));
        let of_stores: Arc<dyn Clock> = clock.clone();
        let config = SqliteConfig::default().busy_timeout(BUSY_TIMEOUT);
        let began = Instant::now();
        let (disks, open) = loop {
            match open(&arguments.store, &of_stores, &config).await {
                Ok(open) => break open,
                // Held by another process, as it may have been when this one's predecessor was killed.
                Err(error) if began.elapsed() < OPEN_WITHIN => tracing::warn!(%error, "a database can't be opened yet"),
                Err(error) => return Err(error),
            }
            TokioClock.sleep(AGAIN).await;
        };
        let behind = |store, disk: &Disk| -> Arc<dyn Store> { Arc::new(Intercepted::new(store, disk.clone())) };
        let stores = Stores {
            orders: behind(open.orders, &disks[0]),
            shipping: behind(open.shipping, &disks[1]),
            payments: behind(open.payments, &disks[2]),
        };
        let ingress = Arc::new(LocalIngress::new(64));
        let settings = settings(arguments);
        let groups: Vec<(&str, &[&str])> = GROUPS.into_iter().chain([(LETTERS, &[LETTERS][..])]).collect();
        let shop = Shop {
            variant: catalog::find(&arguments.scenario)?.variant(),
            stores: stores.clone(),
            broker: Arc::new(AcknowledgedBroker::new(&groups)),
            ingress: ingress.clone(),
            clock: of_stores,
            settings: settings.clone(),
        };
        let mut processes = shop.start()?;
        let (process, boot) = shop.process(&stores.orders, LETTERS.to_owned())?;
        process.start("letters", |_| reader::consume(boot.ports.clone()));
        process.start("upkeep", |_| upkeep::keep_tidy(boot.ports, settings, vec![LETTERS.into()]));
        processes.add(LETTERS.into(), process);
        Ok(Self { clock, disks, stores, ingress, processes })
    }

    /// Does as it is told, beside all else.
    fn obey(&self, tell: Tell) {
        let stores = self.stores.clone();
        match tell {
            Tell::Place(order) => {
                let id = order.id.clone();
                self.ask(PLACE_ORDER, encode(&order), Said::Placed(id));
            }
            Tell::Cancel(order) => {
                self.ask(CANCEL_ORDER, order.as_str().to_owned().into(), Said::Cancelled(order));
            }
            Tell::Send(letter) => drop(tokio::spawn(send(letter, stores.orders, self.clock.clone()))),
            Tell::FullDisk { place, for_ms } => {
                let disk = self.disk(place);
                tokio::spawn(async move {
                    if disk.fill(for_ms).await.is_err() {
                        while disk.clear().await.is_err() {
                            TokioClock.sleep(AGAIN).await;
                        }
                    }
                });
            }
            Tell::SlowDisk { place, commit_ms, for_ms } => {
                let disk = self.disk(place);
                tokio::spawn(async move { disk.slow(commit_ms, for_ms).await });
            }
            Tell::SetBack { by_ms } => self.clock.set_back(by_ms),
            Tell::IsIdle => {
                tokio::spawn(async move { tell_parent(&Said::Waits(waits(&stores).await)) });
            }
            Tell::Stop => {}
        }
    }

    fn disk(&self, place: Place) -> Disk {
        self.disks[place as usize].clone()
    }

    /// Asks until it is answered.
    fn ask(&self, operation: &'static str, body: Bytes, answered: Said) {
        let ingress = self.ingress.clone();
        tokio::spawn(async move {
            while ingress.ask(operation, body.clone()).await == Err(AskError::Unanswered) {
                TokioClock.sleep(AGAIN).await;
            }
            tell_parent(&answered);
        });
    }
}

/// Opens the databases, each with the disk that it lies on.
async fn open(at: &SqliteUrl, clock: &Arc<dyn Clock>, config: &SqliteConfig) -> Result<([Disk; 3], Stores), CliError> {
    let [orders, shipping, payments] = paths(&at.0);
    let disk = |path| SqliteStore::open(path, clock.clone(), config.clone()).map(Disk::new);
    let disks = [disk(orders)?, disk(shipping)?, disk(payments)?];
    for disk in &disks {
        disk.clear().await?;
    }
    Ok((disks, Stores::open(at, clock, config)?))
}

async fn send(letter: Letter, store: Arc<dyn Store>, clock: Arc<SetBackClock>) {
    while letter.send(&*store, &*clock).await.is_err() {
        TokioClock.sleep(AGAIN).await;
    }
    tell_parent(&Said::Sent(letter));
}

/// Tells again and again how much is in hand.
async fn tell_in_hand(stores: Stores) {
    loop {
        if let Ok(backlogs) = stores.backlogs().await {
            tell_parent(&Said::InHand(backlogs.iter().map(|of| of.outbox_unsettled + of.sagas_active).sum()));
        }
        TokioClock.sleep(TELL_EVERY).await;
    }
}

/// Returns what waits in the stores; nothing where all is at rest.
async fn waits(stores: &Stores) -> String {
    match stores.are_idle().await {
        Ok(true) => String::new(),
        Ok(false) => match stores.backlogs().await {
            Ok([orders, shipping]) => format!("orders has {orders:?}, shipping has {shipping:?}"),
            Err(error) => error.to_string(),
        },
        Err(error) => error.to_string(),
    }
}
