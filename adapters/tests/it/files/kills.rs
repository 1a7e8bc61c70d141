//! A process that is killed at any moment leaves whole transactions, and all that it had committed.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use seaworthy_core::ports::{Expected, OutboxOrder};

use super::File;
use crate::support::{
    in_virtual_time,
    rows::{HandClock, asking, message},
};

/// Set in the child process: the file that it works on.
const LEDGER: &str = "SEAWORTHY_TEST_LEDGER";

#[test]
fn twenty_kills_leave_whole_transactions_and_lose_none_that_was_committed() {
    in_virtual_time(kill_twenty_times(
        File::Sqlite,
        "files::kills::twenty_kills_leave_whole_transactions_and_lose_none_that_was_committed",
    ));
}

#[test]
fn seed_57_twenty_kills_leave_whole_transactions_and_lose_none_that_was_committed() {
    in_virtual_time(kill_twenty_times(
        File::Redb,
        "files::kills::seed_57_twenty_kills_leave_whole_transactions_and_lose_none_that_was_committed",
    ));
}

/// Twenty kills of one file. Each child, which is this test in a process of its own, gets to commit 1, 4, 7 ... transactions, and is
/// then killed wherever it is: it does nothing but transactions, so kills strike inside them.
async fn kill_twenty_times(of: File, test: &str) {
    if let Ok(path) = std::env::var(LEDGER) {
        return write_until_killed(of, Path::new(&path)).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let mut known = 0;
    for kill in 0..20 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([test, "--exact", "--nocapture"])
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

        of.check(&path);
        let store = of.open(&path, &HandClock::new());
        let mut tx = store.begin().await.unwrap();
        let entries = tx.scan("entries", None, usize::MAX).await.unwrap().len() as u64;
        let position = tx.checkpoint("ledger").await.unwrap().unwrap();
        drop(tx);
        assert!(position >= known, "kill {kill}: {known} was committed, the file ends at {position}");
        assert_eq!(entries, position, "kill {kill}: an entry for each transaction");
        assert_eq!(store.backlog().await.unwrap().outbox_unsettled, position, "kill {kill}: a message for each entry");
        known = position;
    }

    let store = of.open(&path, &HandClock::new());
    let mut request = asking(1, usize::MAX);
    request.ordering = OutboxOrder::Unordered;
    let rows = store.claim(&request).await.unwrap();
    let told: Vec<u128> = rows.iter().map(|row| row.message.id.0.as_u128()).collect();
    assert_eq!(told, (1..=u128::from(known)).collect::<Vec<_>>(), "messages are numbered as they were committed");
}

/// The child: transactions of an entry, its message and a checkpoint; it says the number of each that is committed.
async fn write_until_killed(of: File, path: &Path) {
    let store = of.open(path, &HandClock::new());
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
