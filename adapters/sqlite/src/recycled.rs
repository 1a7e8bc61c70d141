//! In-memory databases that were used and are as new again.
//!
//! A simulation opens thousands of databases that live for some milliseconds each. Creating the tables and preparing the
//! statements would cost more than all that is done with them; putting the first rows back costs a tenth of it.
//!
//! A database whose connection was lent, or whose tables were watched, is used again where nobody can tell it from a new
//! one: [`Birth`](crate::in_memory::Birth) looks for all that a user may have changed, and one that has changed is let go. SQLite itself counts on
//! over the life of a connection in two places: `total_changes`, and the counters of a cached statement.

use std::sync::{Arc, LazyLock, Mutex as StdMutex, MutexGuard, PoisonError};

use tokio::sync::Mutex;

use crate::{config::SqliteConfig, in_memory::Origin, writer::Writer};

/// Number of databases that are kept: two for each of the threads of a large machine.
const KEPT_MAX: usize = 64;

/// A database that grew beyond this many pages (8 MiB) is not kept, so that memory does not stay with it.
const PAGES_MAX: i64 = 2_048;

static KEPT: LazyLock<StdMutex<Pool>> = LazyLock::new(StdMutex::default);

/// The databases that wait for their next use, the one that has waited longest first.
#[derive(Default)]
struct Pool(Vec<(Origin, Arc<Mutex<Writer>>)>);

impl Pool {
    fn take(&mut self, config: &SqliteConfig, tables: &str) -> Option<Arc<Mutex<Writer>>> {
        let fits = |(origin, _): &(Origin, _)| origin.config == *config && *origin.tables == *tables;
        let place = self.0.iter().rposition(fits)?;
        Some(self.0.remove(place).1)
    }

    /// Returns the one that makes room: those that nobody asks for any more must not keep out those that are in use.
    fn give(&mut self, origin: Origin, writer: Arc<Mutex<Writer>>) -> Option<Arc<Mutex<Writer>>> {
        let out = (self.0.len() == KEPT_MAX).then(|| self.0.remove(0).1);
        self.0.push((origin, writer));
        out
    }
}

fn kept() -> MutexGuard<'static, Pool> {
    // A push or a removal is never half done, so a panic elsewhere while it was held does no harm.
    KEPT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A database with these settings and tables that is as new, if one is kept.
pub(crate) fn take(config: &SqliteConfig, tables: &str) -> Option<Arc<Mutex<Writer>>> {
    kept().take(config, tables)
}

/// Keeps the database of a store that was dropped, if it can be made as new.
pub(crate) fn give(writer: &Arc<Mutex<Writer>>) {
    // The caller's and nobody's else: no transaction is open, and nobody waits for one.
    if Arc::strong_count(writer) > 1 {
        return;
    }
    let Ok(mut unused) = writer.try_lock() else { return };
    let is_new = unused.renew().is_ok_and(|pages| pages.is_some_and(|pages| pages <= PAGES_MAX));
    let Some(origin) = unused.origin().filter(|_| is_new).cloned() else { return };
    drop(unused);
    // Closed here, where others need not wait for it.
    let out = kept().give(origin, Arc::clone(writer));
    drop(out);
}

#[cfg(test)]
mod tests;
