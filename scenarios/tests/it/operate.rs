//! The operator's tool on the database of the shop: whatever is stuck or dead in it is found, told and mended from outside,
//! by a program that has none of the shop's definitions.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use rusqlite::Connection;
use seaworthy_core::{
    ids::{ClaimToken, Direction, SagaId},
    inbox::{Consumer, ConsumerConfig, Handler, HandlerError, Handlers},
    message::{Message, MessageBuilder},
    ports::{
        ClaimRequest, Clock as _, DefinitionRef, Expected, InboxEntry, NewSaga, OutboxOrder, OutboxStore, SagaAppend,
        SagaStatus, SettleOutcome, Settlement, Store, Timestamp, Transaction, WhenDead,
    },
    saga::{Failure, Record, saga_id},
    stop::Stop,
};
use seaworthy_order_fulfillment::{
    ClockAndRandom,
    checkout::{CHECKOUT, checkout},
    json::encode,
};
use seaworthy_scenarios::order_fulfillment::orders_file::read_orders;
use seaworthy_sqlite::{SqliteConfig, SqliteStore};
use seaworthy_tokio::{LocalBroker, OsRandom, TokioClock};
use serde_json::Value;
use tempfile::TempDir;
use uuid::Uuid;

const ORDERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/orders.csv");

/// A folder with the shop's database.
struct Shop {
    folder: TempDir,
    /// A checkout that waits for an operator.
    stuck: SagaId,
    /// Its business key.
    key: String,
    /// An outbox row that no broker would take.
    row: Message,
    /// A message that a consumer has given up.
    letter: Message,
}

impl Shop {
    /// The database as the services have left it: the first order's checkout is stuck before its first step.
    fn new() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let order = read_orders(Path::new(ORDERS)).expect("ours").orders[0].request();
        let stuck = saga_id(CHECKOUT, &order.id);
        let message = |number: u128, topic: &str| {
            let id = seaworthy_core::ids::MessageId(Uuid::from_u128(number));
            MessageBuilder::new("orders", "invoice.due", "17").topic(topic).build(id, Timestamp::EPOCH)
        };
        let (row, letter) = (message(7, "invoices"), message(8, "orders"));
        runtime.block_on(async {
            let store = open(&folder.path().join("shop.db"));
            let definition = checkout(&ClockAndRandom::dummy()).expect("ours").reference().clone();
            let lease = Duration::ZERO;
            let mut tx = store.begin().await.unwrap();
            let (key, input) = (order.id.clone(), encode(&order));
            tx.saga_create(&NewSaga { id: stuck, definition, key, input, correlation_id: stuck.0, lease })
                .await
                .unwrap();
            let error = "the file system is full".to_owned();
            let (step, direction, failure) = ("open_order".into(), Direction::Action, Failure::Transient);
            let failed = Record::Retry {
                step,
                direction,
                attempt: 1,
                failure,
                delay_us: 0,
                error: error.clone(),
                panicked: false,
            };
            let reason = format!("step `open_order` has used up its attempts: {error}");
            let records = [Record::Started { deadline_us: None }, failed, Record::Stuck { reason }];
            tx.saga_append(&SagaAppend {
                saga: stuck,
                epoch: 1,
                expected_length: 0,
                records: records.iter().map(Record::encode).collect(),
                status: SagaStatus::Stuck,
                lease,
                sleep: lease,
                definition: None,
                forgets: false,
                keys: Vec::new(),
                outcome: None,
            })
            .await
            .unwrap();
            tx.stage(&row).await.unwrap();
            tx.inbox_bury(&InboxEntry::for_message("orders", &letter), &letter, "it has no amount").await.unwrap();
            tx.commit().await.unwrap();
            let (ordering, when_dead) = (OutboxOrder::PerKey, WhenDead::BlockKey);
            let (token, lease) = (ClaimToken(Uuid::from_u128(1)), Duration::from_secs(60));
            let claim = ClaimRequest { token, limit: 1, lease, ordering, when_dead, except_topics: Vec::new() };
            let claimed = store.claim(&claim).await.unwrap().remove(0);
            let outcome = SettleOutcome::Dead { reason: "there is no topic invoices".into() };
            store.settle(token, &[Settlement { row: claimed.row, outcome }]).await.unwrap();
        });
        Self { folder, stuck, key: order.id.to_string(), row, letter }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("shop.db")
    }

    /// Calls the program; returns what it printed.
    fn operate(&self, arguments: &[&str]) -> String {
        let (code, out, error) = operate(&self.path(), arguments);
        assert_eq!(code, Some(0), "{arguments:?}: {out}{error}");
        assert_eq!(error, "", "{arguments:?}");
        out
    }

    /// Calls the program for a document.
    fn document(&self, arguments: &[&str]) -> Value {
        let out = self.operate(&[arguments, &["--json"]].concat());
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {out}"))
    }

    /// Calls the program for what it refuses; returns what it says.
    fn refused(&self, arguments: &[&str]) -> String {
        refused(&self.path(), arguments)
    }

    /// Everything that an operator can see.
    fn everything(&self) -> Vec<Value> {
        let counts = self.document(&["counts"]);
        let counts =
            ["/outbox_pending/count", "/outbox_dead/count", "/dead_letters/orders/count", "/sagas/stuck/count"]
                .map(|count| counts.pointer(count).cloned().unwrap_or_default());
        let key = format!("{CHECKOUT}/{}", self.key);
        [&["sagas"][..], &["show", &key], &["dead-rows"], &["dead-letters"]]
            .map(|list| self.document(list))
            .into_iter()
            .chain(counts)
            .collect()
    }
}

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path, Arc::new(TokioClock), SqliteConfig::default()).expect("a database")
}

