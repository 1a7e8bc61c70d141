use smol_str::SmolStr;

use super::{Column, Place};

/// A sum over rows that stands: what one table gains, another one of the sum loses in the same commit.
///
/// Where the sum may change by what is declared only, that is one more term: balances minus bookings. Values are whole
/// numbers, so count money in its smallest unit. What is there before anything starts is where the sum begins.
///
/// ```
/// use seaworthy_sim::scenario::Conserved;
///
/// // What the accounts have together changes by what was paid in.
/// let money = Conserved::new("money").plus("bank", "accounts", "cents").minus("bank", "deposits", "cents");
/// # drop(money);
/// ```
#[derive(Clone, Debug)]
pub struct Conserved {
    pub(crate) name: SmolStr,
    pub(crate) terms: Vec<Term>,
    pub(crate) at_rest: bool,
}

/// One column's part in a sum.
#[derive(Clone, Debug)]
pub(crate) struct Term {
    pub(crate) place: Place,
    /// Column that each row adds; `None` if rows are counted.
    pub(crate) column: Option<Column>,
    pub(crate) sign: i64,
}

impl Conserved {
    /// A sum without terms. Its name is for the reader.
    pub fn new(name: &str) -> Self {
        Self { name: name.into(), terms: Vec::new(), at_rest: false }
    }

    fn term(mut self, place: Place, column: Option<Column>, sign: i64) -> Self {
        self.terms.push(Term { place, column, sign });
        self
    }

    /// Adds a column of a table.
    #[must_use]
    pub fn plus(self, store: &str, table: &str, column: impl Into<Column>) -> Self {
        self.term(Place::sql(store, table), Some(column.into()), 1)
    }

    /// Takes a column of a table away.
    #[must_use]
    pub fn minus(self, store: &str, table: &str, column: impl Into<Column>) -> Self {
        self.term(Place::sql(store, table), Some(column.into()), -1)
    }

    /// Adds the number of rows of a table.
    #[must_use]
    pub fn plus_rows(self, store: &str, table: &str) -> Self {
        self.term(Place::sql(store, table), None, 1)
    }

    /// Takes the number of rows of a table away.
    #[must_use]
    pub fn minus_rows(self, store: &str, table: &str) -> Self {
        self.term(Place::sql(store, table), None, -1)
    }

    /// Adds a field of the documents of a collection.
    #[must_use]
    pub fn plus_documents(self, store: &str, collection: &str, field: impl Into<Column>) -> Self {
        self.term(Place::documents(store, collection), Some(field.into()), 1)
    }

    /// Takes a field of the documents of a collection away.
    #[must_use]
    pub fn minus_documents(self, store: &str, collection: &str, field: impl Into<Column>) -> Self {
        self.term(Place::documents(store, collection), Some(field.into()), -1)
    }

    /// Judges the sum once everything has come to rest, and not at each commit: where its terms lie in several stores,
    /// or what one transaction takes another one gives.
    #[must_use]
    pub fn at_rest(mut self) -> Self {
        self.at_rest = true;
        self
    }
}
