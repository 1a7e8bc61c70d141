//! What a setting says is what each connection works by.

use std::time::Duration;

use rusqlite::Connection;
use seaworthy_core::ports::{Store, connection};
use seaworthy_sqlite::{Blocking, OpenError, SqliteConfig, SqliteStore, Synchronous};

use crate::support::HandClock;

const ODD: Duration = Duration::from_millis(7_777);

type Setter = fn(SqliteConfig) -> SqliteConfig;

#[test]
fn each_setter_changes_what_it_is_named_for_and_nothing_else() {
    let setters: &[Setter] = &[
        |config| config.synchronous(Synchronous::Normal),
        |config| config.busy_timeout(ODD),
        |config| config.writer_wait(Some(ODD)),
        |config| config.writer_warning(Some(ODD)),
        |config| config.blocking(Blocking::Inline),
        |config| config.checkpoint_pages(77),
        |config| config.cache_kib(77),
    ];
    let plain = SqliteConfig::default();
    for (number, set) in setters.iter().enumerate() {
        assert_ne!(set(plain.clone()), plain, "{number}");
    }
    let forward = setters.iter().fold(plain.clone(), |config, set| set(config));
    assert_eq!(setters.iter().rev().fold(plain, |config, set| set(config)), forward);
}

#[test]
fn in_a_simulation_nothing_waits_for_a_disk_a_process_or_a_timer() {
    let expected = SqliteConfig::default()
        .synchronous(Synchronous::Off)
        .busy_timeout(Duration::ZERO)
        .writer_wait(None)
        .writer_warning(None)
        .blocking(Blocking::Inline);
    assert_eq!(SqliteConfig::simulation(), expected);
}

async fn pragma(store: &SqliteStore, name: &str) -> i64 {
    let mut tx = store.begin().await.unwrap();
    let sql = connection::<Connection>(&mut *tx).await.unwrap();
    sql.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn a_connection_has_the_durability_cache_and_log_that_are_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    for (synchronous, level) in [(Synchronous::Off, 0), (Synchronous::Normal, 1), (Synchronous::Full, 2)] {
        let path = folder.path().join(format!("db-{level}"));
        let config = SqliteConfig::default().synchronous(synchronous).checkpoint_pages(77).cache_kib(88);
        let store = SqliteStore::open(&path, HandClock::new(), config).unwrap();
        for (name, value) in [
            ("synchronous", level),
            ("fullfsync", i64::from(synchronous == Synchronous::Full)),
            ("wal_autocheckpoint", 77),
            ("cache_size", -88),
            ("journal_size_limit", 67_108_864),
        ] {
            assert_eq!(pragma(&store, name).await, value, "{name} with {synchronous:?}");
        }
    }
}

/// A path without a folder is one in the folder that the process works in.
#[test]
fn a_file_is_known_by_one_name_however_it_is_spelt() {
    let name = format!("seaworthy-settings-{}.db", std::process::id());
    let open = |path: &str| SqliteStore::open(path, HandClock::new(), SqliteConfig::default());
    let opened = open(&name);
    let other = SqliteConfig::default().cache_kib(77);
    let again = SqliteStore::open(format!("./{name}"), HandClock::new(), other);
    let is_open = opened.as_ref().map(drop);
    for ending in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{name}{ending}"));
    }
    assert!(is_open.is_ok(), "{is_open:?}");
    assert!(matches!(again, Err(OpenError::OtherSettings { .. })), "it is the same file, under other settings");
}
