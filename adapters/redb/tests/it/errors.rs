//! What goes wrong in a file, provoked for real, and what the store says of it.

use std::{fs, path::Path, process::Command, sync::Arc};

use seaworthy_core::ports::{Expected, Store, StoreError, Transaction};
use seaworthy_redb::{OpenError, RedbConfig, RedbStore};

use crate::support::{HandClock, message};

fn try_open(path: &Path) -> Result<RedbStore, OpenError> {
    RedbStore::open(path, HandClock::new(), RedbConfig::default())
}

async fn put(tx: &mut dyn Transaction, id: &str) -> Result<u64, StoreError> {
    tx.put("c", id, Expected::Any, vec![7; 4_000].into()).await
}

async fn count(store: &RedbStore) -> usize {
    store.begin().await.unwrap().scan("c", None, usize::MAX).await.unwrap().len()
}

#[tokio::test]
async fn a_key_that_is_taken_is_a_conflict_and_a_transaction_that_failed_can_not_be_committed() {
    let store = RedbStore::open_in_memory(HandClock::new(), RedbConfig::simulation()).unwrap();
    let mut tx = store.begin().await.unwrap();
    put(&mut *tx, "1").await.unwrap();
    tx.stage(&message(1, "k")).await.unwrap();
    let refused = tx.stage(&message(1, "k")).await.unwrap_err();
    assert!(matches!(refused, StoreError::Conflict(_)), "{refused}");
    assert_eq!(put(&mut *tx, "2").await.unwrap_err(), refused);
    assert_eq!(tx.commit().await.unwrap_err(), refused);
    assert_eq!(count(&store).await, 0);
}

#[test]
fn a_file_that_is_not_ours_is_refused_with_what_to_do_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let existing = || RedbStore::open_existing(&path, HandClock::new(), RedbConfig::default()).unwrap_err();
    assert!(matches!(existing(), OpenError::Missing { .. }) && !path.exists(), "nothing is created");
    fs::write(&path, "").unwrap();
    assert!(matches!(existing(), OpenError::NotAStore { .. }));
    for other in ["re", "SQLite format 3\0 and so on"] {
        fs::write(&path, other).unwrap();
        for refused in [existing(), try_open(&path).unwrap_err()] {
            assert!(matches!(refused, OpenError::NotADatabase { .. }), "{refused}");
            assert!(refused.to_string().contains("give the path of another"), "{refused}");
        }
        assert_eq!(fs::read(&path).unwrap(), other.as_bytes());
    }
    fs::remove_file(&path).unwrap();
    // Another program's tables.
    let other = redb::Database::create(&path).unwrap();
    let tx = other.begin_write().unwrap();
    tx.open_table(redb::TableDefinition::<u64, u64>::new("theirs")).unwrap().insert(1, 2).unwrap();
    tx.commit().unwrap();
    let refused = existing();
    assert!(matches!(refused, OpenError::InUse { .. }), "{refused}");
    drop(other);
    assert!(matches!(existing(), OpenError::NotAStore { .. }));
    // A service may have its own tables in the file.
    drop(try_open(&path).unwrap());
    drop(RedbStore::open_existing(&path, HandClock::new(), RedbConfig::default()).unwrap());
    let refused = RedbStore::open(folder.path().join("no/such/folder"), HandClock::new(), RedbConfig::default());
    assert!(matches!(refused.unwrap_err(), OpenError::Path { .. }));
    let refused = RedbStore::open(folder.path(), HandClock::new(), RedbConfig::default());
    assert!(matches!(refused.unwrap_err(), OpenError::Path { .. }));
}

