//! Statements that name a user's tables: the log of a watched one and its triggers, and the rows of any.
//!
//! This is the one place of the adapter that puts SQL together: no statement can bind the name of a table or of a column.
//! The names are a user's own and are quoted; values never come here.

use std::fmt::Write as _;

use smol_str::{SmolStr, format_smolstr};

/// The name of one of a log's triggers.
pub(crate) fn trigger(log: &str, when: &str) -> SmolStr {
    format_smolstr!("{log}_{when}")
}

/// Reads a log.
pub(crate) fn reading(log: &str) -> String {
    format!("SELECT * FROM temp.{log} ORDER BY n")
}

/// Empties a log.
pub(crate) fn emptying(log: &str) -> String {
    format!("DELETE FROM temp.{log}")
}

/// Takes a log and its triggers away.
pub(crate) fn removal(log: &str) -> String {
    let mut sql = format!("DROP TABLE temp.{log};");
    for when in ["replace", "insert", "update", "delete"] {
        let _ = writeln!(sql, "DROP TRIGGER IF EXISTS temp.{};", trigger(log, when));
    }
    sql
}

/// Copies all rows of a table into its log, as new.
pub(crate) fn beginning(log: &str, table: &str, columns: &[SmolStr]) -> String {
    let names =
        |quote: &dyn Fn(&str) -> String| columns.iter().map(|column| quote(column)).collect::<Vec<_>>().join(", ");
    let (all, new) = (names(&|column| quoted(column)), names(&|column| quoted(&format!("new {column}"))));
    format!("INSERT INTO temp.{log} (what, {new}) SELECT 'insert', {all} FROM main.{};", quoted(table))
}

/// Makes a log and its triggers, and copies all rows that are there where the table is new. `unique` are sets of columns
/// of which no two rows may be equal.
pub(crate) fn log_and_triggers(
    log: &str,
    of_table: &str,
    columns: &[SmolStr],
    unique: &[Vec<usize>],
    is_new: bool,
) -> String {
    let table = quoted(of_table);
    let names: Vec<String> = columns.iter().map(|column| quoted(column)).collect();
    let side = |which: &str| -> String {
        let names = columns.iter().map(|column| quoted(&format!("{which} {column}")));
        names.collect::<Vec<_>>().join(", ")
    };
    let of = |row: &str| names.iter().map(|column| format!("{row}.{column}")).collect::<Vec<_>>().join(", ");
    let (all, old, new, mut sql) = (names.join(", "), side("old"), side("new"), String::new());
    let _ = writeln!(
        sql,
        "CREATE TEMP TABLE {log} (n INTEGER PRIMARY KEY, what TEXT NOT NULL, {old}, {new});
         CREATE TEMP TRIGGER {log}_insert AFTER INSERT ON main.{table} BEGIN
             INSERT INTO {log} (what, {new}) VALUES ('insert', {});
         END;
         CREATE TEMP TRIGGER {log}_update AFTER UPDATE ON main.{table} BEGIN
             INSERT INTO {log} (what, {old}, {new}) VALUES ('update', {}, {});
         END;
         CREATE TEMP TRIGGER {log}_delete AFTER DELETE ON main.{table} BEGIN
             INSERT INTO {log} (what, {old}) VALUES ('delete', {});
         END;",
        of("NEW"),
        of("OLD"),
        of("NEW"),
        of("OLD"),
    );
    if !unique.is_empty() {
        // What REPLACE removes fires no trigger of its own: whatever is in the way of a new row is noted before.
        let _ = writeln!(sql, "CREATE TEMP TRIGGER {log}_replace BEFORE INSERT ON main.{table} BEGIN");
        for key in unique {
            let equal = key.iter().map(|column| format!("{0} = NEW.{0}", names[*column]));
            let equal = equal.collect::<Vec<_>>().join(" AND ");
            let _ = writeln!(
                sql,
                "INSERT INTO {log} (what, {old}) SELECT 'in the way', {all} FROM main.{table} WHERE {equal};"
            );
        }
        let _ = writeln!(sql, "END;");
    }
    if is_new {
        let _ = writeln!(sql, "{}", beginning(log, of_table, columns));
    }
    sql
}

/// Deletes all rows of a table.
pub(crate) fn emptying_table(table: &str) -> String {
    format!("DELETE FROM main.{}", quoted(table))
}

/// Reads all rows of a table, and inserts one. `rowid` is a name of the row's number that no column has taken.
pub(crate) fn rows(table: &str, columns: &[String], rowid: Option<&str>) -> (String, String) {
    let names = columns.iter().map(|column| quoted(column)).chain(rowid.map(str::to_owned));
    let names = names.collect::<Vec<_>>().join(", ");
    let count = columns.len() + usize::from(rowid.is_some());
    let values = (1..=count).map(|place| format!("?{place}")).collect::<Vec<_>>().join(", ");
    let table = quoted(table);
    (format!("SELECT {names} FROM main.{table}"), format!("INSERT INTO main.{table} ({names}) VALUES ({values})"))
}

/// A name as SQL writes it, whatever is in it.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    #[test]
    fn a_name_is_a_name_whatever_is_in_it() {
        let odd = "drop \"x\"; -- 'y'";
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(&format!("CREATE TABLE {0} ({0} TEXT)", quoted(odd))).unwrap();
        connection.execute_batch(&log_and_triggers("log", odd, &[odd.into()], &[vec![0]], true)).unwrap();
        connection.execute(&format!("INSERT INTO {} VALUES ('z')", quoted(odd)), []).unwrap();
        let logged: String =
            connection.query_row(&reading("log"), [], |row| row.get(format!("new {odd}").as_str())).unwrap();
        assert_eq!(logged, "z");
        connection.execute_batch(&removal("log")).unwrap();
    }
}
