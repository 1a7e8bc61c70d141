//! Files: created, opened again, of a newer version, and not databases at all.

use super::older_files::BEFORE_LISTS;
use crate::support::{HandClock, asking, message, numbers, stage};
use rusqlite::Connection;
use seaworthy_core::{
    message::Headers,
    ports::{EventAppend, ExpectedVersion, OutboxStore, Store},
};
use seaworthy_sqlite::{OpenError, SqliteConfig, SqliteStore};

#[tokio::test]
async fn a_file_opened_again_holds_what_was_committed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    for round in 1..4 {
        let store = SqliteStore::open(&path, HandClock::new(), SqliteConfig::default()).unwrap();
        stage(&store, &[message(round, &round.to_string())]).await;
    }
    let store = SqliteStore::open(&path, HandClock::new(), SqliteConfig::default()).unwrap();
    assert_eq!(numbers(&store.claim(&asking(1, 9)).await.unwrap()), [1, 2, 3]);
}

#[test]
fn a_file_that_is_up_to_date_is_opened_while_another_process_writes_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    // No patience, so that to wait would be to fail.
    let open = || SqliteStore::open(&path, HandClock::new(), SqliteConfig::simulation());
    drop(open().unwrap());
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert!(open().is_ok());
    other.execute_batch("ROLLBACK; UPDATE seaworthy_schema SET version = 0; BEGIN IMMEDIATE").unwrap();
    let refused = open().unwrap_err().to_string();
    assert!(refused.contains("locking for migration of"), "{refused}");
}

#[test]
fn a_newer_schema_is_refused_with_both_versions_and_nothing_is_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    drop(SqliteStore::open(&path, HandClock::new(), SqliteConfig::default()).unwrap());
    let other = Connection::open(&path).unwrap();
    other.execute("UPDATE seaworthy_schema SET version = 99", []).unwrap();
    let refused = SqliteStore::open(&path, HandClock::new(), SqliteConfig::default()).unwrap_err();
    assert!(matches!(refused, OpenError::NewerSchema { found: 99, .. }), "{refused}");
    assert!(refused.to_string().contains("version 99") && refused.to_string().contains("knows 15"), "{refused}");
    let version: i64 = other.query_row("SELECT version FROM seaworthy_schema", [], |row| row.get(0)).unwrap();
    assert_eq!(version, 99);
}

#[test]
fn a_users_tables_and_user_version_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let own = Connection::open(&path).unwrap();
    own.execute_batch("CREATE TABLE outbox (mine TEXT); PRAGMA user_version = 7").unwrap();
    let _store = SqliteStore::open(&path, HandClock::new(), SqliteConfig::default()).unwrap();
    let version: i64 = own.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    assert_eq!(version, 7);
    own.execute("INSERT INTO outbox VALUES ('still here')", []).unwrap();
}

#[test]
fn what_is_no_database_is_refused_with_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    std::fs::write(&path, "not a database, but long enough to look like one to somebody in a hurry".repeat(30))
        .unwrap();
    for path in [path, folder.path().join("missing/db")] {
        let refused = SqliteStore::open(&path, HandClock::new(), SqliteConfig::default()).unwrap_err().to_string();
        assert!(refused.contains(path.to_str().unwrap()), "{refused}");
        let refused = SqliteStore::open_existing(&path, HandClock::new(), SqliteConfig::default()).unwrap_err();
        let is_told = match path.exists() {
            true => matches!(refused, OpenError::NotAStore { .. }),
            false => matches!(refused, OpenError::Missing { .. }),
        };
        assert!(is_told, "{refused}");
    }
}

#[tokio::test]
async fn seed_47_the_outbox_has_the_columns_of_the_debezium_event_router() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let store = SqliteStore::open(&path, HandClock::new(), SqliteConfig::default()).unwrap();
    stage(&store, &[message(1, "order-17")]).await;
    let reader = Connection::open(&path).unwrap();
    let row: (String, String, String, String, Vec<u8>) = reader
        .query_row("SELECT id, aggregatetype, aggregateid, type, payload FROM seaworthy_outbox", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
        })
        .unwrap();
    let expected = (
        "00000000-0000-0000-0000-000000000001".to_owned(),
        "orders".to_owned(),
        "order-17".to_owned(),
        "order.confirmed".to_owned(),
        b"{\"order\":17}".to_vec(),
    );
    assert_eq!(row, expected);
}

#[tokio::test]
async fn a_database_in_memory_is_gone_with_its_last_handle_and_is_nobody_elses() {
    let open = || SqliteStore::open_in_memory(HandClock::new(), SqliteConfig::simulation()).unwrap();
    let (one, two) = (open(), open());
    let clone = one.clone();
    stage(&clone, &[message(1, "k")]).await;
    assert!(!one.backlog().await.unwrap().is_idle());
    assert!(two.backlog().await.unwrap().is_idle());
    assert!(two.begin().await.unwrap().checkpoint("c").await.unwrap().is_none());
}