/// What is left of a file whose process was killed while it made it, under the name that this process gives its own until it is whole.
#[test]
fn what_was_left_half_made_is_given_no_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let unfinished = folder.path().join(format!("db.{}.new", std::process::id()));
    fs::write(&unfinished, [0; 4096]).unwrap();
    drop(try_open(&path).unwrap());
    assert!(!unfinished.exists());
    drop(RedbStore::open_existing(&path, HandClock::new(), RedbConfig::default()).unwrap());
    // One that somebody else still makes is left to them.
    fs::remove_file(&path).unwrap();
    let theirs = redb::Database::create(&unfinished).unwrap();
    drop(try_open(&path).unwrap());
    assert!(unfinished.exists());
    drop(theirs);
    drop(RedbStore::open_existing(&path, HandClock::new(), RedbConfig::default()).unwrap());
}

/// Wherever a file is cut or written over, opening it says so or the store works; nothing panics its way out.
#[tokio::test]
async fn a_file_that_was_cut_or_written_over_is_refused_or_works_and_never_ends_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let store = try_open(&path).unwrap();
    let mut tx = store.begin().await.unwrap();
    for id in 0..50 {
        put(&mut *tx, &id.to_string()).await.unwrap();
    }
    tx.commit().await.unwrap();
    drop(store);
    let whole = fs::read(&path).unwrap();
    let mut refusals = 0;
    for round in 0..40 {
        let at = whole.len() * round / 40;
        let mut bytes = whole.clone();
        if round % 2 == 0 {
            bytes.truncate(at.max(1));
        } else {
            bytes[at..].iter_mut().take(5_000).for_each(|byte| *byte ^= 0x5A);
        }
        let spoilt = folder.path().join(format!("spoilt-{round}"));
        fs::write(&spoilt, bytes).unwrap();
        let opened = RedbStore::open(&spoilt, HandClock::new(), RedbConfig::default().check_on_open(true));
        match opened {
            Ok(store) => assert!(count(&store).await <= 50),
            Err(refused) => {
                assert!(refused.to_string().contains("spoilt-"), "{refused}");
                refusals += 1;
            }
        }
    }
    assert!(refusals > 20, "{refusals} of 40 were noticed");
}

/// Each is named, with what to change, and no file is made.
#[tokio::test]
async fn a_setting_by_which_nothing_would_work_opens_no_store() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    for (config, name) in [
        (RedbConfig::default().cache_kib(0), "RedbConfig::cache_kib is 0: "),
        (RedbConfig::default().writer_wait(Some(std::time::Duration::ZERO)), "RedbConfig::writer_wait is 0ns: "),
        (RedbConfig::default().writer_warning(Some(std::time::Duration::ZERO)), "RedbConfig::writer_warning is 0ns: "),
    ] {
        for opened in [
            RedbStore::open(&path, HandClock::new(), config.clone()),
            RedbStore::open_in_memory(HandClock::new(), config.clone()),
        ] {
            let refused = opened.unwrap_err();
            let text = refused.to_string();
            assert!(
                matches!(refused, OpenError::Setting(_)) && text.starts_with(name) && text.contains("so set it"),
                "{text}"
            );
        }
    }
    assert!(!path.exists());
}

#[tokio::test]
async fn a_file_belongs_to_one_process_and_to_handles_of_equal_settings() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let store = try_open(&path).unwrap();
    let other = RedbConfig::default().cache_kib(1);
    let refused = RedbStore::open(&path, HandClock::new(), other).unwrap_err();
    assert!(matches!(refused, OpenError::OtherSettings { .. }), "{refused}");
    let again = RedbStore::open(folder.path().join(".").join("db"), HandClock::new(), RedbConfig::default()).unwrap();
    let mut tx = again.begin().await.unwrap();
    put(&mut *tx, "1").await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(count(&store).await, 1);
    let outside =
        in_a_child("errors::a_file_belongs_to_one_process_and_to_handles_of_equal_settings_child", &path, "unlimited");
    assert!(outside.contains("is open in another process"), "{outside}");
}

/// What another process says of a file that this one has open.
#[test]
fn a_file_belongs_to_one_process_and_to_handles_of_equal_settings_child() {
    if let Ok(path) = std::env::var(FILE) {
        println!("{}", try_open(Path::new(&path)).unwrap_err());
    }
}

