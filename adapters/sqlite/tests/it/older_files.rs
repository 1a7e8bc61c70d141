//! Files of older versions of the schema: what is in them stays, and means what it meant.

use std::time::Duration;

use crate::support::{HandClock, asking, message, numbers, settled, stage, tailing, token};
use rusqlite::Connection;
use seaworthy_core::{
    message::Message,
    ports::{
        DeadLetterRequest, DeadRowRequest, EventAppend, EventStore, ExpectedVersion, InboxEntry, InboxInsert,
        InboxPurgeRequest, InboxStore, OperationStore, OutboxStore, PurgeRequest, SagaAppend, SagaListRequest,
        SagaStatus, SagaStore, Seen, SettleOutcome, Store, TailRequest, WhenDead,
    },
};
use seaworthy_sqlite::{SqliteConfig, SqliteStore};

/// Takes a file back to the ninth version of its schema: there are no events.
const BEFORE_EVENTS: &str = "DROP INDEX seaworthy_inbox_failed;
    DROP TABLE seaworthy_saga_keys;
    DROP INDEX seaworthy_dead_letters_asked;
    ALTER TABLE seaworthy_dead_letters DROP COLUMN asked_at;
    DROP TABLE seaworthy_clock;
    ALTER TABLE seaworthy_epoch DROP COLUMN after_message;
    ALTER TABLE seaworthy_epoch DROP COLUMN after_event;
    DROP TABLE seaworthy_events;
    DROP TABLE seaworthy_event_snapshots;
    UPDATE seaworthy_schema SET version = 9";

/// Takes a file back to the seventh version of its schema: sagas are not dated, and nothing is deleted by its age.
pub(crate) const BEFORE_LISTS: &str = "DROP INDEX seaworthy_inbox_failed;
    DROP TABLE seaworthy_saga_keys;
    DROP INDEX seaworthy_dead_letters_asked;
    ALTER TABLE seaworthy_dead_letters DROP COLUMN asked_at;
    DROP TABLE seaworthy_clock;
    ALTER TABLE seaworthy_epoch DROP COLUMN after_message;
    ALTER TABLE seaworthy_epoch DROP COLUMN after_event;
    DROP TABLE seaworthy_events;
    DROP TABLE seaworthy_event_snapshots;
    DROP INDEX seaworthy_sagas_forgotten;
    DROP INDEX seaworthy_operations_by_age;
    DROP INDEX seaworthy_sagas_compensated;
    DROP INDEX seaworthy_sagas_abandoned;
    ALTER TABLE seaworthy_sagas DROP COLUMN started_at;
    ALTER TABLE seaworthy_sagas DROP COLUMN since;
    UPDATE seaworthy_schema SET version = 7";

/// Takes a file of the seventh version back to the sixth: how a saga came to rest is not kept.
const BEFORE_OUTCOMES: &str = "DROP INDEX seaworthy_sagas_correlated;
    ALTER TABLE seaworthy_sagas DROP COLUMN outcome;
    UPDATE seaworthy_schema SET version = 6";

/// Takes a file of the sixth version back to the fourth: heads of keys do not say what is dead, dead rows are not
/// counted, and watermarks are not dated.
const BEFORE_TOPICS: &str = "DROP INDEX seaworthy_watermarks_by_age;
    ALTER TABLE seaworthy_watermarks DROP COLUMN raised_at;
    DROP INDEX seaworthy_outbox_due;
    CREATE INDEX seaworthy_outbox_due ON seaworthy_outbox (head, available_at, sequence) WHERE state < 2;
    DROP INDEX seaworthy_outbox_dead_places;
    DROP TABLE seaworthy_outbox_dead_keys;
    UPDATE seaworthy_outbox SET head = 1 WHERE head = 2;
    DROP TRIGGER seaworthy_outbox_deleted;
    CREATE TRIGGER seaworthy_outbox_deleted AFTER DELETE ON seaworthy_outbox WHEN OLD.head = 1 AND OLD.state < 2 BEGIN
        UPDATE seaworthy_outbox SET head = 1 WHERE sequence = (SELECT min(sequence) FROM seaworthy_outbox
            WHERE partition_key = OLD.partition_key AND state < 2 AND state <> 2);
    END;
    UPDATE seaworthy_schema SET version = 4";

