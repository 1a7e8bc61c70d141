//! Transactions: all or nothing, one at a time, and what a user's own statements may do inside.

use std::{sync::Arc, time::Duration};

use crate::support::{HandClock, asking, in_memory, message, numbers};
use rusqlite::Connection;
use seaworthy_core::ports::{Clock as _, Expected, OutboxStore, Store, StoreError, Transaction, connection};
use seaworthy_sqlite::{Blocking, OpenError, SqliteConfig, SqliteStore, Synchronous};

async fn count(store: &SqliteStore) -> usize {
    store.begin().await.unwrap().scan("c", None, usize::MAX).await.unwrap().len()
}

async fn put(tx: &mut dyn Transaction, id: &str) {
    tx.put("c", id, Expected::Any, "{}".into()).await.unwrap();
}

#[tokio::test]
async fn seed_63_a_dropped_transaction_leaves_nothing_and_lets_the_next_one_in() {
    let (store, _) = in_memory();
    let mut tx = store.begin().await.unwrap();
    put(&mut *tx, "1").await;
    tx.stage(&message(1, "k")).await.unwrap();
    drop(tx);
    assert_eq!(count(&store).await, 0);
    assert!(store.backlog().await.unwrap().is_idle());
}

#[tokio::test]
async fn a_future_dropped_while_it_waits_for_its_turn_leaves_the_queue() {
    let (store, _) = in_memory();
    let tx = store.begin().await.unwrap();
    {
        let mut waiting = Box::pin(store.begin());
        assert!(futures_util::poll!(&mut waiting).is_pending());
    }
    drop(tx);
    assert_eq!(count(&store).await, 0);
}

/// It has one connection, and the transaction has it. A file has another one for those who only read.
#[tokio::test]
async fn a_read_waits_for_the_transaction_that_is_open_only_where_the_database_is_in_memory() {
    let (store, clock) = in_memory();
    let mut tx = store.begin().await.unwrap();
    tx.stage(&message(1, "k")).await.unwrap();
    {
        let mut read = Box::pin(store.backlog());
        assert!(futures_util::poll!(&mut read).is_pending());
        tx.commit().await.unwrap();
        assert_eq!(read.await.unwrap().outbox_unsettled, 1);
    }
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("a.db"), clock, SqliteConfig::default()).unwrap();
    let mut tx = store.begin().await.unwrap();
    tx.stage(&message(1, "k")).await.unwrap();
    assert_eq!(store.backlog().await.unwrap().outbox_unsettled, 0, "as it was before the transaction");
    tx.commit().await.unwrap();
    assert_eq!(store.backlog().await.unwrap().outbox_unsettled, 1);
}

#[tokio::test]
async fn transactions_take_turns_in_the_order_in_which_they_asked() {
    let (store, _) = in_memory();
    let first = store.begin().await.unwrap();
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let tasks: Vec<_> = (0..5)
        .map(|number| {
            let (store, order) = (store.clone(), Arc::clone(&order));
            tokio::spawn(async move {
                let tx = store.begin().await.unwrap();
                order.lock().unwrap().push(number);
                tokio::task::yield_now().await;
                tx.commit().await.unwrap();
            })
        })
        .collect();
    tokio::task::yield_now().await;
    first.commit().await.unwrap();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(*order.lock().unwrap(), [0, 1, 2, 3, 4]);
}

#[tokio::test]
async fn a_transaction_inside_a_transaction_is_told_after_a_while_instead_of_waiting_for_ever() {
    let clock = HandClock::new();
    let config = SqliteConfig::simulation().writer_wait(Some(Duration::from_secs(30)));
    let store = SqliteStore::open_in_memory(clock, config).unwrap();
    let _outer = store.begin().await.unwrap();
    let inner = store.begin().await.err().unwrap();
    assert!(matches!(&inner, StoreError::Unavailable(why) if why.contains("while it holds one")), "{inner}");
}

