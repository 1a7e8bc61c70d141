//! Random histories on the simulated store and on SQLite, or redb, side by side: all that can be seen is the same.
//!
//! Transactions of a history follow one another: SQLite has one writer, so a second one would wait for the first. What
//! overlapping transactions do to each other is the conformance suite's, and the model's own tests'.

mod action;
mod clock;
mod samples;
mod side;

use std::sync::Arc;

use action::{Action, histories};
use clock::HandClock;
use proptest::{prelude::*, test_runner::Config, test_runner::TestCaseError};
use seaworthy_core::ports::Store;
use seaworthy_memory::store::MemoryStore;
use seaworthy_redb::{RedbConfig, RedbStore};
use seaworthy_sqlite::{SqliteConfig, SqliteStore};
use side::Side;

/// Carries out a history on both stores, each with a clock of its own that is moved alike.
fn compare<S: Store + 'static>(
    history: &[Action],
    open: impl FnOnce(Arc<HandClock>) -> S,
    glances: bool,
) -> Result<(), TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let (here, there) = (HandClock::new(), HandClock::new());
        let simulated: Arc<dyn Store> = Arc::new(MemoryStore::new(here.clone()));
        let real: Arc<dyn Store> = Arc::new(open(there.clone()));
        let mut simulated = Side::new(simulated, here, glances);
        let mut real = Side::new(real, there, glances);
        for (at, action) in history.iter().enumerate() {
            let (left, right) = (simulated.act(action).await, real.act(action).await);
            prop_assert_eq!(
                left,
                right,
                "simulated store and the other answer action {} differently: {:?}",
                at,
                action
            );
            let (left, right) = (simulated.look().await, real.look().await);
            prop_assert_eq!(left, right, "simulated store and the other differ after action {}: {:?}", at, action);
        }
        Ok(())
    })
}

fn in_memory(clock: Arc<HandClock>) -> SqliteStore {
    SqliteStore::open_in_memory(clock, SqliteConfig::simulation()).expect("memory for a database")
}

proptest! {
    // Bugs planted by hand in either store took between 250 and 2,200 histories.
    #![proptest_config(Config { cases: 4096, failure_persistence: None, ..Config::default() })]

    #[test]
    fn any_history_looks_the_same_on_the_simulated_store_and_on_sqlite(history in histories()) {
        compare(&history, in_memory, false)?;
    }
}

fn documents(clock: Arc<HandClock>) -> RedbStore {
    RedbStore::open_in_memory(clock, RedbConfig::simulation()).expect("memory for a database")
}

proptest! {
    #![proptest_config(Config { cases: 512, failure_persistence: None, ..Config::default() })]

    // With glances beside open transactions: redb has readers in memory, too.
    #[test]
    fn any_history_looks_the_same_on_the_simulated_store_and_on_documents(history in histories()) {
        compare(&history, documents, true)?;
    }
}

proptest! {
    // Fewer: opening a file costs more than a whole history in memory.
    #![proptest_config(Config { cases: 96, failure_persistence: None, ..Config::default() })]

    #[test]
    fn who_looks_on_beside_an_open_transaction_sees_the_same_in_a_file(history in histories()) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let open = |clock: Arc<HandClock>| SqliteStore::open(folder.path().join("db"), clock, SqliteConfig::simulation()).expect("a new file");
        compare(&history, open, true)?;
    }
}