/// Dead rows of an older file block their keys, are passed with a gap, and let go of their keys, as in a new one.
#[tokio::test]
async fn dead_rows_of_an_older_file_are_in_the_way_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let store = SqliteStore::open(&path, HandClock::new(), SqliteConfig::default()).unwrap();
    stage(&store, &[message(1, "a"), message(2, "a"), message(3, "b"), message(4, "c"), message(5, "a")]).await;
    for number in [1, 2] {
        let rows = store.claim(&asking(number, 1)).await.unwrap();
        store.settle(token(number), &settled(&rows, &SettleOutcome::Dead { reason: "no".into() })).await.unwrap();
    }
    drop(store);
    let other = Connection::open(&path).unwrap();
    other.execute_batch(BEFORE_LISTS).unwrap();
    other.execute_batch(BEFORE_OUTCOMES).unwrap();
    other.execute_batch(BEFORE_TOPICS).unwrap();
    let store = SqliteStore::open(&path, HandClock::new(), SqliteConfig::default()).unwrap();
    assert_eq!(numbers(&store.tail(&tailing(9)).await.unwrap()), [4], "what is dead blocks its key");
    let skipping = TailRequest { when_dead: WhenDead::SkipDead, ..tailing(9) };
    let gaps = async || {
        let rows = store.tail(&skipping).await.unwrap();
        rows.iter().map(|row| (row.row.0, row.message.gap)).collect::<Vec<_>>()
    };
    assert_eq!(gaps().await, [(2, 1), (4, 0), (5, 1)]);
    assert_eq!(store.purge_dead(&DeadRowRequest::new(9)).await.unwrap().len(), 2);
    assert_eq!(gaps().await, [(2, 0), (4, 0), (5, 0)]);
    assert_eq!(numbers(&store.claim(&asking(9, 9)).await.unwrap()), [2, 4]);
}

#[tokio::test]
async fn a_file_whose_keys_stand_still_since_a_deletion_is_mended_when_it_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let store = SqliteStore::open(&path, HandClock::new(), SqliteConfig::default()).unwrap();
    stage(&store, &[message(1, "a"), message(2, "a"), message(3, "a"), message(4, "b")]).await;
    drop(store);
    // As the schema was before: without headers and without the trigger.
    let other = Connection::open(&path).unwrap();
    other.execute_batch(BEFORE_LISTS).unwrap();
    other.execute_batch(BEFORE_OUTCOMES).unwrap();
    other.execute_batch(BEFORE_TOPICS).unwrap();
    other
        .execute_batch(
            "DROP TRIGGER seaworthy_outbox_deleted;
             DELETE FROM seaworthy_outbox WHERE sequence = 1;
             ALTER TABLE seaworthy_outbox DROP COLUMN headers;
             ALTER TABLE seaworthy_dead_letters DROP COLUMN headers;
             DROP TABLE seaworthy_epoch;
             ALTER TABLE seaworthy_inbox DROP COLUMN epoch;
             ALTER TABLE seaworthy_dead_letters DROP COLUMN epoch;
             UPDATE seaworthy_schema SET version = 2",
        )
        .unwrap();
    let store = SqliteStore::open(&path, HandClock::new(), SqliteConfig::default()).unwrap();
    assert_eq!(numbers(&store.claim(&asking(1, 9)).await.unwrap()), [2, 4]);
}

#[tokio::test]
async fn a_file_from_before_there_were_events_keeps_its_rows_and_takes_events() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let store = SqliteStore::open(&path, HandClock::new(), SqliteConfig::default()).unwrap();
    stage(&store, &[message(1, "a")]).await;
    drop(store);
    Connection::open(&path).unwrap().execute_batch(BEFORE_EVENTS).unwrap();
    let store = SqliteStore::open(&path, HandClock::new(), SqliteConfig::default()).unwrap();
    assert_eq!(numbers(&store.claim(&asking(1, 9)).await.unwrap()), [1]);
    let mut tx = store.begin().await.unwrap();
    let append = EventAppend::new("account-1", ExpectedVersion::NoStream, vec![message(2, "b")]);
    assert_eq!(tx.append_events(&append).await.unwrap().version, 1);
    tx.commit().await.unwrap();
    assert_eq!(store.read_events(0, 9).await.unwrap().len(), 1);
}