fn operate(path: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_seaworthy"));
    command.args(["operate", "--store", &format!("sqlite:{}", path.display()), "--by", "ops"]).args(arguments);
    let Output { status, stdout, stderr } = command.output().expect("the program was built for this test");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (status.code(), text(stdout), text(stderr))
}

fn refused(path: &Path, arguments: &[&str]) -> String {
    let (code, out, error) = operate(path, arguments);
    assert_eq!((code, out.as_str()), (Some(2), ""), "{arguments:?}: {error}");
    error
}

#[test]
fn what_is_stuck_or_dead_is_counted_listed_and_told() {
    let shop = Shop::new();
    let counts = shop.operate(&["counts"]);
    for line in ["outbox rows dead", "dead letters of orders", "sagas stuck"] {
        let told = counts.lines().find(|told| told.contains(line)).unwrap_or_else(|| panic!("{line}: {counts}"));
        assert!(told.split_whitespace().any(|word| word == "1"), "{told}");
    }
    let stuck = shop.operate(&["stuck"]);
    let key = format!("{CHECKOUT}/{}", shop.key);
    for told in ["1 saga", &shop.stuck.to_string(), &key, "open_order", "used up its attempts: the file system is full"]
    {
        assert!(stuck.contains(told), "{told}: {stuck}");
    }
    let document = shop.document(&["stuck", "--because", "file system"]);
    let saga = &document["sagas"][0];
    assert_eq!((&saga["status"], &saga["waits_for"]["step"]), (&"stuck".into(), &"open_order".into()), "{document}");
    for nothing in [&["stuck", "--because", "weather"], &["sagas", "--status", "running"], &["stuck", "--for", "1d"]] {
        assert_eq!(shop.document(nothing)["sagas"], serde_json::json!([]), "{nothing:?}");
    }
    let told = shop.operate(&["show", &key]);
    for line in
        ["the saga is started", "attempt 1 of step `open_order` failed: the file system is full", "the saga is stuck"]
    {
        assert!(told.contains(line), "{line}: {told}");
    }
    assert_eq!(shop.operate(&["show", &shop.stuck.to_string()]), told);
    assert_eq!(shop.document(&["dead-rows"])["dead_rows"][0]["message"], shop.row.id.to_string());
    assert!(shop.operate(&["dead-rows", "--topic", "invoices"]).contains("there is no topic invoices"));
    assert_eq!(shop.document(&["dead-letters"])["dead_letters"][0]["message"], shop.letter.id.to_string());
    assert!(shop.operate(&["dead-letters", "--consumer", "orders"]).contains("it has no amount"));
}

