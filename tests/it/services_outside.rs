//! The card table and the bank outside the simulation: on tokio, with files of documents and of SQLite, and with a process that
//! dies in the middle and comes back.

use std::{collections::BTreeMap, future::Future, path::Path, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use seaworthy_card_table::{
    hands::{self, ACT, Act, ActInHand},
    messages::{Funds, GROUPS, Players},
    parts::encode,
    players::{self, JOIN, Wallet, open_wallets},
    tables::{self, SETTLE_TABLE, START_HAND, StartHand, open_tables},
};
use seaworthy_core::{
    choreography::Domain as _,
    events::Ledger,
    ports::{Clock, Ports, Store, Timestamp},
};
use seaworthy_event_store::{
    bookings::take_bookings,
    earlier,
    messages::{BALANCES, BOOK, Booking, GROUP, LOOK_UP, POST, REBUILD},
    notices::notices,
    post::{Mail, post},
    projections::{Balance, balances, search, statements},
};
use seaworthy_redb::{RedbConfig, RedbStore};
use seaworthy_sqlite::{SqliteConfig, SqliteStore};
use seaworthy_tokio::{AskError, LocalBroker, LocalExternal, LocalIngress, Parts, Process, TokioClock};

type Main = fn(Ports) -> Pin<Box<dyn Future<Output = ()> + Send>>;

/// Maker of a new file of a store.
type OpenStore = fn(&Path) -> Arc<dyn Store>;

const STORES: [OpenStore; 2] = [
    |file| Arc::new(RedbStore::open(file, Arc::new(TokioClock), RedbConfig::default()).expect("a new file")),
    |file| {
        let clock: Arc<dyn Clock> = Arc::new(TokioClock);
        Arc::new(SqliteStore::open(file, clock, SqliteConfig::default()).expect("a new file"))
    },
];

/// A service with a store of its own or of others, and those who ask it.
struct Service {
    store: Arc<dyn Store>,
    broker: Arc<LocalBroker>,
    customers: Arc<LocalIngress>,
    name: &'static str,
    main: Main,
    up: Process,
}

impl Service {
    fn start(store: &Arc<dyn Store>, broker: &Arc<LocalBroker>, name: &'static str, main: Main) -> Self {
        let customers = Arc::new(LocalIngress::new(64));
        let up = Self::boot(store, broker, &customers, name, main);
        Self { store: store.clone(), broker: broker.clone(), customers, name, main, up }
    }

    fn boot(
        store: &Arc<dyn Store>,
        broker: &Arc<LocalBroker>,
        customers: &Arc<LocalIngress>,
        name: &'static str,
        main: Main,
    ) -> Process {
        let (external, ingress) = (Arc::new(LocalExternal::new()), customers.clone());
        let parts = Parts { store: store.clone(), broker: broker.clone(), external, ingress };
        let process = Process::new(parts).expect("this machine has entropy");
        process.start(name, main);
        process
    }

    /// Ends its process as a crash does, and starts another one.
    fn dies_and_comes_back(&mut self) {
        self.up.abort();
        self.up = Self::boot(&self.store, &self.broker, &self.customers, self.name, self.main);
    }

    /// Asks until there is an answer: a process that dies leaves requests without one, and what is asked for may need something
    /// that comes yet.
    async fn ask(&self, operation: &'static str, body: Bytes) -> Bytes {
        loop {
            match self.customers.ask(operation, body.clone()).await {
                Ok(answer) => return answer,
                Err(AskError::Refused(_) | AskError::Unanswered) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    }

    async fn stops(self) {
        self.up.health().expect("none of its tasks has ended");
        self.up.stop().await.expect("it stops");
    }
}

/// Looks again and again until this is so.
async fn until<T: PartialEq + std::fmt::Debug>(expected: &T, look: impl AsyncFn() -> T) {
    let mut last = None;
    for _ in 0..4_000 {
        let now = look().await;
        if now == *expected {
            return;
        }
        last = Some(now);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{last:?} after 40 s, and not {expected:?}");
}

async fn wallets_of(store: &dyn Store, wallets: &Ledger<Wallet>, names: &[&str]) -> BTreeMap<String, i64> {
    let mut tx = store.begin().await.expect("up");
    let mut chips = BTreeMap::new();
    for name in names {
        let wallet = wallets.load(&mut *tx, name).await.expect("readable").state;
        chips.insert((*name).to_owned(), wallet.available);
    }
    chips
}

/// Three want one of two seats; a hand is played, and the table is settled. Nobody has a chip less in the end, but who has won
/// what the others have lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn seed_57_an_evening_at_the_card_table_outside_the_simulation_on_either_store_leaves_no_chip_behind() {
    for open in STORES {
        let folder = tempfile::tempdir().expect("a folder");
        let broker = Arc::new(LocalBroker::default());
        for (group, topics) in GROUPS {
            broker.declare(group, topics.iter().copied());
        }
        let [at_players, at_tables, at_hands] =
            ["players", "tables", "hands"].map(|name| open(&folder.path().join(name)));
        let chips = BTreeMap::from([("ann".into(), 100), ("bob".into(), 100), ("cid".into(), 100)]);
        open_wallets(&*at_players, &chips).await.expect("an empty store");
        open_tables(&*at_tables, &BTreeMap::from([("t-1".into(), 2)])).await.expect("an empty store");
        let players = Service::start(&at_players, &broker, Players::NAME, |ports| Box::pin(players::serve(ports)));
        let mut tables = Service::start(&at_tables, &broker, "tables", |ports| Box::pin(tables::serve(ports)));
        let hands = Service::start(&at_hands, &broker, "hands", |ports| Box::pin(hands::serve(ports)));
        let wallets = players::wallets(&players.up.ports());
        let names = ["ann", "bob", "cid"];
        let chips = |expected: [i64; 3]| names.map(str::to_owned).into_iter().zip(expected).collect::<BTreeMap<_, _>>();
        let now = async || wallets_of(&*at_players, &wallets, &names).await;

        for (player, amount) in [("ann", 40), ("bob", 30)] {
            let funds =
                Funds { player: player.into(), join: format!("j-{player}").into(), table: "t-1".into(), chips: amount };
            players.ask(JOIN, encode(&funds)).await;
        }
        until(&chips([60, 70, 100]), now).await;
        let start = StartHand { table: "t-1".into(), number: 1, stake: 10 };
        tables.ask(START_HAND, encode(&start)).await;
        // The table is full, and a process of it dies with that in hand or not.
        let late = Funds { player: "cid".into(), join: "j-cid".into(), table: "t-1".into(), chips: 20 };
        players.ask(JOIN, encode(&late)).await;
        tables.dies_and_comes_back();
        until(&chips([60, 70, 100]), now).await;

        for (player, act) in [("ann", Act::Hold), ("bob", Act::Fold)] {
            let act = ActInHand { hand: "t-1-h1".into(), player: player.into(), act };
            hands.ask(ACT, encode(&act)).await;
        }
        tables.ask(SETTLE_TABLE, encode(&"t-1")).await;
        until(&chips([110, 90, 100]), now).await;
        for service in [players, tables, hands] {
            service.stops().await;
        }
    }
}

/// Bookings by two desks at once, of which one dies; balances are built anew meanwhile. All that is made of the log agrees.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn seed_57_the_bank_outside_the_simulation_on_either_store_has_each_booking_once_in_all_that_is_made_of_it() {
    const BOOKINGS: u64 = 60;
    for open in STORES {
        let folder = tempfile::tempdir().expect("a folder");
        let broker = Arc::new(LocalBroker::default());
        broker.declare(GROUP.0, GROUP.1.iter().copied());
        let [bank, mails] = ["bank", "post"].map(|name| open(&folder.path().join(name)));
        let units = BTreeMap::from([("ada".into(), 5), ("eva".into(), 5)]);
        earlier::open(&*bank, &units, Timestamp::EPOCH).await.expect("an empty store");
        let mut desks = [0, 1].map(|_| Service::start(&bank, &broker, "desk", |ports| Box::pin(take_bookings(ports))));
        let balance = Service::start(&bank, &broker, BALANCES, |ports| Box::pin(balances(ports)));
        let others: [(&'static str, Main); 3] = [
            ("statements", |ports| Box::pin(statements(ports))),
            ("search", |ports| Box::pin(search(ports))),
            ("notices", |ports| Box::pin(notices(ports))),
        ];
        let others = others.map(|(name, main)| Service::start(&bank, &broker, name, main));
        let posting = Service::start(&mails, &broker, POST, |ports| Box::pin(post(ports)));

        let [one, two] = &desks;
        let book = async |desk: &Service, numbers: std::ops::Range<u64>| {
            for number in numbers {
                let (from, to) = if number % 3 == 0 { ("eva", "ada") } else { ("ada", "eva") };
                let id = format!("b-{number}").into();
                let booking = Booking { id, from: from.into(), to: to.into(), cents: 1, purpose: "rent".into() };
                desk.ask(BOOK, encode(&booking)).await;
            }
        };
        tokio::join!(book(one, 0..BOOKINGS / 3), book(two, BOOKINGS / 3..2 * BOOKINGS / 3));
        balance.ask(REBUILD, "2".into()).await;
        desks[0].dies_and_comes_back();
        book(&desks[0], 2 * BOOKINGS / 3..BOOKINGS).await;

        // Twenty from Eva to Ada, and forty the other way, beside what each account was opened with.
        let opened = 500;
        let (ada, eva) = (opened - 20, opened + 20);
        let entries = BOOKINGS + 1;
        let balances_now = async || {
            let mut found = Vec::new();
            for account in ["ada", "eva"] {
                let told = balance.ask(LOOK_UP, Bytes::from(account)).await;
                let Balance { cents, entries } = serde_json::from_slice(&told).expect("a balance");
                found.push((cents, entries));
            }
            found
        };
        until(&vec![(ada, entries), (eva, entries)], balances_now).await;
        let letters = async || {
            let mut tx = mails.begin().await.expect("up");
            let mut found = Vec::new();
            for account in ["ada", "eva"] {
                let mail = tx.get(POST, account).await.expect("readable");
                let mail = mail.map(|mail| serde_json::from_slice::<Mail>(&mail.body).expect("mail"));
                found.push(mail.map_or((0, 0), |mail| (mail.letters, mail.cents)));
            }
            found
        };
        // Nobody is written to for what an earlier release had booked.
        until(&vec![(BOOKINGS, ada - opened), (BOOKINGS, eva - opened)], letters).await;
        for service in desks.into_iter().chain([balance, posting]).chain(others) {
            service.stops().await;
        }
    }
}