/// Before the schema knew of epochs, all messages came from the one that nobody had told of.
#[tokio::test]
async fn watermarks_and_rows_from_before_there_were_epochs_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    drop(SqliteStore::open(&path, HandClock::new(), SqliteConfig::default()).unwrap());
    let other = Connection::open(&path).unwrap();
    other.execute_batch(BEFORE_LISTS).unwrap();
    other.execute_batch(BEFORE_OUTCOMES).unwrap();
    other.execute_batch(BEFORE_TOPICS).unwrap();
    other
        .execute_batch(
            "DROP TABLE seaworthy_epoch;
             DROP TABLE seaworthy_watermarks;
             CREATE TABLE seaworthy_watermarks (
                 consumer TEXT NOT NULL, source TEXT NOT NULL, key TEXT NOT NULL, sequence INTEGER NOT NULL,
                 PRIMARY KEY (consumer, source, key)) STRICT, WITHOUT ROWID;
             ALTER TABLE seaworthy_inbox DROP COLUMN epoch;
             ALTER TABLE seaworthy_dead_letters DROP COLUMN epoch;
             INSERT INTO seaworthy_watermarks VALUES ('shop', 'orders', 'k', 7);
             INSERT INTO seaworthy_inbox (consumer, message, source, key, sequence, state, at)
                 VALUES ('shop', '00000000-0000-0000-0000-000000000009', 'orders', 'k', 9, 1, 0);
             UPDATE seaworthy_schema SET version = 3",
        )
        .unwrap();
    let store = SqliteStore::open(&path, HandClock::new(), SqliteConfig::default()).unwrap();
    let of = |number: u64, epoch| {
        let received = Message { sequence: number, epoch, source: "orders".into(), ..message(number.into(), "k") };
        InboxEntry::for_message("shop", &received)
    };
    for (entry, found) in [
        (of(7, 0), InboxInsert::Duplicate(Seen::Watermark)),
        (of(9, 0), InboxInsert::Duplicate(Seen::Row)),
        (of(8, 0), InboxInsert::First),
        (of(6, 5), InboxInsert::First),
    ] {
        assert_eq!(store.begin().await.unwrap().inbox_insert(&entry).await.unwrap(), found, "{entry:?}");
    }
    let epochs = async |store: &SqliteStore, number| {
        stage(store, &[message(number, "a")]).await;
        store.tail(&tailing(9)).await.unwrap().iter().map(|row| row.message.epoch).collect::<Vec<_>>()
    };
    let drawn = epochs(&store, 1).await[0];
    assert_ne!(drawn, 0);
    drop(store);
    let again = SqliteStore::open(&path, HandClock::new(), SqliteConfig::default()).unwrap();
    assert_eq!(epochs(&again, 2).await, [drawn, drawn], "it lasts as long as the file");
    let another = SqliteStore::open(folder.path().join("another"), HandClock::new(), SqliteConfig::default()).unwrap();
    assert_ne!(epochs(&another, 1).await, [drawn]);
    let begun = again.begin_epoch().await.unwrap();
    assert_eq!(epochs(&again, 3).await, [drawn, drawn, begun], "what was there is of its epoch");
    assert_ne!(begun, drawn);
    drop(again);
    let later = SqliteStore::open(&path, HandClock::new(), SqliteConfig::default()).unwrap();
    assert_eq!(epochs(&later, 4).await, [drawn, drawn, begun, begun], "also when the file is opened again");
}

/// Before the schema knew when a watermark was raised.
#[tokio::test]
async fn watermarks_from_before_they_were_dated_are_as_old_as_the_latest_row() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let clock = HandClock::new();
    drop(SqliteStore::open(&path, clock.clone(), SqliteConfig::default()).unwrap());
    let other = Connection::open(&path).unwrap();
    other.execute_batch(BEFORE_LISTS).unwrap();
    other.execute_batch(BEFORE_OUTCOMES).unwrap();
    other
        .execute_batch(
            "DROP INDEX seaworthy_watermarks_by_age;
             ALTER TABLE seaworthy_watermarks DROP COLUMN raised_at;
             INSERT INTO seaworthy_watermarks VALUES ('shop', 'orders', 0, 'k', 7), ('idle', 'orders', 0, 'k', 7);
             INSERT INTO seaworthy_inbox (consumer, message, source, key, sequence, state, at)
                 VALUES ('shop', '00000000-0000-0000-0000-000000000009', 'orders', 'k', 9, 1, 5000000);
             UPDATE seaworthy_schema SET version = 5",
        )
        .unwrap();
    let store = SqliteStore::open(&path, clock, SqliteConfig::default()).unwrap();
    let raised = |consumer: &str| -> i64 {
        let query = "SELECT raised_at FROM seaworthy_watermarks WHERE consumer = ?1";
        other.query_row(query, [consumer], |row| row.get(0)).unwrap()
    };
    assert_eq!((raised("shop"), raised("idle")), (5_000_000, 0));
    drop(store);
}

/// The tables of a file that a program had before it kept how sagas come to rest.
const SIXTH: [&str; 6] = [
    include_str!("../../src/schema/0001.sql"),
    include_str!("../../src/schema/0002.sql"),
    include_str!("../../src/schema/0003.sql"),
    include_str!("../../src/schema/0004.sql"),
    include_str!("../../src/schema/0005.sql"),
    include_str!("../../src/schema/0006.sql"),
];

