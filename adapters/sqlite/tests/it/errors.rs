//! What goes wrong in a database, provoked for real, and what the store says of it.

use std::{path::Path, process::Command, sync::Arc, time::Duration};

use crate::support::{HandClock, in_memory, message};
use rusqlite::Connection;
use seaworthy_core::ports::{Clock, Expected, Store, StoreError, Transaction, connection};
use seaworthy_sqlite::{SqliteConfig, SqliteStore};

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path, HandClock::new(), SqliteConfig::simulation()).unwrap()
}

async fn put(tx: &mut dyn Transaction, id: &str) -> Result<u64, StoreError> {
    tx.put("c", id, Expected::Any, vec![7; 4_000].into()).await
}

async fn count(store: &SqliteStore) -> usize {
    store.begin().await.unwrap().scan("c", None, usize::MAX).await.unwrap().len()
}

#[tokio::test]
async fn a_lock_of_another_connection_makes_the_store_unavailable_after_the_busy_timeout() {
    let folder = tempfile::tempdir().unwrap();
    let clock = HandClock::new();
    let config = SqliteConfig::simulation().busy_timeout(Duration::from_millis(300));
    let store = SqliteStore::open(folder.path().join("db"), Arc::clone(&clock) as _, config).unwrap();
    let other = Connection::open(folder.path().join("db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let begun = clock.now();
    let refused = store.begin().await.err().unwrap();
    assert!(matches!(&refused, StoreError::Unavailable(why) if why.contains("another process")), "{refused}");
    let waited = clock.now().since(begun);
    assert!(waited >= Duration::from_millis(300) && waited < Duration::from_millis(400), "{waited:?}");
    assert_eq!(store.backlog().await.unwrap().outbox_unsettled, 0, "reading goes on");
    other.execute_batch("ROLLBACK").unwrap();
    store.begin().await.unwrap().commit().await.unwrap();
}

#[tokio::test]
async fn a_lock_that_is_given_back_in_time_only_delays() {
    let folder = tempfile::tempdir().unwrap();
    let config = SqliteConfig::simulation().busy_timeout(Duration::from_secs(3_600));
    let store = SqliteStore::open(folder.path().join("db"), HandClock::new(), config).unwrap();
    let other = Connection::open(folder.path().join("db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let waiting = tokio::spawn(async move { store.begin().await.is_ok() });
    for _ in 0..3 {
        tokio::task::yield_now().await;
    }
    assert!(!waiting.is_finished());
    other.execute_batch("COMMIT").unwrap();
    assert!(waiting.await.unwrap());
}

#[tokio::test]
async fn a_full_disk_is_unavailable_and_nothing_was_applied() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("db"));
    let mut tx = store.begin().await.unwrap();
    let own: &mut Connection = connection(&mut *tx).await.unwrap();
    let pages: i64 = own.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
    own.query_row(&format!("PRAGMA max_page_count = {}", pages + 4), [], |_| Ok(())).unwrap();
    tx.commit().await.unwrap();

    let mut tx = store.begin().await.unwrap();
    let mut refused = None;
    for id in 0..20 {
        if let Err(error) = put(&mut *tx, &id.to_string()).await {
            refused = Some(error);
            break;
        }
    }
    let refused = refused.expect("twenty documents of a page each do not fit into four pages");
    assert!(matches!(&refused, StoreError::Unavailable(why) if why.contains("full")), "{refused}");
    assert_eq!(tx.commit().await.unwrap_err(), refused, "a transaction that failed can't be committed");
    assert_eq!(count(&store).await, 0);

    let mut tx = store.begin().await.unwrap();
    put(&mut *tx, "small").await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(count(&store).await, 1, "what still fits is taken");
}

#[tokio::test]
async fn a_unique_key_is_a_conflict_and_every_other_constraint_is_refused() {
    let (store, _) = in_memory();
    let mut tx = store.begin().await.unwrap();
    tx.stage(&message(1, "k")).await.unwrap();
    let refused = tx.stage(&message(1, "k")).await.unwrap_err();
    assert!(matches!(refused, StoreError::Conflict(_)), "{refused}");

    let mut tx = {
        drop(tx);
        store.begin().await.unwrap()
    };
    let own: &mut Connection = connection(&mut *tx).await.unwrap();
    own.execute_batch(
        "CREATE TRIGGER small BEFORE INSERT ON seaworthy_documents WHEN length(new.body) > 9
         BEGIN SELECT raise(ABORT, 'body is too long'); END",
    )
    .unwrap();
    let refused = put(&mut *tx, "large").await.unwrap_err();
    assert!(matches!(&refused, StoreError::Refused(why) if why.contains("body is too long")), "{refused}");
}

#[tokio::test]
async fn a_constraint_that_only_the_commit_checks_is_refused_there_and_nothing_was_applied() {
    let (store, _) = in_memory();
    let mut tx = store.begin().await.unwrap();
    let own: &mut Connection = connection(&mut *tx).await.unwrap();
    own.execute_batch(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY);
         CREATE TABLE child (parent INTEGER REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED)",
    )
    .unwrap();
    tx.commit().await.unwrap();

    let mut tx = store.begin().await.unwrap();
    put(&mut *tx, "1").await.unwrap();
    let own: &mut Connection = connection(&mut *tx).await.unwrap();
    own.execute("INSERT INTO child VALUES (99)", []).unwrap();
    let refused = tx.commit().await.unwrap_err();
    assert!(matches!(&refused, StoreError::Refused(why) if why.contains("FOREIGN KEY")), "{refused}");
    assert_eq!(count(&store).await, 0);
    store.begin().await.unwrap().commit().await.unwrap();
}

#[tokio::test]
async fn a_table_that_is_missing_is_refused() {
    let (store, _) = in_memory();
    let mut tx = store.begin().await.unwrap();
    let own: &mut Connection = connection(&mut *tx).await.unwrap();
    own.execute_batch("DROP TABLE seaworthy_checkpoints").unwrap();
    let refused = tx.checkpoint("c").await.unwrap_err();
    assert!(matches!(&refused, StoreError::Refused(why) if why.contains("no such table")), "{refused}");
}

#[tokio::test]
async fn a_database_that_can_only_be_read_is_unavailable_for_writing() {
    let (store, _) = in_memory();
    let mut tx = store.begin().await.unwrap();
    let own: &mut Connection = connection(&mut *tx).await.unwrap();
    own.execute_batch("PRAGMA query_only = ON").unwrap();
    let refused = put(&mut *tx, "1").await.unwrap_err();
    assert!(matches!(refused, StoreError::Unavailable(_)), "{refused}");
}

/// Set in the child process of the next two tests: the file that it works on.
const LIMITED: &str = "SEAWORTHY_SQLITE_TEST_LIMITED";

/// Runs a test of this file in a child process that may write small files only, on a database, and returns what it says.
fn in_a_limited_child(test: &str, path: &Path) -> String {
    // Units of 512 bytes by the standard, of 1,024 in some shells: 160 or 320 KiB, both above the empty database and
    // below what the child writes.
    let child = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 320; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(LIMITED, path)
        .output()
        .unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&child.stdout), String::from_utf8_lossy(&child.stderr));
    assert!(child.status.success(), "{said}");
    said
}

