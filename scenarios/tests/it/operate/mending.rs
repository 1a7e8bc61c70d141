//! What the tool changes, and what it would change.

use std::{
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use rusqlite::Connection;
use seaworthy_core::{
    inbox::{Consumer, ConsumerConfig, Handler, HandlerError, Handlers},
    message::Message,
    ports::{Clock as _, Expected, SagaStatus, Store, Transaction},
    saga::Record,
    stop::Stop,
};
use seaworthy_tokio::{LocalBroker, OsRandom, TokioClock};
use serde_json::Value;

use super::{ORDERS, Shop, open};

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

/// Only what is stuck can go on; whoever looks before he says yes is told which of them are.
#[test]
fn what_would_be_resumed_is_told_of_each_saga_as_it_is_done() {
    let shop = Shop::new();
    let waits = shop.waiting_loan();
    let ended = shop.loan(
        18,
        &[Record::Started { deadline_us: None, traceparent: None }, Record::Completed],
        SagaStatus::Completed,
    );
    let sagas = [shop.stuck, waits, ended].map(|saga| saga.to_string());
    let resume = ["resume", &sagas[0], &sagas[1], &sagas[2]];
    let results = |document: &Value| -> Vec<Value> {
        let sagas = document["sagas"].as_array().expect("a list");
        sagas.iter().map(|saga| saga["result"].clone()).collect()
    };
    let (told, document) = (shop.operate(&resume), shop.document(&resume));
    assert!(told.contains("would ask 1 of 3 sagas to go on"), "{told}");
    for (saga, line) in [
        (&sagas[0], "would be asked to go on"),
        (&sagas[1], "there is nothing to do: it is not stuck"),
        (&sagas[2], "it has ended: it is completed"),
    ] {
        let row = told.lines().skip_while(|row| !row.contains(saga)).collect::<Vec<_>>().join(" ");
        let words: String = row.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(line.split(' ').all(|word| words.contains(word)), "{line}: {told}");
    }
    let done = shop.document(&[&resume[..], &["--yes"]].concat());
    assert_eq!(results(&document), results(&done), "as it was told");
    assert_eq!(results(&done)[..2], ["written", "needless"]);
    // What is asked for already need not be asked for again, and what has ended can't be changed.
    let again = shop.operate(&["resume", &sagas[0]]);
    assert!(again.contains("would ask 0 of 1 saga to go on"), "{again}");
    let skip = ["skip", &sagas[0], "open_order", "--reason", "by hand"];
    assert!(shop.operate(&skip).contains("would ask saga "));
    assert!(shop.operate(&[&skip[..], &["--yes"]].concat()).contains("asked for"));
    let again = shop.operate(&skip);
    assert!(again.contains("would do nothing to saga ") && again.contains("asked for already"), "{again}");
    assert!(shop.refused(&["skip", &sagas[2], "pay", "--reason", "by hand"]).contains("it has ended"));
}

#[test]
fn letters_are_mended_by_the_topic_and_the_key_of_their_messages() {
    let shop = Shop::new();
    for (verb, nothing) in
        [("redrive-letters", "0 dead letters asked for"), ("discard-letters", "0 dead letters deleted")]
    {
        for filter in ["--topic=invoices", "--key=18"] {
            let said = shop.operate(&[verb, filter, "--yes"]);
            assert!(said.contains(nothing), "{verb} {filter}: {said}");
        }
    }
    let both = ["--topic=orders", "--key=17", "--yes"];
    assert!(shop.operate(&[&["redrive-letters"][..], &both].concat()).contains("1 dead letter asked for"));
    assert!(shop.operate(&[&["discard-letters"][..], &both].concat()).contains("1 dead letter deleted"));
    assert_eq!(shop.document(&["dead-letters"])["dead_letters"], serde_json::json!([]));
}

#[test]
fn a_stuck_checkout_that_is_resumed_by_the_program_is_finished_by_the_services() {
    let shop = Shop::new();
    let said = shop.operate(&["resume", "--all", "--yes"]);
    assert!(said.contains("asked 1 of 1 saga to go on"), "{said}");
    let told = shop.operate(&["show", &shop.stuck.to_string()]);
    assert!(told.contains("running, waits for an answer to: resume, asked for by ops"), "{told}");
    let again = shop.operate(&["resume", &shop.stuck.to_string(), "--yes"]);
    assert!(again.contains("there is nothing to do: it is not stuck"), "{again}");
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
