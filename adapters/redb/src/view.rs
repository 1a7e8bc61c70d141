//! Reading and writing of tables, inside a transaction of either kind.
//!
//! redb lets a transaction have a table open for writing once at a time. Here each operation opens its table and closes it
//! again; what is called for each entry of a range may open others, and not that one.

use std::{
    cell::Cell,
    ops::{Bound, ControlFlow, Deref},
};

use redb::{Error, ReadTransaction, ReadableTable, ReadableTableMetadata, TableHandle as _, WriteTransaction};
use seaworthy_core::ports::StoreError;
use serde::{Serialize, de::DeserializeOwned};
use smol_str::{SmolStr, format_smolstr};

use crate::{
    document,
    error::in_statement,
    key::{Key, Range},
    tables::{COUNTERS, Table},
};
pub(crate) type Result<T, E = StoreError> = std::result::Result<T, E>;

/// A look at the tables as a transaction sees them.
#[derive(Clone, Copy)]
pub(crate) struct View<'t>(Kind<'t>);

#[derive(Clone, Copy)]
enum Kind<'t> {
    Read(&'t ReadTransaction),
    Write(&'t WriteTransaction),
}

/// Does something with a table of either kind of transaction.
macro_rules! with_table {
    ($view:expr, $table:expr, $open:ident => $work:expr) => {
        match $view.0 {
            Kind::Read(tx) => tx.open_table($table).map_err(Error::from).and_then(|$open| $work),
            Kind::Write(tx) => tx.open_table($table).map_err(Error::from).and_then(|$open| $work),
        }
        .map_err(|error| in_statement(&format_smolstr!("read {}", $table.name()), error))
    };
}

impl<'t> View<'t> {
    pub(crate) fn of_read(tx: &'t ReadTransaction) -> Self {
        Self(Kind::Read(tx))
    }

    /// Returns what `look` makes of the value of a key, if there is one.
    pub(crate) fn get<T>(self, table: Table, key: &Key, look: impl FnOnce(&[u8]) -> T) -> Result<Option<T>> {
        looked();
        with_table!(self, table, open => {
            let found = open.get(key.bytes()).map_err(Error::from)?;
            Ok(found.map(|value| look(value.value())))
        })
    }

    pub(crate) fn has(self, table: Table, key: &Key) -> Result<bool> {
        self.get(table, key, |_| ()).map(|found| found.is_some())
    }

    /// Returns the number that a table has for a key.
    pub(crate) fn number(self, table: Table, key: &Key) -> Result<Option<u64>> {
        self.get(table, key, as_number)?.transpose().map_err(|()| malformed(table, key.bytes()))
    }

    /// Returns the document of a key, if there is one.
    ///
    /// # Errors
    /// [`StoreError::Refused`] if it can't be read, which says where it is and what to do.
    pub(crate) fn document<T: DeserializeOwned>(self, table: Table, key: &Key) -> Result<Option<T>> {
        self.try_document(table, key)?.transpose().map_err(|why| unreadable(table, key.bytes(), &why))
    }

    /// Returns the document of a key, or the reason why it can't be read.
    pub(crate) fn try_document<T: DeserializeOwned>(
        self,
        table: Table,
        key: &Key,
    ) -> Result<Option<std::result::Result<T, String>>> {
        self.get(table, key, document::decode)
    }

    /// Shows the entries of a range in order, until `visit` breaks off. `visit` must not look into the same table.
    pub(crate) fn each(
        self,
        table: Table,
        range: &Range,
        mut visit: impl FnMut(&[u8], &[u8]) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        if range.is_empty() {
            return Ok(());
        }
        let visited = with_table!(self, table, open => {
            for entry in open.range::<&[u8]>(bounds(range)).map_err(Error::from)? {
                let (key, value) = entry.map_err(Error::from)?;
                looked();
                match visit(key.value(), value.value()) {
                    Ok(ControlFlow::Continue(())) => {}
                    Ok(ControlFlow::Break(())) => break,
                    Err(error) => return Ok(Err(error)),
                }
            }
            Ok(Ok(()))
        });
        visited?
    }

    /// Returns up to `limit` keys of a range, in order.
    pub(crate) fn keys(self, table: Table, range: &Range, limit: usize) -> Result<Vec<Vec<u8>>> {
        let mut found = Vec::new();
        if limit > 0 {
            self.each(table, range, |key, _| {
                found.push(key.to_vec());
                Ok(if found.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
            })?;
        }
        Ok(found)
    }

    /// Returns the first key of a range.
    pub(crate) fn first(self, table: Table, range: &Range) -> Result<Option<Vec<u8>>> {
        self.keys(table, range, 1).map(|mut found| found.pop())
    }

    /// Returns the last key of a range.
    pub(crate) fn last(self, table: Table, range: &Range) -> Result<Option<Vec<u8>>> {
        if range.is_empty() {
            return Ok(None);
        }
        with_table!(self, table, open => {
            let last = open.range::<&[u8]>(bounds(range)).map_err(Error::from)?.next_back();
            Ok(last.transpose().map_err(Error::from)?.map(|(key, _)| key.value().to_vec()))
        })
    }

    /// Returns the number of entries of a table, which redb keeps.
    pub(crate) fn len(self, table: Table) -> Result<u64> {
        with_table!(self, table, open => open.len().map_err(Error::from))
    }

    /// Returns the value of a counter.
    pub(crate) fn counter(self, name: &Key) -> Result<u64> {
        self.number(COUNTERS, name).map(|found| found.unwrap_or(0))
    }
}

fn bounds(range: &Range) -> (Bound<&[u8]>, Bound<&[u8]>) {
    (range.from.as_ref().map(Vec::as_slice), range.until.as_ref().map(Vec::as_slice))
}

/// A write transaction's tables, to look into and to change.
#[derive(Clone, Copy)]
pub(crate) struct Tables<'t> {
    view: View<'t>,
    tx: &'t WriteTransaction,
    /// Set once anything is written.
    has_written: &'t Cell<bool>,
}

impl<'t> Deref for Tables<'t> {
    type Target = View<'t>;

    fn deref(&self) -> &View<'t> {
        &self.view
    }
}