#[tokio::test]
async fn a_saga_of_an_older_file_is_there_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let old = Connection::open(&path).unwrap();
    SIXTH.iter().for_each(|step| old.execute_batch(step).unwrap());
    old.execute_batch(
        "CREATE TABLE seaworthy_schema (version INTEGER NOT NULL) STRICT; INSERT INTO seaworthy_schema VALUES (6);
         INSERT INTO seaworthy_sagas (id, definition, definition_version, definition_hash, key, input, correlation_id, status,
                                      epoch, log_length, lease_until, wake_at)
         VALUES ('00000000-0000-0000-0000-000000000001', 'trip', 1, 7, 't-1', x'31', '00000000-0000-0000-0000-000000000001', 2,
                 3, 0, 0, 0)",
    )
    .unwrap();
    drop(old);
    let store = SqliteStore::open(&path, HandClock::new(), SqliteConfig::default()).unwrap();
    let saga = store.saga_by_key("trip", "t-1").await.unwrap().unwrap();
    assert_eq!((saga.status, saga.epoch, saga.outcome), (SagaStatus::Stuck, 3, None));
    let mut tx = store.begin().await.unwrap();
    tx.saga_append(&SagaAppend {
        saga: saga.id,
        epoch: 3,
        expected_length: 0,
        records: vec!["resumed".into()],
        status: SagaStatus::Completed,
        lease: Duration::ZERO,
        sleep: Duration::ZERO,
        definition: None,
        forgets: false,
        keys: Vec::new(),
        outcome: Some("done".into()),
    })
    .await
    .unwrap();
    tx.commit().await.unwrap();
    let saga = store.saga(saga.id).await.unwrap().unwrap();
    assert_eq!((saga.status, saga.outcome), (SagaStatus::Completed, Some("done".into())));
}

/// Before the schema knew since when a saga is what it is: the log tells, or the end where there is no log any more.
#[tokio::test]
async fn sagas_from_before_they_were_dated_are_as_old_as_their_logs_say() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    drop(SqliteStore::open(&path, HandClock::new(), SqliteConfig::default()).unwrap());
    let other = Connection::open(&path).unwrap();
    other.execute_batch(BEFORE_LISTS).unwrap();
    // Number, status, end; wake_at is 1 of each.
    for (number, status, ended) in [(1, 0, None), (2, 2, None), (3, 3, Some(9_000)), (4, 4, Some(9_000)), (5, 0, None)]
    {
        let id = format!("00000000-0000-0000-0000-00000000000{number}");
        let create =
            "INSERT INTO seaworthy_sagas (number, id, definition, definition_version, definition_hash, key, input,
                          correlation_id, status, epoch, lease_until, wake_at, ended_at)
                      VALUES (?1, ?2, 'trip', 1, 0, ?1, x'', ?2, ?3, 1, 0, 1, ?4)";
        other.execute(create, rusqlite::params![number, id, status, ended]).unwrap();
        // The third has lost its log, and the fifth never had one.
        for at in [5_000, 7_000].into_iter().filter(|_| number != 3 && number != 5) {
            let entry =
                "INSERT INTO seaworthy_saga_log (saga, sequence, epoch, at, record) VALUES (?1, ?2, 1, ?2, x'')";
            other.execute(entry, [number, at]).unwrap();
        }
    }
    let store = SqliteStore::open(&path, HandClock::new(), SqliteConfig::default()).unwrap();
    let listed = store.sagas(&SagaListRequest::new(9)).await.unwrap();
    let dated = listed.iter().map(|listed| (listed.started_at.as_micros(), listed.since.as_micros()));
    let expected = [(5_000, 5_000), (5_000, 7_000), (9_000, 9_000), (5_000, 9_000), (1, 1)];
    assert_eq!(dated.collect::<Vec<_>>(), expected);
    let rare = SagaListRequest::new(9).of_status(SagaStatus::Compensated);
    assert_eq!(store.sagas(&rare).await.unwrap().len(), 1);
}

