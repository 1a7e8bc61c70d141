//! The Rust in the READMEs of the packages is code that compiles, and does what they say.

use std::{error::Error, sync::Arc};

use bytes::Bytes;
use seaworthy_core::{
    message::MessageBuilder,
    ports::{Ports, Store},
    saga::{Orchestrator, OrchestratorConfig, Registry, SagaError, saga_id},
};
use seaworthy_sqlite::{SqliteConfig, SqliteStore};
use seaworthy_tokio::{LocalBroker, LocalExternal, LocalIngress, Process, TokioClock};

use crate::readme::{excerpts, words};

mod core {
    use bytes::Bytes;
    use seaworthy_core::{
        message::MessageBuilder,
        ports::{Expected, Ports, StoreError},
    };

    /// The service that takes sign-ups: the account and its event commit together, a relay publishes.
    pub(super) async fn sign_up(ports: &Ports, name: &str) -> Result<(), StoreError> {
        let mut tx = ports.store.begin().await?;
        if tx.get("accounts", name).await?.is_some() {
            return Ok(());
        }
        tx.put("accounts", name, Expected::Absent, Bytes::from_static(b"{}")).await?;
        let event = MessageBuilder::new("accounts", "account.opened", name);
        tx.stage(&event.draw(&*ports.clock, &*ports.random)).await?;
        tx.commit().await
    }
}

mod waiting {
    use std::time::Duration;

    use seaworthy_core::{
        message::Message,
        ports::Transaction,
        saga::{
            Action, Definition, DefinitionError, NothingToUndo, Orchestrator, SagaBuilder, SagaError, Signal, Wait,
            saga_id,
        },
    };

    const DAY: Duration = Duration::from_secs(24 * 3_600);

    struct Reserve;
    impl Action<u32> for Reserve {}

    struct PayOut;
    impl Action<u32> for PayOut {}

    /// A loan waits for an approval, and for the message that it is paid: what that says is its result.
    pub(super) fn loan() -> Result<Definition<u32>, DefinitionError> {
        SagaBuilder::new("loan", 1)
            .compensatable("reserve", Reserve, NothingToUndo)
            .wait("approval", Wait::signal("approved").or_reject(3 * DAY))
            .pivot("pay_out", PayOut)
            .wait("receipt", Wait::message("payment.settled"))
            .result_of("receipt")
            .build()
    }

    /// Whoever applies waits for the result, here or in another process, now or after a restart.
    pub(super) async fn apply(loans: &Orchestrator, id: &str, amount: u32) -> Result<String, SagaError> {
        let started = loans.start("loan", id, &amount).await?;
        loans.handle(started.saga).result().await
    }

    /// Somebody decides.
    pub(super) async fn approve(loans: &Orchestrator, id: &str, decision: &str) -> Result<(), SagaError> {
        loans.signal(saga_id("loan", id), &Signal::new("approved", decision)).await
    }

    /// A message is handled: it is given to the loan that its correlation id names, in the same transaction.
    pub(super) async fn settled(
        loans: &Orchestrator,
        tx: &mut dyn Transaction,
        message: &Message,
    ) -> Result<(), SagaError> {
        loans.deliver_in(tx, "loan", message).await.map(drop)
    }
}

mod memory {
    use bytes::Bytes;
    use seaworthy_core::ports::{Expected, Store, StoreError};
    use seaworthy_memory::{ManualClock, store::MemoryStore};

    pub(super) async fn order(body: Bytes) -> Result<MemoryStore, StoreError> {
        let store = MemoryStore::new(ManualClock::new());
        let mut tx = store.begin().await?;
        tx.put("orders", "order-17", Expected::Absent, body).await?;
        tx.commit().await?;
        Ok(store)
    }
}

mod figures {
    use std::{sync::Arc, time::Duration};

    use seaworthy_core::{
        metrics::{metered, watch},
        ports::Ports,
    };
    use seaworthy_metrics::{Facade, describe};

    pub(super) fn measured(ports: Ports) -> Ports {
        describe(); // after the exporter was installed
        let figures = Arc::new(Facade);
        let ports = metered(ports, figures.clone());
        ports.spawn("watch", watch(ports.clone(), figures, Duration::from_secs(15)));
        // ... relays, consumers and sagas on these ports
        ports
    }
}

