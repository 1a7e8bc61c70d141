use rusqlite::Connection;
use seaworthy_core::ports::{Cell, RowChange};

use crate::writer::Writer;

/// A database with a table of the user's own that is watched from the start.
fn watched(table: &str) -> Writer {
    let mut writer = Writer::new(Connection::open_in_memory().unwrap());
    writer.watch(&["own".into()]).unwrap();
    told(&mut writer, &format!("CREATE TABLE {table}"));
    writer
}

/// Returns the changes that a transaction of these statements tells, in words.
fn told(writer: &mut Writer, sql: &str) -> Vec<String> {
    writer.begin().unwrap();
    writer.connection_mut().execute_batch(sql).unwrap();
    let told = writer.row_changes().unwrap().iter().map(words).collect();
    writer.commit().unwrap();
    told
}

fn words(change: &RowChange) -> String {
    let side = |cells: &Option<_>| {
        let cells: Option<&std::sync::Arc<[Cell]>> = cells.as_ref();
        cells.map_or("-".to_owned(), |cells| cells.iter().map(ToString::to_string).collect::<Vec<_>>().join(","))
    };
    format!("{} -> {}", side(&change.before), side(&change.after))
}

const PLAIN: &str = "own (id INTEGER PRIMARY KEY, name TEXT)";

#[test]
fn every_change_of_a_row_is_told_with_its_values_before_and_after() {
    let mut writer = watched(PLAIN);
    assert_eq!(told(&mut writer, "INSERT INTO own VALUES (1, 'a'), (2, NULL)"), ["- -> 1,a", "- -> 2,null"]);
    assert_eq!(told(&mut writer, "UPDATE own SET name = 'b' WHERE id = 1"), ["1,a -> 1,b"]);
    assert_eq!(told(&mut writer, "SELECT * FROM own"), Vec::<String>::new());
    // All rows at once: SQLite would not look at each of them for anybody but a trigger.
    assert_eq!(told(&mut writer, "DELETE FROM own"), ["1,b -> -", "2,null -> -"]);
}

#[test]
fn what_a_savepoint_a_failing_statement_or_a_rollback_undoes_is_not_told() {
    let mut writer = watched(PLAIN);
    let savepoint = "INSERT INTO own VALUES (1, 'a'); SAVEPOINT s; INSERT INTO own VALUES (2, 'b'); ROLLBACK TO s";
    assert_eq!(told(&mut writer, savepoint), ["- -> 1,a"]);
    writer.begin().unwrap();
    // The first row of the statement goes in, and out again when the second fails.
    writer.connection_mut().execute_batch("INSERT INTO own VALUES (3, 'c'), (1, 'again')").unwrap_err();
    assert_eq!(writer.row_changes().unwrap(), []);
    writer.connection_mut().execute_batch("INSERT INTO own VALUES (4, 'd')").unwrap();
    writer.roll_back();
    assert_eq!(told(&mut writer, "INSERT INTO own VALUES (5, 'e')"), ["- -> 5,e"]);
}

#[test]
fn a_table_without_rowids_is_watched_as_any_other() {
    let mut writer = watched("own (id TEXT PRIMARY KEY, data BLOB) WITHOUT ROWID");
    assert_eq!(told(&mut writer, "INSERT INTO own VALUES ('x', x'0aff')"), ["- -> x,0aff"]);
    assert_eq!(told(&mut writer, "DELETE FROM own"), ["x,0aff -> -"]);
}

#[test]
fn a_row_that_is_replaced_is_told_as_gone_and_one_that_stays_is_not() {
    let mut writer = watched("own (id INTEGER PRIMARY KEY, name TEXT UNIQUE, rank REAL)");
    told(&mut writer, "INSERT INTO own VALUES (1, 'a', 0.5), (2, 'b', 0.5)");
    let replaced = told(&mut writer, "INSERT OR REPLACE INTO own VALUES (3, 'a', 1.5)");
    assert_eq!(replaced, ["1,a,0.5 -> -", "- -> 3,a,1.5"]);
    let both = told(&mut writer, "INSERT OR REPLACE INTO own VALUES (2, 'a', 2.5)");
    assert_eq!(both, ["2,b,0.5 -> -", "3,a,1.5 -> -", "- -> 2,a,2.5"]);
    let ignored = "INSERT OR IGNORE INTO own VALUES (2, 'z', 0.0); INSERT INTO own VALUES (9, 'i', 0.0)";
    assert_eq!(told(&mut writer, ignored), ["- -> 9,i,0"]);
    let upserted = "INSERT INTO own VALUES (9, 'y', 0.0) ON CONFLICT (id) DO UPDATE SET name = 'u'";
    assert_eq!(told(&mut writer, upserted), ["9,i,0 -> 9,u,0"]);
}

