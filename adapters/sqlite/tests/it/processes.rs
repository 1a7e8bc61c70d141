//! Several operating system processes on one file: they meet at its write lock, and lose nothing there.

use std::{
    collections::BTreeSet,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, SystemTime},
};

use crate::support::{asking, message, settled, token};
use seaworthy_core::ports::{Clock, Expected, OutboxStore, SettleOutcome, Store, Timestamp};
use seaworthy_sqlite::{SqliteConfig, SqliteStore, Synchronous};

/// Set in a child process: the file that it works on, and its number.
const FILE: &str = "SEAWORTHY_SQLITE_TEST_SHARED";
const NUMBER: &str = "SEAWORTHY_SQLITE_TEST_NUMBER";

const CHILDREN: u64 = 4;
const ROUNDS: u64 = 25;

/// Who waits for another process needs a clock that lets it go on.
struct WallClock;

#[async_trait::async_trait]
impl Clock for WallClock {
    #[allow(clippy::disallowed_methods, reason = "it is the clock")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        Timestamp::EPOCH + since
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

fn open(path: impl AsRef<std::path::Path>) -> SqliteStore {
    // Patience for a machine on which other tests run, too.
    let busy_timeout = Duration::from_secs(60);
    let config = SqliteConfig::default().synchronous(Synchronous::Normal).busy_timeout(busy_timeout);
    SqliteStore::open(path, Arc::new(WallClock), config).unwrap()
}

#[tokio::test]
async fn four_processes_open_a_new_file_at_once_lose_no_update_and_claim_no_row_twice() {
    if let Ok(path) = std::env::var(FILE) {
        return work(&path, std::env::var(NUMBER).unwrap().parse().unwrap()).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let children: Vec<Child> = (0..CHILDREN)
        .map(|number| {
            Command::new(std::env::current_exe().unwrap())
                .args([
                    "processes::four_processes_open_a_new_file_at_once_lose_no_update_and_claim_no_row_twice",
                    "--exact",
                ])
                .arg("--nocapture")
                .env(FILE, &path)
                .env(NUMBER, number.to_string())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    let mut claimed = Vec::new();
    for child in children {
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}");
        claimed.extend(said.lines().filter_map(|line| line.strip_prefix("claimed ")?.parse::<u128>().ok()));
    }
    let store = open(&path);
    let counter = store.begin().await.unwrap().get("c", "counter").await.unwrap().unwrap();
    assert_eq!(counter.version, CHILDREN * ROUNDS, "no update is lost");
    let once: BTreeSet<&u128> = claimed.iter().collect();
    assert_eq!(once.len(), claimed.len(), "no row is claimed twice");
    let left = store.backlog().await.unwrap().outbox_unsettled;
    assert_eq!(claimed.len() as u64 + left, CHILDREN * ROUNDS, "and none is lost");
    assert!(claimed.len() as u64 > ROUNDS, "they publish while others write");
}

/// A child: counts in a document that all share, stages a message each time, and publishes whatever is there.
async fn work(path: &str, number: u64) {
    let store = open(path);
    println!();
    for round in 0..ROUNDS {
        let id = u128::from(number * 1_000 + round + 1);
        let mut tx = store.begin().await.unwrap();
        let found = tx.get("c", "counter").await.unwrap();
        // Long enough for the others to come between what was read and what is written, if they could.
        tokio::time::sleep(Duration::from_millis(1)).await;
        let expected = found.map_or(Expected::Absent, |found| Expected::Version(found.version));
        tx.put("c", "counter", expected, "{}".into()).await.unwrap();
        tx.stage(&message(id, &format!("key-{}", id % 3))).await.unwrap();
        tx.commit().await.unwrap();
        let mut request = asking(id, 5);
        request.lease = Duration::from_secs(600);
        let rows = store.claim(&request).await.unwrap();
        for row in &rows {
            println!("claimed {}", row.message.id.0.as_u128());
        }
        let fenced = store.settle(token(id), &settled(&rows, &SettleOutcome::Dispatched)).await.unwrap();
        assert!(fenced.iter().all(|settled| *settled), "nobody takes a row over before its lease ends");
    }
}