#[test]
fn what_changes_something_only_says_so_until_it_is_told_to() {
    let shop = Shop::new();
    let saga = shop.stuck.to_string();
    let before = shop.everything();
    let verbs: [&[&str]; 13] = [
        &["resume", &saga],
        &["resume", "--all"],
        &["skip", &saga, "open_order", "--reason", "by hand"],
        &["cancel", &saga, "--reason", "a mistake"],
        &["abandon", &saga, "--reason", "a mistake"],
        &["retry-now", &saga],
        &["settle", &saga, "open_order", "7", "--reason", "by hand"],
        &["settle", &saga, "open_order", "--not-done", "--reason", "by hand"],
        &["discard-letters"],
        &["redrive-letters"],
        &["redrive-rows"],
        &["discard-rows"],
        &["republish-since", "1997-01-01T00:00:00Z"],
    ];
    for verb in verbs {
        let said = shop.operate(verb);
        assert!(said.contains("would ") && said.contains("nothing is changed: say --yes to do it"), "{verb:?}: {said}");
        assert_eq!(shop.document(verb)["dry_run"], true, "{verb:?}");
    }
    assert_eq!(shop.everything(), before);
}

#[test]
fn a_stuck_checkout_that_is_resumed_by_the_program_is_finished_by_the_services() {
    let shop = Shop::new();
    let said = shop.operate(&["resume", "--all", "--yes"]);
    assert!(said.contains("asked 1 of 1 saga to go on"), "{said}");
    let told = shop.operate(&["show", &shop.stuck.to_string()]);
    assert!(told.contains("running, waits for an answer to: resume, asked for by ops"), "{told}");
    let again = shop.operate(&["resume", &shop.stuck.to_string(), "--yes"]);
    assert!(again.contains("it is where the verb leads"), "{again}");
    assert!(shop.operate(&["discard-rows", "--because", "no topic", "--yes"]).contains("1 dead row deleted"));
    assert!(shop.operate(&["discard-letters", "--kind", "invoice.due", "--yes"]).contains("1 dead letter deleted"));
    let store = format!("sqlite:{}", shop.path().display());
    let served = Command::new(env!("CARGO_BIN_EXE_seaworthy"))
        .args(["serve", "--store", &store, "--orders", ORDERS, "--limit", "20"])
        .output()
        .expect("the program was built for this test");
    let said = String::from_utf8_lossy(&served.stdout);
    assert_eq!(served.status.code(), Some(0), "{said}{}", String::from_utf8_lossy(&served.stderr));
    let told = shop.operate(&["show", &shop.stuck.to_string()]);
    for line in [
        "completed, waits for nothing",
        "what an operator asks for is granted",
        "an operator sets the saga going again",
    ] {
        assert!(told.contains(line), "{line}: {told}");
    }
    let sent = shop.document(&["republish-since", "1997-01-01T00:00:00Z", "--topic", "orders"]);
    assert!(sent["count"].as_u64().is_some_and(|count| count > 0), "{sent}");
    let again = shop.document(&["republish-since", "1997-01-01T00:00:00Z", "--topic", "orders", "--yes"]);
    assert_eq!(again["count"], sent["count"]);
    let counts = shop.document(&["counts"]);
    assert_eq!(counts["outbox_pending"]["count"], sent["count"], "{counts}");
    assert_eq!(
        (&counts["outbox_dead"]["count"], &counts["dead_letters"]),
        (&0.into(), &serde_json::json!({})),
        "{counts}"
    );
    let ended = shop.refused(&["cancel", &shop.stuck.to_string(), "--reason", "late", "--yes"]);
    assert!(ended.contains("can no longer be cancelled"), "{ended}");
}