/// A row that an insert found in its way is gone only if one that can't be beside it has come.
#[test]
fn a_row_that_was_in_the_way_and_has_changed_or_gone_since_is_told_once() {
    let mut writer = watched("own (id INTEGER PRIMARY KEY, name TEXT)");
    told(&mut writer, "INSERT INTO own VALUES (1, 'a'), (2, 'b')");
    let moved =
        "INSERT INTO own VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET id = 7; INSERT INTO own VALUES (1, 'y')";
    assert_eq!(told(&mut writer, moved), ["1,a -> 7,a", "- -> 1,y"]);
    let gone =
        "INSERT OR IGNORE INTO own VALUES (2, 'x'); DELETE FROM own WHERE id = 2; INSERT INTO own VALUES (2, 'y')";
    assert_eq!(told(&mut writer, gone), ["2,b -> -", "- -> 2,y"]);
}

#[test]
fn a_table_that_is_made_later_is_told_with_the_rows_that_it_has_by_then() {
    let mut writer = Writer::new(Connection::open_in_memory().unwrap());
    writer.watch(&["own".into(), "never".into()]).unwrap();
    let made = "CREATE TABLE own (id INTEGER PRIMARY KEY); INSERT INTO own VALUES (7)";
    assert_eq!(told(&mut writer, made), ["- -> 7"]);
    assert_eq!(told(&mut writer, "INSERT INTO own VALUES (8)"), ["- -> 8"]);
    let wider = "ALTER TABLE own ADD COLUMN name TEXT DEFAULT 'none'";
    assert_eq!(told(&mut writer, wider), Vec::<String>::new());
    assert_eq!(told(&mut writer, "INSERT INTO own (id) VALUES (9)"), ["- -> 9,none"]);
    let anew = "DROP TABLE own; CREATE TABLE own (id TEXT)";
    assert_eq!(told(&mut writer, anew), Vec::<String>::new());
    assert_eq!(told(&mut writer, "INSERT INTO own VALUES ('t')"), ["- -> t"]);
}

#[test]
fn triggers_that_were_rolled_back_with_their_table_are_made_again() {
    let mut writer = Writer::new(Connection::open_in_memory().unwrap());
    writer.watch(&["own".into()]).unwrap();
    for _ in 0..2 {
        writer.begin().unwrap();
        writer.connection_mut().execute_batch("CREATE TABLE own (id INTEGER); INSERT INTO own VALUES (1)").unwrap();
        assert_eq!(writer.row_changes().unwrap().len(), 1);
        writer.roll_back();
    }
    assert_eq!(told(&mut writer, "CREATE TABLE own (id INTEGER); INSERT INTO own VALUES (1)"), ["- -> 1"]);
    assert_eq!(told(&mut writer, "INSERT INTO own VALUES (2)"), ["- -> 2"]);
}

/// The table was made again in the meantime, by which the schema is at the same version as when it had triggers.
#[test]
fn triggers_that_were_rolled_back_are_missed_also_where_something_was_committed_since() {
    let mut writer = Writer::new(Connection::open_in_memory().unwrap());
    writer.watch(&["own".into()]).unwrap();
    let make = "CREATE TABLE own (id INTEGER); INSERT INTO own VALUES (1)";
    writer.begin().unwrap();
    writer.connection_mut().execute_batch(make).unwrap();
    assert_eq!(writer.row_changes().unwrap().len(), 1);
    writer.roll_back();
    writer.begin().unwrap();
    writer.connection_mut().execute_batch(make).unwrap();
    writer.commit().unwrap();
    assert_eq!(told(&mut writer, "INSERT INTO own VALUES (2)"), ["- -> 1", "- -> 2"]);
}

#[test]
fn a_users_own_trigger_counter_and_last_rowid_are_what_they_were_without() {
    let mut writer = watched("own (id INTEGER PRIMARY KEY, changed INTEGER DEFAULT 0)");
    // Where triggers were recursive, this one would never end.
    let trigger = "CREATE TRIGGER stamp AFTER UPDATE ON own BEGIN UPDATE own SET changed = changed + 1; END";
    told(&mut writer, trigger);
    writer.begin().unwrap();
    let sql = writer.connection_mut();
    sql.execute("INSERT INTO own (id) VALUES (40)", []).unwrap();
    assert_eq!((sql.changes(), sql.last_insert_rowid()), (1, 40));
    sql.execute("UPDATE own SET id = 41", []).unwrap();
    assert_eq!(sql.changes(), 1);
    let told: Vec<String> = writer.row_changes().unwrap().iter().map(words).collect();
    assert_eq!(told.len(), 3, "{told:?}");
    writer.commit().unwrap();
}