#[tokio::test]
async fn reads_outside_do_not_wait_for_an_open_transaction_on_disk_and_do_not_see_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("db"), HandClock::new(), SqliteConfig::simulation()).unwrap();
    let mut tx = store.begin().await.unwrap();
    tx.stage(&message(1, "k")).await.unwrap();
    assert!(store.backlog().await.unwrap().is_idle());
    tx.commit().await.unwrap();
    assert!(!store.backlog().await.unwrap().is_idle());
}

#[tokio::test]
async fn handles_of_one_file_share_one_writer_however_its_path_is_spelt() {
    let folder = tempfile::tempdir().unwrap();
    let open = |path: &str, config| SqliteStore::open(folder.path().join(path), HandClock::new(), config);
    let one = open("db", SqliteConfig::simulation()).unwrap();
    let two = open("../".to_owned().as_str(), SqliteConfig::simulation());
    assert!(matches!(two, Err(OpenError::Sqlite { .. })), "a folder is not a database: {two:?}");
    let name = folder.path().file_name().unwrap().to_str().unwrap().to_owned();
    let two = open(&format!("../{name}/db"), SqliteConfig::simulation()).unwrap();
    let tx = one.begin().await.unwrap();
    let mut waiting = Box::pin(two.begin());
    assert!(futures_util::poll!(&mut waiting).is_pending(), "the second handle queues behind the first");
    drop(tx);
    assert!(futures_util::poll!(&mut waiting).is_ready());
    let other = open("db", SqliteConfig::default());
    assert!(matches!(other, Err(OpenError::OtherSettings { .. })), "{other:?}");
    drop(waiting);
    drop((one, two));
    open("db", SqliteConfig::default()).unwrap();
}

#[tokio::test]
async fn a_users_own_statements_commit_and_roll_back_with_the_transaction() {
    let (store, _) = in_memory();
    let mut tx = store.begin().await.unwrap();
    let own: &mut Connection = connection(&mut *tx).await.unwrap();
    own.execute_batch("CREATE TABLE orders (id INTEGER PRIMARY KEY, state TEXT)").unwrap();
    tx.commit().await.unwrap();

    for (id, commit) in [(1, true), (2, false)] {
        let mut tx = store.begin().await.unwrap();
        let own: &mut Connection = connection(&mut *tx).await.unwrap();
        own.execute("INSERT INTO orders VALUES (?1, 'pending')", [id]).unwrap();
        tx.stage(&message(id as u128, "k")).await.unwrap();
        if commit {
            tx.commit().await.unwrap();
        }
    }
    let mut tx = store.begin().await.unwrap();
    let own: &mut Connection = connection(&mut *tx).await.unwrap();
    let orders: i64 = own.query_row("SELECT count(*) FROM orders", [], |row| row.get(0)).unwrap();
    assert_eq!(orders, 1);
    drop(tx);
    assert_eq!(numbers(&store.claim(&asking(1, 9)).await.unwrap()), [1]);
}

#[tokio::test]
async fn a_users_savepoints_are_their_own() {
    let (store, _) = in_memory();
    let mut tx = store.begin().await.unwrap();
    put(&mut *tx, "kept").await;
    let own: &mut Connection = connection(&mut *tx).await.unwrap();
    own.execute_batch("SAVEPOINT mine").unwrap();
    put(&mut *tx, "undone").await;
    let own: &mut Connection = connection(&mut *tx).await.unwrap();
    own.execute_batch("ROLLBACK TO mine; RELEASE mine").unwrap();
    tx.commit().await.unwrap();
    let found = store.begin().await.unwrap().scan("c", None, 9).await.unwrap();
    assert_eq!(found.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["kept"]);
}

#[tokio::test]
async fn a_transaction_that_a_user_ends_from_inside_applies_nothing_and_says_so() {
    for statements in ["COMMIT", "ROLLBACK", "COMMIT; BEGIN IMMEDIATE", "ROLLBACK; BEGIN", "END"] {
        let (store, _) = in_memory();
        let mut tx = store.begin().await.unwrap();
        put(&mut *tx, "before").await;
        let own: &mut Connection = connection(&mut *tx).await.unwrap();
        // Whether the user hears of it at once is up to the statement; here they don't listen.
        for statement in statements.split("; ") {
            let _ = own.execute_batch(statement);
        }
        let _ = own.execute("INSERT INTO seaworthy_documents VALUES ('c', 'after', 1, x'00')", []);
        let refused = tx.commit().await.unwrap_err();
        assert!(
            matches!(&refused, StoreError::Refused(why) if why.contains("leave the commit")),
            "{statements}: {refused}"
        );
        assert_eq!(count(&store).await, 0, "{statements}");
        let mut next = store.begin().await.unwrap();
        put(&mut *next, "next").await;
        next.commit().await.unwrap();
        assert_eq!(count(&store).await, 1, "{statements}: the store goes on");
    }
}