/// Set in a child process: the file that it works on.
const FILE: &str = "SEAWORTHY_REDB_TEST_FILE";

/// Runs a test of this file in a child process that may write files of this many blocks only, and returns what it says.
fn in_a_child(test: &str, path: &Path, blocks: &str) -> String {
    let child = Command::new("sh")
        .args(["-c", &format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"")])
        .arg(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(FILE, path)
        .output()
        .unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&child.stdout), String::from_utf8_lossy(&child.stderr));
    assert!(child.status.success(), "{said}");
    said
}

/// A disk that is full, for all that the process can tell: no file may grow beyond some megabytes (the shell's `ulimit -f`, in
/// units of 512 or 1,024 bytes, with the signal ignored).
#[test]
fn a_full_disk_is_told_with_the_file_and_nothing_is_lost_or_half_applied() {
    let block_on = |work: std::pin::Pin<Box<dyn Future<Output = ()>>>| {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work);
    };
    if let Ok(path) = std::env::var(FILE) {
        return block_on(Box::pin(async move { fill(Path::new(&path)).await }));
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    drop(try_open(&path).unwrap());
    let said =
        in_a_child("errors::a_full_disk_is_told_with_the_file_and_nothing_is_lost_or_half_applied", &path, "8192");
    let applied: usize =
        said.split("applied ").nth(1).and_then(|rest| rest.split(' ').next()?.parse().ok()).expect(&said);
    assert!(applied > 0 && said.contains(&path.display().to_string()), "{said}");
    block_on(Box::pin(async move {
        let store = try_open(&path).unwrap();
        let found = count(&store).await;
        assert!(found == applied || found == applied + 5, "{found} documents, {applied} known to be applied");
        // There is room again.
        let mut tx = store.begin().await.unwrap();
        put(&mut *tx, "later").await.unwrap();
        tx.commit().await.unwrap();
    }));
}

async fn fill(path: &Path) {
    let store = try_open(path).unwrap();
    let mut applied = 0;
    let failed = loop {
        let mut tx = store.begin().await.unwrap();
        let mut outcome = Ok(());
        for id in 0..5 {
            outcome = outcome.and(put(&mut *tx, &format!("{:05}", applied + id)).await.map(drop));
        }
        let outcome = match outcome {
            Ok(()) => tx.commit().await,
            Err(error) => {
                drop(tx);
                Err(error)
            }
        };
        match outcome {
            Ok(()) => applied += 5,
            Err(error) => break error,
        }
        assert!(applied < 10_000, "the limit was never met");
    };
    assert!(matches!(failed, StoreError::Unknown(_) | StoreError::Unavailable(_)), "{failed}");
    println!("applied {applied} and then: {failed}");
    // The store goes on: the file is opened anew, reading works, and so does a commit that needs no more room.
    assert!(store.backlog().await.is_ok());
    let found = count(&store).await;
    assert!(found == applied || found == applied + 5, "{found} documents, {applied} known to be applied");
    let mut tx = store.begin().await.unwrap();
    tx.delete("c", "00000", Expected::Any).await.unwrap();
    let small = tx.commit().await;
    assert!(small.is_ok() || matches!(small, Err(StoreError::Unknown(_) | StoreError::Unavailable(_))), "{small:?}");
    if small.is_ok() {
        let mut tx = store.begin().await.unwrap();
        put(&mut *tx, "00000").await.unwrap();
        // What was counted stays as it was.
        tx.commit().await.unwrap();
    }
}

#[tokio::test]
async fn settings_of_a_simulation_wait_for_nothing() {
    let config = RedbConfig::simulation();
    let waits = (config.writer_wait, config.writer_warning, config.synchronous);
    assert_eq!(waits, (None, None, seaworthy_redb::Synchronous::Off));
    let store = RedbStore::open_in_memory(Arc::clone(&HandClock::new()) as _, config).unwrap();
    assert!(format!("{store:?}").contains("in memory"));
}