mod on_tokio {
    use std::{error::Error, sync::Arc};

    use seaworthy_core::ports::{Broker, External, Ingress, Ports, Store};
    use seaworthy_tokio::{Parts, Process};

    async fn orders(ports: Ports) {
        assert!(ports.ingress.next().await.is_none(), "nobody asks, and then it stops");
    }

    pub(super) async fn start_and_stop(
        store: Arc<dyn Store>,
        broker: Arc<dyn Broker>,
        external: Arc<dyn External>,
        ingress: Arc<dyn Ingress>,
    ) -> Result<(), Box<dyn Error>> {
        let process = Process::new(Parts { store, broker, external, ingress })?;
        process.start("orders", orders);
        // ... until a signal arrives:
        process.stop().await?;
        Ok(())
    }
}

mod sqlite {
    use std::sync::Arc;

    use seaworthy_sqlite::{OpenError, SqliteConfig, SqliteStore};

    pub(super) fn open() -> Result<SqliteStore, OpenError> {
        let clock = Arc::new(seaworthy_tokio::TokioClock);
        let store = SqliteStore::open("orders.db", clock, SqliteConfig::default())?;
        Ok(store)
    }
}

mod redb {
    use std::sync::Arc;

    use seaworthy_redb::{OpenError, RedbConfig, RedbStore};

    pub(super) fn open() -> Result<RedbStore, OpenError> {
        let clock = Arc::new(seaworthy_tokio::TokioClock);
        let store = RedbStore::open("orders.redb", clock, RedbConfig::default())?;
        Ok(store)
    }
}

mod order_fulfillment {
    use seaworthy_core::boot::Boot;
    use seaworthy_order_fulfillment::{Settings, Variant, orders::orders};

    pub(super) async fn run(boot: Boot) {
        orders(boot, Variant::default(), Settings::default()).await;
    }
}

mod order_inventory {
    use seaworthy_core::boot::Boot;
    use seaworthy_order_inventory::choreographed;

    pub(super) async fn run(boot: Boot) {
        choreographed::orders(boot.ports).await;
    }
}

mod card_table {
    use seaworthy_card_table::players;
    use seaworthy_core::boot::Boot;

    pub(super) async fn run(boot: Boot) {
        players::serve(boot.ports).await;
    }
}

mod event_store {
    use seaworthy_core::boot::Boot;
    use seaworthy_event_store::bookings;

    pub(super) async fn run(boot: Boot) {
        bookings::take_bookings(boot.ports).await;
    }
}

fn process() -> Process {
    Process::new(parts()).expect("this machine has entropy")
}

fn parts() -> seaworthy_tokio::Parts {
    let store = SqliteStore::open_in_memory(Arc::new(TokioClock), SqliteConfig::simulation()).expect("it opens");
    let (broker, external) = (Arc::new(LocalBroker::default()), Arc::new(LocalExternal::new()));
    seaworthy_tokio::Parts { store: Arc::new(store), broker, external, ingress: Arc::new(LocalIngress::new(8)) }
}

#[test]
fn every_rust_excerpt_of_a_package_is_code_of_a_file_that_is_compiled() {
    let compiled = [
        include_str!("package_readmes.rs"),
        include_str!("sqlite_own_table/checkout.rs"),
        include_str!("../../scenarios/src/welcoming.rs"),
    ]
    .map(words);
    for (package, readme, count) in [
        ("core", include_str!("../../core/README.md"), 2),
        ("sim", include_str!("../../sim/README.md"), 1),
        ("scenarios", include_str!("../../scenarios/README.md"), 0),
        ("scenarios/order_fulfillment", include_str!("../../scenarios/order_fulfillment/README.md"), 1),
        ("scenarios/order_inventory", include_str!("../../scenarios/order_inventory/README.md"), 1),
        ("scenarios/card_table", include_str!("../../scenarios/card_table/README.md"), 1),
        ("scenarios/event_store", include_str!("../../scenarios/event_store/README.md"), 1),
        ("adapters/memory", include_str!("../../adapters/memory/README.md"), 1),
        ("adapters/metrics", include_str!("../../adapters/metrics/README.md"), 1),
        ("adapters/tokio", include_str!("../../adapters/tokio/README.md"), 1),
        ("adapters/redb", include_str!("../../adapters/redb/README.md"), 1),
        ("adapters/sqlite", include_str!("../../adapters/sqlite/README.md"), 2),
    ] {
        let excerpts = excerpts(readme);
        assert_eq!(excerpts.len(), count, "{package}: {excerpts:?}");
        for excerpt in excerpts {
            let is_compiled = compiled.iter().any(|file| file.contains(&words(excerpt)));
            assert!(is_compiled, "nothing compiles this excerpt of {package} as it is:\n{excerpt}");
        }
    }
}

