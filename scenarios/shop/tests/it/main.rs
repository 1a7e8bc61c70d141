//! The program as production runs it: real files, a real provider at the other end of a socket, kills.
#![cfg(unix)]

mod provider;

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use seaworthy_core::ports::Store;
use seaworthy_order_fulfillment::{
    documents::{ORDER_COLLECTION, OrderStatus, SHIPMENT_COLLECTION, STOCK_COLLECTION, Shipment, StockLevel},
    order::Order,
};
use seaworthy_sqlite::{SqliteConfig, SqliteStore};
use seaworthy_tokio::TokioClock;
use tempfile::TempDir;

use provider::Provider;

/// More than are done before the kill, and few enough for some seconds.
const PLACED: usize = 40;

fn database(folder: &Path, suffix: &str) -> String {
    format!("{}{suffix}", folder.join("shop.db").display())
}

/// The program with its way in, and the lines that it answers.
fn start(folder: &Path, provider: &Provider) -> (Child, ChildStdin, impl Iterator<Item = String> + use<>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shop"));
    command.args([&database(folder, ""), provider.address(), "cd-1=1000"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the program was built");
    let (input, output) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
    (child, input, BufReader::new(output).lines().map_while(Result::ok))
}

fn place(input: &mut ChildStdin) {
    for number in 1..=PLACED {
        writeln!(
            input,
            r#"place_order {{"id":"order-{number}","sku":"cd-1","quantity":2,"amount_cents":1500,"customer":{number}}}"#
        )
        .expect("it reads");
    }
}

/// All documents of a collection.
fn documents<T: serde::de::DeserializeOwned>(file: &str, collection: &str) -> Vec<T> {
    let store = SqliteStore::open(file, Arc::new(TokioClock), SqliteConfig::default()).expect("a whole database");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let found = store.begin().await.expect("a store").scan(collection, None, 1_000).await.expect("readable");
        found.iter().map(|(_, document)| serde_json::from_slice(&document.body).expect("ours")).collect()
    })
}

fn shipped(folder: &Path) -> usize {
    let orders: Vec<Order> = documents(&database(folder, ""), ORDER_COLLECTION);
    orders.iter().filter(|order| order.status == OrderStatus::Shipped).count()
}

#[allow(clippy::disallowed_methods, reason = "the test waits for another process")]
fn wait() {
    std::thread::sleep(Duration::from_millis(50));
}

#[test]
fn orders_are_charged_and_shipped_once_although_the_program_is_killed_and_the_provider_hangs_up() {
    let folder = TempDir::new().expect("a temporary folder");
    let provider = Provider::start();

    let (mut child, mut input, mut answers) = start(folder.path(), &provider);
    place(&mut input);
    let first = answers.next().expect("an answer");
    assert!(first.ends_with(" accepted"), "{first}");
    while provider.acted() == 0 {
        wait();
    }
    child.kill().expect("it is our child"); // SIGKILL
    child.wait().expect("it is our child");

    let (mut child, mut input, answers) = start(folder.path(), &provider);
    place(&mut input);
    let answered: Vec<String> = answers.take(PLACED).collect();
    assert!(answered.iter().all(|answer| answer.ends_with(" accepted")), "{answered:?}");
    // A minute is a slow machine's.
    for _ in 0..1_200 {
        if shipped(folder.path()) == PLACED {
            break;
        }
        wait();
    }
    drop(input);
    assert!(child.wait().expect("it is our child").success(), "the end of the input is a graceful stop");

    assert_eq!(shipped(folder.path()), PLACED);
    let mut shipments = BTreeMap::new();
    for shipment in documents::<Shipment>(&database(folder.path(), "-shipping"), SHIPMENT_COLLECTION) {
        *shipments.entry(shipment.order).or_insert(0) += 1;
    }
    assert_eq!((shipments.len(), shipments.values().max()), (PLACED, Some(&1)), "one each: {shipments:?}");
    let charges = provider.charges();
    assert_eq!((charges.len(), charges.values().max()), (PLACED, Some(&1)), "one each: {charges:?}");
    assert!(provider.hung_up() >= PLACED / 3, "the provider hung up {} times only", provider.hung_up());
    let stock: Vec<StockLevel> = documents(&database(folder.path(), ""), STOCK_COLLECTION);
    assert_eq!(stock, [StockLevel { available: 1_000 - 2 * PLACED as i64, reserved: 0, sold: 2 * PLACED as i64 }]);
}

#[test]
fn what_no_customer_can_ask_is_refused_with_the_reason() {
    let folder = TempDir::new().expect("a temporary folder");
    let (mut child, mut input, mut answers) = start(folder.path(), &Provider::start());
    for (number, line, reason) in [
        (1, "place_order no JSON", "unreadable order"),
        (2, "sell_orders", "orders can't sell_orders"),
        (3, "cancel_order order-17", ""),
    ] {
        writeln!(input, "{line}").expect("it reads");
        let answer = answers.next().expect("an answer");
        assert!(answer.starts_with(&format!("{number} refused: ")) && answer.contains(reason), "{answer}");
    }
    drop(input);
    assert!(child.wait().expect("it is our child").success());
}

#[test]
fn a_wrong_command_line_says_what_is_wrong() {
    for (arguments, why) in
        [(&["x.db"][..], "usage: shop"), (&["x.db", "localhost:1", "cd-1"], "\"cd-1\" is no ARTICLE=UNITS")]
    {
        let output = Command::new(env!("CARGO_BIN_EXE_shop")).args(arguments).output().expect("the program was built");
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.contains(why), "{error}");
    }
}

/// Who looks after it starts it again, and reads what is wrong.
#[test]
fn a_part_that_ends_by_itself_ends_the_program_with_what_to_change() {
    let folder = TempDir::new().expect("a temporary folder");
    let (database, provider) = (database(folder.path(), ""), Provider::start());
    let mut command = Command::new(env!("CARGO_BIN_EXE_shop"));
    command.args([&database, provider.address()]).env("SHOP_RELAY_LEASE_MS", "0");
    // Its input does not end: it would serve for ever.
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.expect("the program was built");
    let input = child.stdin.take();
    let output = child.wait_with_output().expect("it is our child");
    drop(input);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{error}");
    // Both processes run a relay with this setting; either may be the first that is seen.
    assert!(error.contains("error: ") && error.contains("-1: parts of the process have ended: relay: "), "{error}");
    assert!(error.contains("RelayConfig::lease is 0ns: "), "{error}");
}
