use std::{mem, time::Duration};

use rusqlite::{
    Connection,
    config::DbConfig,
    functions::FunctionFlags,
    hooks::{AuthContext, Authorization},
    limits::Limit,
    types::Value,
};
use seaworthy_core::ports::{RowChange, Timestamp};
use smol_str::SmolStr;

use crate::{config::SqliteConfig, epoch::Epochs, files::open_memory, writer::Writer};

fn epochs() -> Epochs {
    Epochs::of_memory(Timestamp::EPOCH)
}

use super::*;

const TABLES: &str = "
    CREATE TABLE accounts (id TEXT PRIMARY KEY, cents INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE bookings (number INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL REFERENCES accounts (id));
    CREATE TABLE notes (words TEXT, length INTEGER AS (length(words)));
    INSERT INTO accounts VALUES ('a', 5), ('b', 7);
    INSERT INTO bookings (account) VALUES ('a'), ('b');
    DELETE FROM bookings WHERE number = 1;
    INSERT INTO notes (rowid, words) VALUES (40, 'first');";

/// Settings that no other test of this process uses, so that nobody takes the database in between.
fn settings(of: u32) -> SqliteConfig {
    SqliteConfig::simulation().cache_kib(5_000 + of)
}

fn watch_all(writer: &mut Writer) -> Vec<RowChange> {
    writer.watch(&["accounts".into(), "bookings".into(), "notes".into()]).unwrap();
    watch_all_of(writer)
}

fn watch_all_of(writer: &mut Writer) -> Vec<RowChange> {
    writer.begin().unwrap();
    let told = writer.row_changes().unwrap();
    writer.commit().unwrap();
    told
}

fn work(writer: &mut Writer) -> Vec<RowChange> {
    writer.begin().unwrap();
    let sql = writer.connection_mut();
    sql.execute_batch(
        "INSERT INTO accounts VALUES ('c', 1); UPDATE accounts SET cents = 0 WHERE id = 'a';
         INSERT INTO bookings (account) VALUES ('c'); INSERT INTO notes (words) VALUES ('second');
         DELETE FROM notes WHERE rowid = 40;
         INSERT INTO seaworthy_checkpoints VALUES ('c', 1);
         INSERT INTO seaworthy_outbox (id, aggregatetype, aggregateid, type, payload, source, time,
                                       content_type, partition_key, correlation_id, head)
         VALUES ('1', 't', 's', 'k', x'00', 'o', 0, 'c', 'k', 'x', 1)",
    )
    .unwrap();
    let told = writer.row_changes().unwrap();
    writer.commit().unwrap();
    told
}

/// All that a run can ask SQLite for, but for what it counts over the life of a connection.
fn seen(connection: &Connection) -> Vec<(String, Vec<Vec<Value>>)> {
    let rows = |sql: &str| -> Vec<Vec<Value>> {
        let mut query = connection.prepare(sql).unwrap();
        let columns = query.column_count();
        let row = |row: &rusqlite::Row<'_>| (0..columns).map(|column| row.get(column)).collect();
        query.query_map([], row).unwrap().collect::<Result<_, _>>().unwrap()
    };
    let last = vec![vec![
        Value::from(connection.last_insert_rowid()),
        Value::from(connection.changes() as i64),
        Value::from(connection.is_autocommit()),
    ]];
    let mut seen = vec![("last".to_owned(), last)];
    let text = |value: &Value| if let Value::Text(text) = value { text.clone() } else { panic!("{value:?}") };
    for pragma in rows("SELECT name FROM pragma_pragma_list ORDER BY name") {
        let name = text(&pragma[0]);
        // They change something, or count pages.
        let acts =
            ["incremental_vacuum", "optimize", "shrink_memory", "wal_checkpoint", "page_count", "freelist_count"];
        if !acts.contains(&name.as_str()) && name != "module_list" {
            seen.push((name.clone(), rows(&format!("PRAGMA {name}"))));
        }
    }
    for schema in ["main.sqlite_schema", "temp.sqlite_schema"] {
        let listed = rows(&format!("SELECT type, name, tbl_name, sql FROM {schema} ORDER BY name"));
        for table in listed.iter().filter(|row| text(&row[0]) == "table") {
            let name = text(&table[1]);
            seen.push((name.clone(), rows(&format!("SELECT * FROM {name}"))));
        }
        seen.push((schema.to_owned(), listed));
    }
    seen.push(("numbers of notes".to_owned(), rows("SELECT rowid, * FROM notes")));
    seen
}

fn is_kept(of: u32) -> bool {
    kept().0.iter().any(|(origin, _)| origin.config == settings(of))
}

#[test]
fn a_run_can_not_tell_a_database_that_is_used_again_from_a_new_one() {
    let look = || {
        let shared = open_memory(settings(1), TABLES, epochs()).unwrap();
        let mut writer = shared.writer.writer().try_lock().unwrap();
        let prepared = watch_all(&mut writer);
        let begins = seen(writer.connection());
        let before = writer.connection().total_changes();
        let told = work(&mut writer);
        let changed = writer.connection().total_changes() - before;
        writer.begin().unwrap();
        writer.connection_mut().execute_batch("DELETE FROM bookings; INSERT INTO notes VALUES ('undone')").unwrap();
        writer.roll_back();
        // Its address as well: it is the same database.
        (prepared, begins, told, changed, seen(writer.connection()), Arc::as_ptr(shared.writer.writer()))
    };
    let fresh = look();
    for round in 1..4 {
        assert!(is_kept(1), "round {round} uses the same database");
        assert_eq!(look(), fresh, "round {round}");
    }
}

/// Uses a database as a run would, and says whether the next run gets the same.
fn is_used_again(of: u32, used: impl FnOnce(&mut Connection)) -> bool {
    is_used_by(of, &["accounts".into(), "bookings".into(), "notes".into()], used)
}

fn is_used_by(of: u32, watched: &[SmolStr], used: impl FnOnce(&mut Connection)) -> bool {
    let shared = open_memory(settings(of), TABLES, epochs()).unwrap();
    let mut writer = shared.writer.writer().try_lock().unwrap();
    writer.watch(watched).unwrap();
    watch_all_of(&mut writer);
    writer.begin().unwrap();
    used(writer.connection_mut());
    writer.roll_back();
    drop(writer);
    drop(shared);
    is_kept(of)
}

#[test]
fn what_leaves_no_trace_lets_the_next_run_have_the_database() {
    assert!(is_used_again(10, |_| ()));
    assert!(is_used_again(12, |sql| sql.busy_timeout(Duration::from_secs(1)).unwrap()));
    assert!(is_used_again(13, |sql| sql.update_hook(Some(|_, _: &str, _: &str, _| panic!("a hook of another run")))));
    assert!(is_used_again(14, |sql| sql.commit_hook(None::<fn() -> bool>)));
    assert!(is_used_again(16, |sql| {
        sql.query_row("SELECT count(*) FROM pragma_table_info('accounts')", [], |_| Ok(())).unwrap();
    }));
}

#[test]
fn what_the_next_run_could_tell_lets_the_database_go() {
    let batch = |of, sql: &'static str| is_used_again(of, |used| used.execute_batch(sql).unwrap());
    assert!(!batch(20, "PRAGMA recursive_triggers = ON"));
    assert!(!batch(21, "PRAGMA reverse_unordered_selects(1)"));
    assert!(!batch(22, "PRAGMA user_version = 3"));
    assert!(!batch(23, "ROLLBACK; ATTACH ':memory:' AS other"));
    assert!(!batch(24, "ROLLBACK; ATTACH ':memory:' AS other; DETACH other"));
    assert!(!is_used_again(26, |sql| drop(sql.set_limit(Limit::SQLITE_LIMIT_LENGTH, 1_000))));
    assert!(!is_used_again(27, |sql| {
        sql.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, false).unwrap();
    }));
    for (of, switch) in [
        (84, DbConfig::SQLITE_DBCONFIG_DEFENSIVE),
        (85, DbConfig::SQLITE_DBCONFIG_DQS_DML),
        (86, DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW),
    ] {
        assert!(!is_used_again(of, |sql| {
            let is_set = sql.db_config(switch).unwrap();
            sql.set_db_config(switch, !is_set).unwrap();
        }));
    }
    assert!(!is_used_again(28, |sql| {
        sql.create_scalar_function("twice", 1, FunctionFlags::SQLITE_UTF8, |of| Ok(of.get::<i64>(0)? * 2)).unwrap();
    }));
    assert!(!is_used_again(29, |sql| {
        sql.create_scalar_function("lower", 1, FunctionFlags::SQLITE_UTF8, |_| Ok("?")).unwrap();
    }));
    assert!(!is_used_again(30, |sql| sql.create_collation("LENGTH", |a, b| a.len().cmp(&b.len())).unwrap()));
    assert!(!is_used_again(31, |sql| sql.create_collation("NOCASE", |a, b| b.cmp(a)).unwrap()));
    assert!(!is_used_again(32, |sql| {
        sql.authorizer(Some(|_: AuthContext<'_>| Authorization::Allow));
    }));
    assert!(!is_used_again(33, |sql| *sql = Connection::open_in_memory().unwrap()));
    assert!(!is_used_again(34, |sql| {
        let mut open = sql.prepare("SELECT * FROM accounts").unwrap();
        let mut rows = open.raw_query();
        rows.next().unwrap();
        mem::forget(rows);
        mem::forget(open);
    }));
}

#[test]
fn a_table_that_a_run_has_made_or_changed_lets_the_database_go() {
    let committed = |of, sql: &str| {
        let shared = open_memory(settings(of), TABLES, epochs()).unwrap();
        let mut writer = shared.writer.writer().try_lock().unwrap();
        watch_all(&mut writer);
        writer.begin().unwrap();
        writer.connection_mut().execute_batch(sql).unwrap();
        writer.row_changes().unwrap();
        writer.commit().unwrap();
        drop(writer);
        drop(shared);
        is_kept(of)
    };
    assert!(committed(40, "INSERT INTO accounts VALUES ('x', 0)"));
    assert!(!committed(41, "CREATE TABLE own (x)"));
    assert!(!committed(42, "ALTER TABLE notes ADD COLUMN more"));
    assert!(!committed(43, "DROP TABLE notes"));
    assert!(!committed(45, "CREATE TEMP TABLE own (x)"));
    assert!(!committed(44, "CREATE INDEX by_words ON notes (words)"));
}

#[test]
fn tables_that_do_more_than_hold_rows_are_made_anew_each_time() {
    let made = |of, tables: &str| {
        drop(open_memory(settings(of), tables, epochs()).unwrap());
        is_kept(of)
    };
    assert!(made(50, "CREATE TABLE one (x)"));
    assert!(!made(
        51,
        "CREATE TABLE one (x); CREATE TRIGGER t AFTER DELETE ON one BEGIN INSERT INTO one VALUES (1); END"
    ));
    assert!(!made(52, "CREATE VIRTUAL TABLE words USING fts5(word)"));
    assert!(!made(53, "CREATE TABLE one (rowid, _rowid_, oid)"));
    assert!(!made(
        54,
        "CREATE TABLE one (x); CREATE TRIGGER t AFTER DELETE ON one BEGIN INSERT INTO one VALUES (1); END;
         CREATE VIRTUAL TABLE words USING fts5(word)"
    ));
}

#[test]
fn triggers_of_an_earlier_watch_are_gone_for_who_watches_other_tables_or_none() {
    let temporary = |writer: &Writer| -> i64 {
        writer.connection().query_row("SELECT count(*) FROM temp.sqlite_schema", [], |row| row.get(0)).unwrap()
    };
    assert!(is_used_again(60, |_| ()));
    let mut other = take(&settings(60), TABLES).unwrap();
    let writer = Arc::get_mut(&mut other).unwrap().get_mut();
    assert!(temporary(writer) > 0);
    writer.without_what_is_left().unwrap();
    assert_eq!(temporary(writer), 0);
    assert!(is_used_again(61, |_| ()));
    let mut other = take(&settings(61), TABLES).unwrap();
    let writer = Arc::get_mut(&mut other).unwrap().get_mut();
    writer.watch(&["notes".into()]).unwrap();
    assert_eq!(temporary(writer), 0, "they are made at the first look");
    assert!(is_used_again(62, |_| ()));
    let mut other = take(&settings(62), TABLES).unwrap();
    let writer = Arc::get_mut(&mut other).unwrap().get_mut();
    writer.watch(&["accounts".into(), "bookings".into(), "notes".into()]).unwrap();
    assert!(temporary(writer) > 0, "who watches the same goes on with them");
}

#[test]
fn rows_that_a_database_begins_with_are_told_as_new_also_when_that_was_rolled_back() {
    let told = |of| {
        let shared = open_memory(settings(of), TABLES, epochs()).unwrap();
        let mut writer = shared.writer.writer().try_lock().unwrap();
        writer.watch(&["accounts".into(), "notes".into()]).unwrap();
        // Somebody prepares before the first look, and the first look is undone.
        writer.begin().unwrap();
        writer.connection_mut().execute_batch("UPDATE accounts SET cents = 9; INSERT INTO notes VALUES ('x')").unwrap();
        writer.commit().unwrap();
        let mut told = Vec::new();
        for _ in 0..2 {
            writer.begin().unwrap();
            told.push(writer.row_changes().unwrap());
            writer.roll_back();
        }
        told.push(watch_all_of(&mut writer));
        writer.begin().unwrap();
        writer.roll_back();
        told.push(watch_all_of(&mut writer));
        told
    };
    let fresh = told(70);
    assert_eq!([4, 4, 4, 0], [0, 1, 2, 3].map(|look: usize| fresh[look].len()));
    assert!(is_used_by(71, &["accounts".into(), "notes".into()], |_| ()), "one whose first look was not undone");
    assert_eq!(told(71), fresh);
}

#[test]
fn rows_that_a_database_begins_with_are_told_as_new_where_a_table_was_made_before_the_first_look() {
    let told = |of| {
        let shared = open_memory(settings(of), TABLES, epochs()).unwrap();
        let mut writer = shared.writer.writer().try_lock().unwrap();
        writer.watch(&["accounts".into(), "notes".into()]).unwrap();
        writer.begin().unwrap();
        writer.connection_mut().execute_batch("CREATE TABLE later (x); UPDATE accounts SET cents = 9").unwrap();
        let first = writer.row_changes().unwrap();
        writer.commit().unwrap();
        writer.begin().unwrap();
        writer.connection_mut().execute_batch("UPDATE accounts SET cents = 8 WHERE id = 'a'").unwrap();
        let second = writer.row_changes().unwrap();
        writer.commit().unwrap();
        (first, second)
    };
    let fresh = told(72);
    assert_eq!((fresh.0.len(), fresh.1.len()), (3, 1));
    assert!(is_used_by(73, &["accounts".into(), "notes".into()], |_| ()));
    assert_eq!(told(73), fresh);
}

/// Their triggers are its own, and what a run adds beside them is the run's.
#[test]
fn a_temporary_table_that_is_made_once_tables_are_watched_lets_the_database_go() {
    let used = |of, sql: &str| {
        let shared = open_memory(settings(of), TABLES, epochs()).unwrap();
        let mut writer = shared.writer.writer().try_lock().unwrap();
        watch_all(&mut writer);
        for _ in 0..2 {
            writer.begin().unwrap();
            writer.connection_mut().execute_batch(sql).unwrap();
            writer.row_changes().unwrap();
            writer.commit().unwrap();
        }
        drop(writer);
        drop(shared);
        is_kept(of)
    };
    assert!(used(82, "UPDATE accounts SET cents = cents + 1"));
    assert!(!used(83, "CREATE TEMP TABLE IF NOT EXISTS own (x)"));
}

#[test]
fn a_run_that_lends_can_not_tell_what_one_that_did_not_has_done() {
    let look = |store_alone: bool| {
        let shared = open_memory(settings(80), "", epochs()).unwrap();
        let writer = shared.writer.writer().try_lock().unwrap();
        let seen = (writer.connection().last_insert_rowid(), writer.connection().changes());
        if store_alone {
            writer.begin().unwrap();
            writer.connection().execute("INSERT INTO seaworthy_checkpoints VALUES ('c', 1)", []).unwrap();
            writer.connection().execute("INSERT INTO sqlite_sequence VALUES ('s', 1)", []).unwrap();
            writer.commit().unwrap();
        }
        seen
    };
    assert_eq!(look(true), (0, 0));
    assert!(is_kept(80));
    assert_eq!(look(false), (0, 0));
}

#[test]
fn a_second_watch_lets_the_database_go() {
    let shared = open_memory(settings(81), TABLES, epochs()).unwrap();
    let mut writer = shared.writer.writer().try_lock().unwrap();
    watch_all(&mut writer);
    writer.watch(&["notes".into()]).unwrap();
    watch_all_of(&mut writer);
    drop(writer);
    drop(shared);
    assert!(!is_kept(81));
}

#[test]
fn a_database_that_is_in_use_is_not_used_again() {
    let in_use = open_memory(settings(2), "", epochs()).unwrap();
    let transaction = Arc::clone(in_use.writer.writer()).try_lock_owned().unwrap();
    drop(in_use);
    assert!(!is_kept(2));
    drop(transaction);
    assert!(!is_kept(2));
    let in_use = open_memory(settings(3), "", epochs()).unwrap();
    let waits = Arc::clone(in_use.writer.writer());
    drop(in_use);
    assert!(!is_kept(3), "somebody is about to take it");
    drop(waits);
}

#[test]
fn databases_that_nobody_asks_for_make_room_for_those_in_use() {
    let mut pool = Pool::default();
    let origin = |of| Origin { config: settings(of), tables: "".into() };
    let give = |pool: &mut Pool, of| {
        let writer = Writer::in_memory(origin(of)).unwrap();
        pool.give(origin(of), Arc::new(Mutex::new(writer))).is_some()
    };
    for of in 0..KEPT_MAX as u32 {
        assert!(!give(&mut pool, of));
    }
    assert!(give(&mut pool, 1_000), "the one that has waited longest is let go");
    assert!(pool.take(&settings(1_000), "").is_some());
    assert!(pool.take(&settings(0), "").is_none());
    assert!(pool.take(&settings(1), "").is_some());
}