/// The columns that the README names to the event router, besides those that it reads by default.
#[test]
fn seed_47_the_readme_tells_the_debezium_event_router_of_columns_that_are_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let _store = SqliteStore::open(&path, HandClock::new(), SqliteConfig::default()).unwrap();
    let reader = Connection::open(&path).unwrap();
    let set = |name: &str| {
        let lines = include_str!("../../README.md").lines();
        lines.filter_map(|line| line.strip_prefix("transforms.outbox.")?.strip_prefix(name)?.strip_prefix('=')).next()
    };
    let headers = set("table.fields.additional.placement").expect("headers").split(',');
    let columns = headers.map(|header| header.split_once(":header").expect("a header").0);
    let others = [set("table.field.event.key").expect("a key"), set("route.by.field").expect("a topic")];
    let mut named = 0;
    for column in columns.chain(others) {
        reader.prepare(&format!("SELECT {column} FROM seaworthy_outbox")).expect(column);
        named += 1;
    }
    assert_eq!(named, 12);
}

/// Rows that somebody else deletes, who captures changes: the next one of the key moves up, whatever else was deleted with
/// it and by whatever connection.
#[tokio::test]
async fn a_key_goes_on_after_somebody_else_has_deleted_its_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let store = SqliteStore::open(&path, HandClock::new(), SqliteConfig::default()).unwrap();
    let keys = ["a", "a", "b", "a", "b", "a"];
    let messages: Vec<_> = (1..).zip(keys).map(|(number, key)| message(number, key)).collect();
    stage(&store, &messages).await;
    let other = Connection::open(&path).unwrap();
    assert_eq!(other.execute("DELETE FROM seaworthy_outbox WHERE sequence <= 3", []).unwrap(), 3);
    assert_eq!(numbers(&store.claim(&asking(1, 9)).await.unwrap()), [4, 5], "the first of each key that is left");
    // One is out at a relay, one waits behind it.
    other.execute("DELETE FROM seaworthy_outbox WHERE sequence = 4", []).unwrap();
    assert_eq!(numbers(&store.claim(&asking(2, 9)).await.unwrap()), [6]);
    // What is not a head may go as well.
    stage(&store, &[message(7, "b"), message(8, "b")]).await;
    other.execute("DELETE FROM seaworthy_outbox WHERE sequence IN (5, 7)", []).unwrap();
    assert_eq!(numbers(&store.claim(&asking(3, 9)).await.unwrap()), [8]);
}

/// The store has no call that changes an event, and no statement of somebody else's does it by mistake.
#[tokio::test]
async fn an_event_is_not_changed_by_a_statement_of_ones_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let store = SqliteStore::open(&path, HandClock::new(), SqliteConfig::default()).unwrap();
    let mut tx = store.begin().await.unwrap();
    tx.append_events(&EventAppend::new("account-1", ExpectedVersion::NoStream, vec![message(1, "a")])).await.unwrap();
    tx.commit().await.unwrap();
    let other = Connection::open(&path).unwrap();
    let refused = other.execute("UPDATE seaworthy_events SET payload = x'00'", []).unwrap_err();
    assert!(refused.to_string().contains("never changed"), "{refused}");
}

#[tokio::test]
async fn headers_are_a_json_object_of_texts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let store = SqliteStore::open(&path, HandClock::new(), SqliteConfig::default()).unwrap();
    let mut with = message(1, "a");
    with.headers = Headers::new();
    with.headers.insert("tenant", "north \"1\"").unwrap();
    stage(&store, &[with, message(2, "b")]).await;
    let reader = Connection::open(&path).unwrap();
    let read = |sequence: i64| -> Option<String> {
        let query = "SELECT headers FROM seaworthy_outbox WHERE sequence = ?1";
        reader.query_row(query, [sequence], |row| row.get(0)).unwrap()
    };
    assert_eq!((read(1).as_deref(), read(2)), (Some(r#"{"tenant":"north \"1\""}"#), None));
}

/// A tool has no business making files or moving tables of others.
#[test]
fn a_file_that_is_only_to_be_opened_is_neither_created_nor_migrated() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let existing = || SqliteStore::open_existing(&path, HandClock::new(), SqliteConfig::default());
    let migrated = || SqliteStore::open_and_migrate(&path, HandClock::new(), SqliteConfig::default());
    for refused in [existing().unwrap_err(), migrated().unwrap_err()] {
        assert!(matches!(refused, OpenError::Missing { .. }), "{refused}");
        assert!(!path.exists());
    }
    let foreign = Connection::open(&path).unwrap();
    foreign.execute_batch("CREATE TABLE mine (x)").unwrap();
    for refused in [existing().unwrap_err(), migrated().unwrap_err()] {
        assert!(matches!(refused, OpenError::NotAStore { .. }), "{refused}");
    }
    let mode: String = foreign.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
    assert_eq!(mode, "delete", "not even its journal is changed");
    foreign.execute_batch("DROP TABLE mine").unwrap();
    drop(SqliteStore::open(&path, HandClock::new(), SqliteConfig::default()).unwrap());
    assert!(existing().is_ok());
    foreign.execute_batch(BEFORE_LISTS).unwrap();
    let refused = existing().unwrap_err();
    assert!(matches!(refused, OpenError::OlderSchema { found: 7, known: 15, .. }), "{refused}");
    drop(migrated().unwrap());
    assert!(existing().is_ok());
    foreign.execute("UPDATE seaworthy_schema SET version = 99", []).unwrap();
    for refused in [existing().unwrap_err(), migrated().unwrap_err()] {
        assert!(matches!(refused, OpenError::NewerSchema { .. }), "{refused}");
    }
}
