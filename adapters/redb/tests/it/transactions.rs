//! Transactions: one at a time, whole or not at all, with tables of a user's own.

use std::{sync::Arc, time::Duration};

use redb::{TableDefinition, WriteTransaction};
use seaworthy_core::ports::{Expected, OutboxStore, Store, StoreError, Transaction, connection};
use seaworthy_redb::{RedbConfig, RedbStore};

use crate::support::{HandClock, asking, in_memory, message};

const OWN: TableDefinition<u64, &str> = TableDefinition::new("own");

async fn count(store: &RedbStore) -> usize {
    store.begin().await.unwrap().scan("c", None, usize::MAX).await.unwrap().len()
}

async fn put(tx: &mut dyn Transaction, id: &str) {
    tx.put("c", id, Expected::Any, "{}".into()).await.unwrap();
}

#[tokio::test]
async fn a_dropped_transaction_leaves_nothing_and_lets_the_next_one_in() {
    let (store, _) = in_memory();
    let mut tx = store.begin().await.unwrap();
    put(&mut *tx, "1").await;
    tx.stage(&message(1, "a")).await.unwrap();
    drop(tx);
    assert_eq!((count(&store).await, store.backlog().await.unwrap().outbox_unsettled), (0, 0));
}

#[tokio::test]
async fn transactions_take_turns_in_the_order_in_which_they_asked() {
    let (store, _) = in_memory();
    let first = store.begin().await.unwrap();
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let tasks: Vec<_> = (0..4)
        .map(|number| {
            let (store, order) = (store.clone(), Arc::clone(&order));
            tokio::spawn(async move {
                let mut tx = store.begin().await.unwrap();
                order.lock().unwrap().push(number);
                put(&mut *tx, &number.to_string()).await;
                tx.commit().await.unwrap();
            })
        })
        .collect();
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert!(order.lock().unwrap().is_empty());
    // Beside the writer everybody reads what is committed.
    assert_eq!(store.backlog().await.unwrap().outbox_unsettled, 0);
    drop(first);
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(*order.lock().unwrap(), [0, 1, 2, 3]);
    assert_eq!(count(&store).await, 4);
}

#[tokio::test]
async fn a_transaction_inside_a_transaction_is_told_after_a_while_instead_of_waiting_for_ever() {
    let config = RedbConfig::simulation().writer_wait(Some(Duration::from_secs(30)));
    let store = RedbStore::open_in_memory(HandClock::new(), config).unwrap();
    let _first = store.begin().await.unwrap();
    let refused = store.begin().await.err().unwrap();
    assert!(matches!(&refused, StoreError::Unavailable(why) if why.contains("while it holds one")), "{refused}");
}

#[tokio::test]
async fn tables_of_a_users_own_commit_and_roll_back_with_the_transaction() {
    let (store, _) = in_memory();
    for commits in [false, true] {
        let mut tx = store.begin().await.unwrap();
        assert!(!tx.has_written());
        let own: &mut WriteTransaction = connection(&mut *tx).await.unwrap();
        own.open_table(OWN).unwrap().insert(17, "confirmed").unwrap();
        tx.stage(&message(1, "a")).await.unwrap();
        assert!(tx.has_written());
        if commits {
            tx.commit().await.unwrap();
        }
    }
    let mut tx = store.begin().await.unwrap();
    let own: &mut WriteTransaction = connection(&mut *tx).await.unwrap();
    {
        use redb::ReadableTable as _;
        let table = own.open_table(OWN).unwrap();
        assert_eq!(table.get(17).unwrap().map(|state| state.value().to_owned()).as_deref(), Some("confirmed"));
        assert_eq!(redb::ReadableTableMetadata::len(&table).unwrap(), 1);
    }
    drop(tx);
    assert_eq!(store.claim(&asking(1, 9)).await.unwrap().len(), 1);
    let refused = connection::<String>(&mut *store.begin().await.unwrap()).await.map(drop).unwrap_err();
    assert!(matches!(&refused, StoreError::Refused(why) if why.contains("alloc::string::String")), "{refused}");
}

#[tokio::test]
async fn a_user_can_not_make_a_commit_less_durable_than_the_store_promises() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let store = RedbStore::open(&path, HandClock::new(), RedbConfig::default()).unwrap();
    let mut tx = store.begin().await.unwrap();
    let own: &mut WriteTransaction = connection(&mut *tx).await.unwrap();
    own.set_durability(redb::Durability::None).unwrap();
    put(&mut *tx, "1").await;
    tx.commit().await.unwrap();
    // A copy of the file as the disk has it.
    let copy = folder.path().join("copy");
    std::fs::copy(&path, &copy).unwrap();
    let copied = RedbStore::open(&copy, HandClock::new(), RedbConfig::default()).unwrap();
    assert_eq!(count(&copied).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_tasks_on_two_threads_lose_no_update() {
    let folder = tempfile::tempdir().unwrap();
    let config = RedbConfig::default().writer_wait(None).writer_warning(None);
    let store = RedbStore::open(folder.path().join("db"), HandClock::new(), config).unwrap();
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                for _ in 0..10 {
                    let mut tx = store.begin().await.unwrap();
                    let before = tx.get("c", "sum").await.unwrap();
                    let sum: u64 =
                        before.map_or(0, |before| String::from_utf8(before.body.to_vec()).unwrap().parse().unwrap());
                    tx.put("c", "sum", Expected::Any, (sum + 1).to_string().into()).await.unwrap();
                    tx.commit().await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let sum = store.begin().await.unwrap().get("c", "sum").await.unwrap().unwrap();
    assert_eq!((sum.version, &sum.body[..]), (80, &b"80"[..]));
}

/// A store whose file was put back from a copy, and one that was put back while it runs.
#[tokio::test]
async fn another_epoch_begins_by_hand_or_with_a_restored_copy_and_what_was_staged_keeps_its_own() {
    let (store, clock) = in_memory();
    crate::support::stage(&store, &[message(1, "a")]).await;
    let backup = store.backup().await.unwrap();
    crate::support::stage(&store, &[message(2, "b")]).await;
    clock.advance(Duration::from_secs(1));
    for _ in 0..2 {
        backup.restore().await.unwrap();
        crate::support::stage(&store, &[message(3, "c")]).await;
        let rows = store.claim(&asking(1, 9)).await.unwrap();
        assert_eq!(crate::support::numbers(&rows), [1, 3]);
        assert_ne!(rows[0].message.epoch, rows[1].message.epoch);
    }
    let epoch = store.begin_epoch().await.unwrap();
    crate::support::stage(&store, &[message(4, "d")]).await;
    assert_eq!(store.claim(&asking(2, 9)).await.unwrap()[0].message.epoch, epoch);
}
