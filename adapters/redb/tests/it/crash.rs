//! A process that is killed at any moment leaves whole transactions, and all that it had committed.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use crate::support::{HandClock, asking, message};
use seaworthy_core::ports::{Expected, OutboxOrder, OutboxStore, Store};
use seaworthy_redb::{RedbConfig, RedbStore};

/// Set in the child process: the file that it works on.
const LEDGER: &str = "SEAWORTHY_REDB_TEST_LEDGER";

/// Twenty kills of one file. Each child gets to commit 1, 4, 7 ... transactions, and is then killed wherever it is: it
/// does nothing but transactions, so kills strike inside them.
#[test]
fn seed_57_twenty_kills_leave_whole_transactions_and_lose_none_that_was_committed() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(kill_twenty_times());
}

async fn kill_twenty_times() {
    if let Ok(path) = std::env::var(LEDGER) {
        return write_until_killed(&path).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let mut known = 0;
    for kill in 0..20 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "crash::seed_57_twenty_kills_leave_whole_transactions_and_lose_none_that_was_committed",
                "--exact",
                "--nocapture",
            ])
            .env(LEDGER, &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        // The test harness of the child says something of its own first.
        let mut numbers = lines.filter_map(|line| line.parse::<u64>().ok());
        for _ in 0..=3 * kill {
            known = numbers.next().expect("the child works until it is killed");
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // What it said between the last line that was read and the kill was committed, too. The last line may be cut.
        known = numbers.fold(known, u64::max);

        // Every page is checked besides what redb looks at after a kill.
        let config = RedbConfig::default().check_on_open(true);
        let store = RedbStore::open(&path, HandClock::new(), config).unwrap();
        let mut tx = store.begin().await.unwrap();
        let entries = tx.scan("entries", None, usize::MAX).await.unwrap().len() as u64;
        let position = tx.checkpoint("ledger").await.unwrap().unwrap();
        drop(tx);
        assert!(position >= known, "kill {kill}: {known} was committed, the file ends at {position}");
        assert_eq!(entries, position, "kill {kill}: an entry for each transaction");
        assert_eq!(store.backlog().await.unwrap().outbox_unsettled, position, "kill {kill}: a message for each entry");
        known = position;
    }

    let store = RedbStore::open(&path, HandClock::new(), RedbConfig::default()).unwrap();
    let mut request = asking(1, usize::MAX);
    request.ordering = OutboxOrder::Unordered;
    let rows = store.claim(&request).await.unwrap();
    let told: Vec<u128> = rows.iter().map(|row| row.message.id.0.as_u128()).collect();
    assert_eq!(told, (1..=u128::from(known)).collect::<Vec<_>>(), "messages are numbered as they were committed");
}

/// The child: transactions of an entry, its message and a checkpoint; it says the number of each that is committed.
async fn write_until_killed(path: &str) {
    let store = RedbStore::open(path, HandClock::new(), RedbConfig::default()).unwrap();
    println!();
    loop {
        let mut tx = store.begin().await.unwrap();
        let number = tx.checkpoint("ledger").await.unwrap().unwrap_or(0) + 1;
        tx.put("entries", &format!("{number:08}"), Expected::Absent, number.to_string().into()).await.unwrap();
        tx.stage(&message(u128::from(number), "ledger")).await.unwrap();
        tx.set_checkpoint("ledger", number).await.unwrap();
        tx.commit().await.unwrap();
        println!("{number}");
    }
}
