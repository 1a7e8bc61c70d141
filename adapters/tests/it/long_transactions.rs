//! A transaction that somebody leaves open holds up others: it is said, and whoever waits for it is told.

use std::{sync::Arc, time::Duration};

use seaworthy_core::ports::{Clock as _, InboxEntry, Store, StoreError};
use seaworthy_memory::store::MemoryStore;
use seaworthy_redb::{RedbConfig, RedbStore};
use seaworthy_sqlite::{SqliteConfig, SqliteStore};

use crate::support::{
    Kind,
    clock::VirtualClock,
    in_virtual_time,
    inbox::{SHOP, order},
    warnings::Warnings,
};

const PATIENCE: Duration = Duration::from_secs(30);
const WARNING: Duration = Duration::from_secs(5);

fn limited(kind: Kind, clock: Arc<VirtualClock>) -> Arc<dyn Store> {
    match kind {
        Kind::Memory => Arc::new(MemoryStore::new(clock).lock_wait(PATIENCE)),
        Kind::Sqlite => {
            let config = SqliteConfig::simulation().writer_wait(Some(PATIENCE)).writer_warning(Some(WARNING));
            Arc::new(SqliteStore::open_in_memory(clock, config).expect("memory"))
        }
        Kind::Redb => {
            let config = RedbConfig::simulation().writer_wait(Some(PATIENCE)).writer_warning(Some(WARNING));
            Arc::new(RedbStore::open_in_memory(clock, config).expect("memory"))
        }
    }
}

/// Handles a message that the open transaction handles as well.
async fn handle(store: &dyn Store) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    tx.inbox_insert(&InboxEntry::for_message(SHOP, &order(1))).await?;
    tx.commit().await
}

#[test]
fn a_transaction_that_stays_open_is_said_and_whoever_waits_for_it_is_told_so() {
    for kind in [Kind::Memory, Kind::Sqlite, Kind::Redb] {
        println!("on {kind:?}");
        in_virtual_time(async {
            let clock = Arc::new(VirtualClock::new());
            let store = limited(kind, clock.clone());
            let heard = Warnings::listen();
            let said = |what: &str| heard.lines().iter().filter(|line| line.contains(what)).count();
            let mut open = store.begin().await.expect("a store that is up");
            open.inbox_insert(&InboxEntry::for_message(SHOP, &order(1))).await.expect("a store that is up");
            let before = clock.now();
            let waits = [handle(&*store), handle(&*store)];
            for refused in futures_util::future::join_all(waits).await {
                let Err(StoreError::Unavailable(why)) = refused else { panic!("{refused:?}") };
                assert!(why.contains("has not ended for 30s"), "{why}");
            }
            assert_eq!(clock.now().since(before), PATIENCE);
            let has_one_writer = kind != Kind::Memory;
            assert_eq!(said("holds the store's only writer"), usize::from(has_one_writer), "once: {:?}", heard.lines());
            // Nobody is in its way once it has ended, which says for how long that was.
            open.now().await.expect("a store that is up");
            open.commit().await.expect("a store that is up");
            assert_eq!(said("a transaction was open for so long"), usize::from(has_one_writer), "{:?}", heard.lines());
            assert_eq!(handle(&*store).await, Ok(()));
            assert_eq!(clock.now().since(before), PATIENCE);
        });
    }
}

#[test]
fn a_transaction_that_ends_in_time_is_not_worth_a_word() {
    for kind in [Kind::Memory, Kind::Sqlite, Kind::Redb] {
        in_virtual_time(async {
            let clock = Arc::new(VirtualClock::new());
            let store = limited(kind, clock.clone());
            let heard = Warnings::listen();
            let mut open = store.begin().await.expect("a store that is up");
            open.inbox_insert(&InboxEntry::for_message(SHOP, &order(1))).await.expect("a store that is up");
            let ends = async {
                clock.sleep(WARNING - Duration::from_millis(1)).await;
                open.now().await.expect("a store that is up");
                open.commit().await
            };
            assert_eq!(futures_util::future::join(handle(&*store), ends).await, (Ok(()), Ok(())));
            assert_eq!(heard.lines(), Vec::<String>::new());
        });
    }
}