#[tokio::test]
async fn who_signs_up_twice_as_the_core_says_has_one_event() {
    let process = process();
    let ports: Ports = figures::measured(process.ports());
    for _ in 0..2 {
        core::sign_up(&ports, "ada").await.expect("the store is there");
    }
    assert_eq!(ports.store.backlog().await.expect("the store is there").outbox_unsettled, 1);
}

#[tokio::test]
async fn a_loan_as_the_core_says_waits_for_its_approval_and_its_receipt() {
    let process = process();
    let ports: Ports = process.ports();
    let mut registry = Registry::new();
    registry.register(waiting::loan().expect("its steps fit")).expect("the only one");
    let loans = Orchestrator::new(&ports, registry, OrchestratorConfig::default());
    let (recovery, stop) = (loans.clone(), ports.stop.clone());
    ports.spawn("recovery", async move { recovery.run_recovery(&stop).await });
    let applied = tokio::spawn({
        let loans = loans.clone();
        async move { waiting::apply(&loans, "l-17", 900).await }
    });
    while let Err(error) = waiting::approve(&loans, "l-17", "decision-4").await {
        assert!(matches!(error, SagaError::NotFound(_)), "{error}");
        tokio::task::yield_now().await;
    }
    let receipt = MessageBuilder::new("bank", "payment.settled", "p-1").correlation(saga_id("loan", "l-17").0);
    let receipt = receipt.json("receipt 9").expect("a text").draw(&*ports.clock, &*ports.random);
    let mut tx = ports.store.begin().await.expect("the store is there");
    waiting::settled(&loans, &mut *tx, &receipt).await.expect("it waits, or will");
    tx.commit().await.expect("the store is there");
    assert_eq!(applied.await.expect("no panic").expect("it completes"), "receipt 9");
}

#[tokio::test]
async fn the_store_in_memory_keeps_what_its_readme_writes() {
    let store = memory::order(Bytes::from_static(b"confirmed")).await.expect("nobody else writes");
    let mut tx = store.begin().await.expect("it begins");
    assert_eq!(tx.get("orders", "order-17").await.expect("it reads").expect("written").body, "confirmed");
}

#[tokio::test]
async fn a_process_as_the_adapter_to_tokio_starts_it_stops_and_so_does_the_service_of_orders()
-> Result<(), Box<dyn Error>> {
    let seaworthy_tokio::Parts { store, broker, external, ingress } = parts();
    on_tokio::start_and_stop(store, broker, external, ingress).await?;
    let process = process();
    let orders = tokio::spawn(order_fulfillment::run(process.boot("orders-1")));
    process.stop().await?;
    orders.await?;
    let process = self::process();
    let orders = tokio::spawn(order_inventory::run(process.boot("orders-1")));
    process.stop().await?;
    orders.await?;
    let process = self::process();
    let players = tokio::spawn(card_table::run(process.boot("player-1")));
    process.stop().await?;
    players.await?;
    let process = self::process();
    let desk = tokio::spawn(event_store::run(process.boot("desk-1")));
    process.stop().await?;
    desk.await?;
    // They would make files beside this test.
    let _: fn() -> Result<seaworthy_redb::RedbStore, seaworthy_redb::OpenError> = redb::open;
    let _: fn() -> Result<SqliteStore, seaworthy_sqlite::OpenError> = sqlite::open;
    Ok(())
}
