//! Figures of a soak: memory of the worker, size of the files, rows of each table; and whether they stay as they are.

use std::{collections::BTreeMap, path::Path, time::Duration};

use rusqlite::{Connection, OpenFlags};
use serde::Serialize;

/// Figures at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Figures {
    /// Time since the start.
    pub(super) at_ms: u64,
    /// Number of the worker's start.
    pub(super) life: u32,
    /// Resident memory of the worker, where the system says.
    pub(super) memory_kib: Option<u64>,
    /// All files of the databases with their logs, without what business documents take up of them.
    pub(super) files_kib: u64,
    /// Rows of each table of the library, of both services together.
    pub(super) rows: BTreeMap<String, u64>,
}

/// Looks at a process and at its databases, of which the last one is the payment provider's.
pub(super) fn look(at: Duration, life: u32, worker: u32, databases: &[std::path::PathBuf; 3]) -> Option<Figures> {
    let mut figures = Figures {
        at_ms: u64::try_from(at.as_millis()).unwrap_or(u64::MAX),
        life,
        memory_kib: resident_kib(worker),
        ..Figures::default()
    };
    for (number, database) in databases.iter().enumerate() {
        let documents = read(database, (number < 2).then_some(&mut figures.rows)).ok()?;
        figures.files_kib += (size(database) + size(&beside(database, "-wal"))).saturating_sub(documents) / 1_024;
    }
    Some(figures)
}

/// Memory of another process that is resident now, where the system says so (Linux).
fn resident_kib(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

fn size(file: &Path) -> u64 {
    std::fs::metadata(file).map_or(0, |file| file.len())
}

fn beside(file: &Path, suffix: &str) -> std::path::PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Bytes that a document takes up beside its text, and what a page of a tree that grows in no order holds of a hundred.
const DOCUMENT_BYTES: u64 = 16;
const PAGE_FILL_PERCENT: u64 = 69;

/// Adds the rows of each table of the library, and returns about how many bytes of the file are documents of the service.
fn read(database: &Path, rows: Option<&mut BTreeMap<String, u64>>) -> rusqlite::Result<u64> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let sql = Connection::open_with_flags(database, flags)?;
    sql.busy_timeout(Duration::from_millis(200))?;
    // One snapshot of all tables.
    sql.execute_batch("PRAGMA query_only = ON; BEGIN")?;
    if let Some(rows) = rows {
        for table in tables(&sql)? {
            let count: i64 = sql.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))?;
            *rows.entry(table.trim_start_matches("seaworthy_").to_owned()).or_default() += count.unsigned_abs();
        }
    }
    let (count, bytes): (i64, i64) = sql.query_row(
        "SELECT count(*), coalesce(sum(length(collection) + length(id) + length(body)), 0) FROM seaworthy_documents",
        [],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    Ok((bytes.unsigned_abs() + count.unsigned_abs() * DOCUMENT_BYTES) * 100 / PAGE_FILL_PERCENT)
}

/// The library's tables, but for documents, which are the service's, and those of one row.
fn tables(sql: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut tables = sql.prepare(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name GLOB 'seaworthy_*'
         AND name NOT IN ('seaworthy_documents', 'seaworthy_schema', 'seaworthy_epoch', 'seaworthy_clock') ORDER BY name",
    )?;
    tables.query_map([], |row| row.get(0))?.collect()
}