/// An I/O error of the commit itself. A child process may write files of 160 KiB only (the shell's `ulimit -f`, with the
/// signal ignored), so that the write-ahead log, which only a commit writes to, meets a failing write in a commit.
#[test]
fn an_io_error_while_committing_leaves_the_outcome_unknown() {
    if let Ok(path) = std::env::var(LIMITED) {
        return commit_until_it_fails(Path::new(&path));
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    drop(open(&path));
    let said = in_a_limited_child("errors::an_io_error_while_committing_leaves_the_outcome_unknown", &path);
    let applied: usize =
        said.split("applied ").nth(1).and_then(|rest| rest.split(' ').next()?.parse().ok()).expect(&said);
    assert!(applied > 0, "{said}");

    // Nobody knows of the last one; of the others each is there whole.
    let documents = tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(count(&open(&path)));
    assert!(documents == applied || documents == applied + 5, "{documents} documents, {applied} known to be applied");
}

fn commit_until_it_fails(path: &Path) {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
        let store = open(path);
        let mut applied = 0;
        loop {
            let mut tx = store.begin().await.unwrap();
            for id in 0..5 {
                put(&mut *tx, &format!("{:05}", applied + id)).await.unwrap();
            }
            match tx.commit().await {
                Ok(()) => applied += 5,
                Err(StoreError::Unknown(why)) => {
                    println!("applied {applied} and then: {why}");
                    break;
                }
                Err(other) => panic!("an I/O error at commit is unknown, not: {other}"),
            }
            assert!(applied < 10_000, "the limit was never met");
        }
        // The store goes on: reading works, and so does a commit that stays within what is allowed.
        assert!(store.backlog().await.is_ok());
    });
}

/// An I/O error before the commit. A transaction that outgrows its cache writes to the log in the middle of a statement,
/// and what it wrote there has no commit mark.
#[test]
fn an_io_error_in_a_statement_is_unavailable_and_nothing_was_applied() {
    let runtime = || tokio::runtime::Builder::new_current_thread().build().unwrap();
    if let Ok(path) = std::env::var(LIMITED) {
        return runtime().block_on(outgrow_the_cache(Path::new(&path)));
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    drop(open(&path));
    let said = in_a_limited_child("errors::an_io_error_in_a_statement_is_unavailable_and_nothing_was_applied", &path);
    assert!(said.contains("refused after"), "{said}");
    assert_eq!(runtime().block_on(count(&open(&path))), 0);
}

async fn outgrow_the_cache(path: &Path) {
    let config = SqliteConfig::simulation().cache_kib(40);
    let store = SqliteStore::open(path, HandClock::new(), config).unwrap();
    let mut tx = store.begin().await.unwrap();
    for id in 0..1_000 {
        let Err(refused) = put(&mut *tx, &format!("{id:05}")).await else { continue };
        assert!(matches!(refused, StoreError::Unavailable(_)), "{refused}");
        println!("refused after {id} documents: {refused}");
        assert_eq!(tx.commit().await.unwrap_err(), refused, "a transaction that failed can't be committed");
        assert_eq!(count(&store).await, 0);
        return;
    }
    panic!("the limit was never met");
}
