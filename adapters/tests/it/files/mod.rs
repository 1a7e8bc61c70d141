//! What every store that keeps a file promises of it.

mod kills;
mod latest_time;

use std::{path::Path, sync::Arc};

use redb::ReadableDatabase as _;
use rusqlite::Connection;
use seaworthy_core::ports::{Store, Timestamp};
use seaworthy_redb::{RedbConfig, RedbStore};
use seaworthy_sqlite::{SqliteConfig, SqliteStore};

use crate::support::{in_virtual_time, rows::HandClock};

/// Kinds of files.
#[derive(Clone, Copy, Debug)]
enum File {
    Sqlite,
    Redb,
}

impl File {
    fn open(self, path: &Path, clock: &Arc<HandClock>) -> Arc<dyn Store> {
        let clock = Arc::clone(clock);
        match self {
            Self::Sqlite => Arc::new(SqliteStore::open(path, clock, SqliteConfig::default()).unwrap()),
            Self::Redb => Arc::new(RedbStore::open(path, clock, RedbConfig::default()).unwrap()),
        }
    }

    /// A tool's store, which looks at a file that is there.
    fn open_existing(self, path: &Path, clock: &Arc<HandClock>) -> Arc<dyn Store> {
        let clock = Arc::clone(clock);
        match self {
            Self::Sqlite => Arc::new(SqliteStore::open_existing(path, clock, SqliteConfig::default()).unwrap()),
            Self::Redb => Arc::new(RedbStore::open_existing(path, clock, RedbConfig::default()).unwrap()),
        }
    }

    /// The latest time that is in a file which nobody has open.
    fn kept(self, path: &Path) -> Timestamp {
        Timestamp::from_micros(match self {
            Self::Sqlite => {
                let file = Connection::open(path).unwrap();
                file.query_row("SELECT latest FROM seaworthy_clock", [], |row| row.get(0)).unwrap()
            }
            Self::Redb => {
                let table = redb::TableDefinition::<&[u8], &[u8]>::new("seaworthy_meta");
                let database = redb::Database::open(path).unwrap();
                let tx = database.begin_read().unwrap();
                let found = tx.open_table(table).unwrap().get(&b"clock\0\0"[..]).unwrap().expect("it is kept");
                let document: serde_json::Value = serde_json::from_slice(found.value()).unwrap();
                document["d"]["latest"].as_i64().expect("a time")
            }
        })
    }

    /// Looks at every page of a file, which a kill may have left half written.
    fn check(self, path: &Path) {
        match self {
            Self::Sqlite => {
                let file = Connection::open(path).unwrap();
                let found: String = file.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
                assert_eq!(found, "ok");
            }
            Self::Redb => {
                // Besides what it looks at after a kill.
                let config = RedbConfig::default().check_on_open(true);
                drop(RedbStore::open(path, HandClock::new(), config).unwrap());
            }
        }
    }
}

/// Runs a test on each kind of file.
fn on_each_file(test: impl AsyncFn(File)) {
    for of in [File::Sqlite, File::Redb] {
        println!("on {of:?}"); // Shown with a failure.
        in_virtual_time(test(of));
    }
}