#[test]
fn rows_are_redriven_and_a_saga_is_given_up_while_another_process_has_the_file_open() {
    let shop = Shop::new();
    let beside = open(&shop.path());
    assert!(shop.operate(&["redrive-rows", "--yes"]).contains("1 dead row pending again"));
    assert!(
        shop.operate(&["abandon", &shop.stuck.to_string(), "--reason", "a test", "--yes"]).contains("it is given up")
    );
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let backlog = runtime.block_on(beside.backlog()).unwrap();
    assert_eq!((backlog.outbox_unsettled, backlog.outbox_dead, backlog.sagas_stuck), (1, 0, 0));
    let told = shop.document(&["sagas", "--status", "abandoned"]);
    assert_eq!(told["sagas"].as_array().map(Vec::len), Some(1));
    assert!(shop.operate(&["show", &shop.stuck.to_string()]).contains("abandon, asked for by ops: a test"));
}

#[test]
fn a_file_that_is_not_there_or_is_not_ours_is_refused_and_left_as_it_is() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("shop.db");
    let error = refused(&path, &["stuck"]);
    assert!(error.contains("shop.db") && error.contains("there is no such file"), "{error}");
    assert!(!path.exists(), "nothing is created");
    std::fs::write(&path, "not a database, but long enough to look like one to somebody in a hurry".repeat(30))
        .unwrap();
    let error = refused(&path, &["stuck"]);
    assert!(error.contains("is no database of seaworthy"), "{error}");
    std::fs::remove_file(&path).unwrap();
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE mine (x)").unwrap();
    let before = std::fs::read(&path).unwrap();
    let error = refused(&path, &["stuck", "--migrate"]);
    assert!(error.contains("is no database of seaworthy"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn an_older_file_is_migrated_only_when_the_program_is_told_to() {
    let shop = Shop::new();
    let file = Connection::open(shop.path()).unwrap();
    let known: i64 = file.query_row("SELECT version FROM seaworthy_schema", [], |row| row.get(0)).unwrap();
    // As a file of the release before, as far as opening it goes.
    file.execute("UPDATE seaworthy_schema SET version = ?1", [known - 1]).unwrap();
    let error = shop.refused(&["stuck"]);
    assert!(error.contains(&format!("schema version {}", known - 1)) && error.contains("--migrate"), "{error}");
    let version = || -> i64 { file.query_row("SELECT version FROM seaworthy_schema", [], |row| row.get(0)).unwrap() };
    assert_eq!(version(), known - 1);
    file.execute("UPDATE seaworthy_schema SET version = ?1", [known + 1]).unwrap();
    let error = shop.refused(&["stuck", "--migrate"]);
    assert!(error.contains("deploy a newer program"), "{error}");
}

#[test]
fn what_is_not_there_or_not_meant_is_an_error_that_says_so() {
    let shop = Shop::new();
    let nobody = Uuid::from_u128(99).to_string();
    for (arguments, told) in [
        (&["show", &nobody][..], "there is no saga"),
        (&["show", "checkout/nobody"], "there is no saga of definition checkout and key nobody"),
        (&["show", "nobody"], "write its id, or DEFINITION/KEY"),
        (&["resume", &nobody, "--yes"], "there is no saga"),
        (&["stuck", "--after", "yesterday"], "invalid value 'yesterday'"),
        (&["dead-rows", "--after", "yesterday"], "invalid value 'yesterday'"),
        (&["settle", "checkout/nobody", "pay", "{", "--reason", "by hand"], "an output is JSON"),
        (&["republish-since", "yesterday"], "write a moment such as 2026-11-29T20:15:00Z"),
        (&["republish-since", "2999-01-01T00:00:00Z"], "nothing lies between"),
        (&["stuck", "--limit", "0"], "write a number, 1 or more"),
        (&["stuck", "--for", "long"], "write a duration such as 90s, 2h or 3d"),
        (&["sagas", "--status", "lost"], "write one of running, compensating, stuck"),
        (&["abandon", &nobody, "--yes"], "--reason <TEXT>"),
        (&["resume"], "required"),
    ] {
        let error = shop.refused(arguments);
        assert!(error.contains(told), "{arguments:?}: {error}");
    }
}

/// The patience of the store is seconds; whoever holds the lock for longer is named.
#[test]
fn a_database_that_somebody_holds_locked_is_told_after_a_while() {
    let shop = Shop::new();
    let other = Connection::open(shop.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert!(shop.operate(&["stuck"]).contains("1 saga"), "reading waits for nobody");
    let error = shop.refused(&["resume", "--all", "--yes"]);
    assert!(error.contains("another process has held the database's write lock"), "{error}");
    other.execute_batch("ROLLBACK").unwrap();
    assert!(shop.operate(&["resume", "--all", "--yes"]).contains("asked 1 of 1 saga"));
}

/// What reads letters of customers, in a process of its own.
struct Reads(Arc<AtomicBool>);

#[async_trait]
impl Handler for Reads {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        if !self.0.load(Ordering::SeqCst) {
            return Err(HandlerError::Refused("nobody can read it".into()));
        }
        tx.put("read", &message.id.to_string(), Expected::Absent, message.data.clone()).await?;
        Ok(())
    }
}

/// The tool has no handlers: it asks, and the consumer does it, in the process that has it, once it can.
#[test]
fn letters_that_the_program_asks_for_are_handled_again_by_their_consumer() {
    let shop = Shop::new();
    assert!(shop.operate(&["redrive-letters", "--kind", "order.paid", "--yes"]).contains("0 dead letters asked for"));
    assert_eq!(shop.document(&["dead-letters"])["dead_letters"][0]["asked_at"], Value::Null);
    let can_read = Arc::new(AtomicBool::new(false));
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let store: Arc<dyn Store> = Arc::new(open(&shop.path()));
    let stop = Stop::new();
    let handlers = Handlers::builder().on("invoice.due", Reads(can_read.clone())).build().expect("one handler");
    let config = ConsumerConfig::new(["orders"]).redrive_requests(Duration::from_millis(20));
    let (clock, broker) =
        (Arc::new(TokioClock), Arc::new(LocalBroker::new(Arc::new(TokioClock), LocalBroker::config())));
    let consumer = Consumer::from_parts(
        "orders",
        store.clone(),
        broker,
        clock,
        Arc::new(OsRandom::new().expect("entropy")),
        handlers,
        config,
    );
    let running = runtime.spawn(consumer.stop(stop.clone()).run());
    let until = |what: &str, holds: &dyn Fn(&Value) -> bool| {
        for _ in 0..500 {
            let letters = shop.document(&["dead-letters"])["dead_letters"].clone();
            if holds(&letters) {
                return;
            }
            runtime.block_on(TokioClock.sleep(Duration::from_millis(20)));
        }
        panic!("{what}: {}", shop.operate(&["dead-letters"]));
    };
    assert!(shop.operate(&["redrive-letters", "--yes"]).contains("1 dead letter asked for"));
    until("it has failed again, and is asked for no more", &|letters| {
        let reason = letters[0]["reason"].as_str().unwrap_or_default();
        reason.contains("nobody can read it") && letters[0]["failures"] == 2 && letters[0]["asked_at"].is_null()
    });
    can_read.store(true, Ordering::SeqCst);
    runtime.block_on(TokioClock.sleep(Duration::from_millis(100)));
    until("nobody has asked for it", &|letters| letters.as_array().is_some_and(|letters| letters.len() == 1));
    assert!(
        shop.operate(&["redrive-letters", &shop.letter.id.to_string(), "--yes"]).contains("1 dead letter asked for")
    );
    until("it is handled", &|letters| letters.as_array().is_some_and(Vec::is_empty));
    assert!(shop.operate(&["redrive-letters", "--yes"]).contains("0 dead letters asked for"), "asked again");
    let id = shop.letter.id.to_string();
    let read = runtime.block_on(async { store.begin().await.unwrap().get("read", &id).await.unwrap() });
    assert!(read.is_some(), "its effect is there");
    stop.set();
    runtime.block_on(running).expect("no panic");
}

#[test]
fn the_shops_own_consumers_look_for_requests() {
    let shop = Shop::new();
    assert!(shop.operate(&["redrive-letters", "--yes"]).contains("1 dead letter asked for"));
    assert!(shop.operate(&["dead-letters"]).contains("it has no amount (asked for "));
    assert!(shop.operate(&["discard-rows", "--yes"]).contains("1 dead row deleted"));
    let store = format!("sqlite:{}", shop.path().display());
    let served = Command::new(env!("CARGO_BIN_EXE_seaworthy"))
        .args(["serve", "--store", &store, "--orders", ORDERS, "--limit", "20"])
        .output()
        .expect("the program was built for this test");
    assert!(served.status.code().is_some(), "{}", String::from_utf8_lossy(&served.stderr));
    let letter = &shop.document(&["dead-letters"])["dead_letters"][0];
    assert!(letter["reason"].as_str().is_some_and(|reason| reason.contains("no handler")), "{letter}");
}

/// A saga of anybody's that waits: what for, since when and until when is in its log.
#[test]
fn sagas_that_wait_are_listed_with_what_they_wait_for() {
    let shop = Shop::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let waits = SagaId(Uuid::from_u128(5));
    runtime.block_on(async {
        let store = open(&shop.path());
        let definition = DefinitionRef { name: "loan".into(), version: 1, hash: 1 };
        let lease = Duration::ZERO;
        let (key, input) = ("17".into(), Vec::new().into());
        let mut tx = store.begin().await.unwrap();
        tx.saga_create(&NewSaga { id: waits, definition, key, input, correlation_id: waits.0, lease }).await.unwrap();
        let waiting = Record::Waiting {
            step: "approval".into(),
            signal: Some("approved".into()),
            limit_us: Some(86_400_000_000),
            until: None,
            key: None,
        };
        tx.saga_append(&SagaAppend {
            saga: waits,
            epoch: 1,
            expected_length: 0,
            records: [Record::Started { deadline_us: None }, waiting].iter().map(Record::encode).collect(),
            status: SagaStatus::Running,
            lease,
            sleep: Duration::from_secs(86_400),
            definition: None,
            forgets: false,
            keys: Vec::new(),
            outcome: None,
        })
        .await
        .unwrap();
        tx.commit().await.unwrap();
    });
    let told = shop.document(&["sagas", "--waiting"]);
    let found = told["sagas"].as_array().expect("a list");
    assert_eq!(found.len(), 1, "the stuck one waits for nobody but people: {told}");
    assert_eq!(found[0]["saga"], waits.to_string());
    assert_eq!(
        (&found[0]["waits_for"]["what"], &found[0]["waits_for"]["step"]),
        (&"signal".into(), &"approval".into())
    );
    assert!(found[0]["waits_for"]["until"].is_string() && found[0]["waits_for"]["since"].is_string(), "{told}");
    assert!(shop.operate(&["sagas", "--waiting", "--because", "approved"]).contains("`approved`, at step `approval`"));
    assert_eq!(shop.document(&["sagas", "--waiting", "--because", "rated"])["sagas"], serde_json::json!([]));
}

#[test]
fn a_list_goes_on_where_its_page_has_ended() {
    let shop = Shop::new();
    let page = shop.document(&["sagas", "--limit", "1"]);
    let next = page["next"].as_u64().expect("there may be more").to_string();
    assert_eq!(shop.document(&["sagas", "--after", &next])["sagas"], serde_json::json!([]));
    assert!(shop.operate(&["sagas", "--limit", "1"]).contains(&format!("there may be more: --after {next}")));
    let page = shop.document(&["dead-rows", "--limit", "1"]);
    let next = page["next"].as_str().expect("there may be more");
    assert_eq!(shop.document(&["dead-rows", "--after", next])["dead_rows"], serde_json::json!([]));
}