impl<'t> Tables<'t> {
    pub(crate) fn new(tx: &'t WriteTransaction, has_written: &'t Cell<bool>) -> Self {
        Self { view: View(Kind::Write(tx)), tx, has_written }
    }

    pub(crate) fn put(self, table: Table, key: &[u8], value: &[u8]) -> Result<()> {
        self.has_written.set(true);
        looked();
        let put = || -> Result<(), Error> {
            self.tx.open_table(table)?.insert(key, value)?;
            Ok(())
        };
        put().map_err(|error| in_statement(&format_smolstr!("write {}", table.name()), error))
    }

    /// Removes an entry, and says whether it was there.
    pub(crate) fn remove(self, table: Table, key: &[u8]) -> Result<bool> {
        self.has_written.set(true);
        looked();
        let remove = || -> Result<bool, Error> { Ok(self.tx.open_table(table)?.remove(key)?.is_some()) };
        remove().map_err(|error| in_statement(&format_smolstr!("delete from {}", table.name()), error))
    }

    pub(crate) fn put_number(self, table: Table, key: &Key, number: u64) -> Result<()> {
        self.put(table, key.bytes(), &number.to_be_bytes())
    }

    pub(crate) fn put_document<T: Serialize>(self, table: Table, key: &Key, document: &T) -> Result<()> {
        self.put(table, key.bytes(), &document::encode(document)?)
    }

    /// Removes the entries of a range, and returns how many.
    pub(crate) fn remove_range(self, table: Table, range: &Range) -> Result<usize> {
        let keys = self.keys(table, range, usize::MAX)?;
        for key in &keys {
            self.remove(table, key)?;
        }
        Ok(keys.len())
    }

    /// Raises a counter by one and returns its new value, the first of which is one.
    pub(crate) fn next(self, name: &str) -> Result<u64> {
        let name = Key::of_text(name);
        let next = self.counter(&name)? + 1;
        self.put_number(COUNTERS, &name, next)?;
        Ok(next)
    }

    /// Adds to a counter, which is gone when it comes to zero.
    pub(crate) fn count(self, name: &[u8], by: i64) -> Result<()> {
        let name = Key::default().rest(name);
        match self.counter(&name)?.saturating_add_signed(by) {
            0 => self.remove(COUNTERS, name.bytes()).map(drop),
            count => self.put_number(COUNTERS, &name, count),
        }
    }
}

/// Reads a number as a table holds it.
pub(crate) fn as_number(value: &[u8]) -> Result<u64, ()> {
    value.try_into().map(u64::from_be_bytes).map_err(drop)
}

/// The error of a key or a number that has another shape than its table's.
pub(crate) fn malformed(table: Table, key: &[u8]) -> StoreError {
    unreadable(table, key, "it has not the shape of this table's: restore a copy of the file")
}

/// The error of an entry that can't be read.
pub(crate) fn unreadable(table: Table, key: &[u8], why: &str) -> StoreError {
    StoreError::Refused(format_smolstr!("{} can't be read: {why}", place(table, key)))
}

/// The place of an entry, for people.
pub(crate) fn place(table: Table, key: &[u8]) -> SmolStr {
    format_smolstr!("the entry \"{}\" of {}", key.escape_ascii(), table.name())
}

#[cfg(not(test))]
fn looked() {}

#[cfg(test)]
thread_local! {
    static LOOKED: Cell<u64> = const { Cell::new(0) };
}

/// Counts an entry that was looked at or written.
#[cfg(test)]
fn looked() {
    LOOKED.with(|count| count.set(count.get() + 1));
}

/// Returns the number of entries that this thread has looked at or written since it was asked last.
#[cfg(test)]
pub(crate) fn entries_looked_at() -> u64 {
    LOOKED.with(|count| count.replace(0))
}