/// Nobody holds the lock that it could wait for.
#[tokio::test]
async fn a_transaction_that_can_not_begin_for_another_reason_than_a_lock_says_so_at_once() {
    let (store, clock) = in_memory();
    let mut tx = store.begin().await.unwrap();
    let own: &mut Connection = connection(&mut *tx).await.unwrap();
    own.execute_batch("PRAGMA query_only = 1").unwrap();
    drop(tx);
    let before = clock.now();
    let refused = store.begin().await.err().unwrap();
    assert!(refused.to_string().contains("readonly"), "{refused}");
    assert_eq!(clock.now(), before);
}

#[tokio::test]
async fn statements_after_the_end_from_inside_are_refused_too() {
    let (store, _) = in_memory();
    let mut tx = store.begin().await.unwrap();
    let own: &mut Connection = connection(&mut *tx).await.unwrap();
    own.execute_batch("ROLLBACK").unwrap();
    let refused = tx.stage(&message(1, "k")).await.unwrap_err();
    assert!(matches!(refused, StoreError::Refused(_)), "{refused}");
}

#[tokio::test]
async fn asking_for_another_type_of_connection_is_refused_by_name() {
    let (store, _) = in_memory();
    let mut tx = store.begin().await.unwrap();
    let refused = connection::<String>(&mut *tx).await.unwrap_err();
    assert!(refused.to_string().contains("String"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_tasks_on_two_threads_lose_no_update() {
    let folder = tempfile::tempdir().unwrap();
    // The clock by hand lets every wait end at once, so waiting for a turn must have no end.
    let config = SqliteConfig::default()
        .synchronous(Synchronous::Normal)
        .blocking(Blocking::InPlace)
        .writer_wait(None)
        .writer_warning(None);
    let store = SqliteStore::open(folder.path().join("db"), HandClock::new(), config).unwrap();
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                for _ in 0..25 {
                    let mut tx = store.begin().await.unwrap();
                    let found = tx.get("c", "counter").await.unwrap();
                    let expected = found.as_ref().map_or(Expected::Absent, |found| Expected::Version(found.version));
                    tx.put("c", "counter", expected, "{}".into()).await.unwrap();
                    tx.commit().await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(store.begin().await.unwrap().get("c", "counter").await.unwrap().unwrap().version, 200);
}

#[tokio::test]
async fn a_transaction_knows_whether_anything_was_written_through_its_connection() {
    let (store, _) = in_memory();
    let mut tx = store.begin().await.unwrap();
    let sql: &mut Connection = connection(&mut *tx).await.unwrap();
    sql.execute_batch("CREATE TABLE own (id INTEGER); INSERT INTO own VALUES (1)").unwrap();
    assert!(tx.has_written());
    tx.commit().await.unwrap();
    let mut tx = store.begin().await.unwrap();
    let sql: &mut Connection = connection(&mut *tx).await.unwrap();
    let rows: i64 = sql.query_row("SELECT count(*) FROM own", [], |row| row.get(0)).unwrap();
    assert_eq!((rows, tx.has_written()), (1, false), "it only looked");
    let sql: &mut Connection = connection(&mut *tx).await.unwrap();
    sql.execute("UPDATE own SET id = 2 WHERE id = 7", []).unwrap();
    assert!(!tx.has_written(), "there is no such row");
    sql_update(&mut *tx).await;
    assert!(tx.has_written());
}

async fn sql_update(tx: &mut dyn Transaction) {
    let sql: &mut Connection = connection(tx).await.unwrap();
    sql.execute("UPDATE own SET id = 2", []).unwrap();
}