/// Before the schema knew them by their age: sagas without a log, and operations, are purged as those of a new file.
#[tokio::test]
async fn sagas_and_operations_of_an_older_file_are_deleted_in_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    drop(SqliteStore::open(&path, HandClock::new(), SqliteConfig::default()).unwrap());
    let other = Connection::open(&path).unwrap();
    other
        .execute_batch(
            "DROP INDEX seaworthy_inbox_failed;
             ALTER TABLE seaworthy_epoch DROP COLUMN after_message;
             ALTER TABLE seaworthy_epoch DROP COLUMN after_event;
             DROP TABLE seaworthy_saga_keys;
             DROP INDEX seaworthy_dead_letters_asked;
             ALTER TABLE seaworthy_dead_letters DROP COLUMN asked_at;
             DROP TABLE seaworthy_clock;
             DROP TABLE seaworthy_events;
             DROP TABLE seaworthy_event_snapshots;
             DROP INDEX seaworthy_sagas_forgotten;
             DROP INDEX seaworthy_operations_by_age;
             UPDATE seaworthy_schema SET version = 8;
             INSERT INTO seaworthy_sagas (id, definition, definition_version, definition_hash, key, input, correlation_id,
                                          status, epoch, lease_until, wake_at, ended_at, log_purged)
             VALUES ('00000000-0000-0000-0000-000000000001', 'trip', 1, 0, 'a', x'', '00000000-0000-0000-0000-000000000001',
                     3, 1, 0, 0, 0, 1),
                    ('00000000-0000-0000-0000-000000000002', 'trip', 1, 0, 'b', x'', '00000000-0000-0000-0000-000000000002',
                     3, 1, 0, 0, 0, 0);
             INSERT INTO seaworthy_operations (id, state, answer, at)
             VALUES ('00000000-0000-0000-0000-000000000003', 2, NULL, 0)",
        )
        .unwrap();
    drop(other);
    let store = SqliteStore::open(&path, HandClock::new(), SqliteConfig::default()).unwrap();
    let old = PurgeRequest { older_than: Duration::ZERO, limit: 9 };
    assert_eq!(store.purge_sagas(&old).await, Ok(1), "the one without a log");
    assert_eq!(store.purge_operations(&old).await, Ok(1));
    assert!(store.saga_by_key("trip", "a").await.unwrap().is_none());
    assert!(store.saga_by_key("trip", "b").await.unwrap().is_some());
}

#[tokio::test]
async fn dead_letters_of_an_older_file_are_asked_for_by_nobody_until_somebody_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let store = SqliteStore::open(&path, HandClock::new(), SqliteConfig::default()).unwrap();
    let mut tx = store.begin().await.unwrap();
    for number in [1, 2] {
        let message = message(number, "a");
        tx.inbox_bury(&InboxEntry::for_message("shop", &message), &message, "poison").await.unwrap();
    }
    tx.commit().await.unwrap();
    drop(store);
    let before_requests = "DROP INDEX seaworthy_inbox_failed;
        ALTER TABLE seaworthy_epoch DROP COLUMN after_message;
        ALTER TABLE seaworthy_epoch DROP COLUMN after_event;
        DROP TABLE seaworthy_saga_keys;
        DROP INDEX seaworthy_dead_letters_asked;
        ALTER TABLE seaworthy_dead_letters DROP COLUMN asked_at;
        UPDATE seaworthy_schema SET version = 11";
    Connection::open(&path).unwrap().execute_batch(before_requests).unwrap();
    let store = SqliteStore::open(&path, HandClock::new(), SqliteConfig::default()).unwrap();
    let letters = DeadLetterRequest::new("shop", 9);
    let asked = letters.clone().asked();
    assert_eq!(
        (store.dead_letters(&letters).await.unwrap().len(), store.dead_letters(&asked).await.unwrap().len()),
        (2, 0)
    );
    assert_eq!(store.ask_redrive(&letters.only([message(2, "a").id])).await.unwrap(), [message(2, "a").id]);
    assert_eq!(store.dead_letters(&asked).await.unwrap().len(), 1);
}

#[tokio::test]
async fn counts_of_failures_of_an_older_file_are_forgotten_by_their_age() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let open = || SqliteStore::open(&path, HandClock::new(), SqliteConfig::default()).unwrap();
    let store = open();
    let failed = InboxEntry::for_message("shop", &message(1, "a"));
    let mut tx = store.begin().await.unwrap();
    tx.inbox_failed(&failed, "no answer").await.unwrap();
    tx.commit().await.unwrap();
    drop(store);
    let before_retention = "DROP INDEX seaworthy_inbox_failed; UPDATE seaworthy_schema SET version = 14";
    Connection::open(&path).unwrap().execute_batch(before_retention).unwrap();
    let store = open();
    let old = InboxPurgeRequest::new(Duration::ZERO, 9);
    assert_eq!(store.purge_inbox("shop", &old).await.unwrap(), 0);
    assert_eq!(store.purge_inbox("shop", &old.failures_older_than(Duration::ZERO)).await.unwrap(), 1);
}
