use std::{fmt, sync::Arc};

use seaworthy_core::ports::Cell;
use serde_json::Value;
use smol_str::{SmolStr, format_smolstr};

/// A row of a table or a document, as a declaration looks at it.
#[derive(Debug)]
pub struct TableRow<'a>(Source<'a>);

#[derive(Debug)]
enum Source<'a> {
    Table { columns: &'a [SmolStr], cells: &'a [Cell] },
    Document { id: &'a str, body: Value },
}

impl<'a> TableRow<'a> {
    pub(crate) fn of_table(columns: &'a [SmolStr], cells: &'a [Cell]) -> Self {
        Self(Source::Table { columns, cells })
    }

    /// A document whose body is JSON.
    pub(crate) fn of_document(id: &'a str, body: &[u8]) -> Result<Self, String> {
        let body = serde_json::from_slice(body).map_err(|error| format!("its document `{id}` is no JSON: {error}"))?;
        Ok(Self(Source::Document { id, body }))
    }

    /// The value of a column, or of a field of the document; `a.b` is field `b` of field `a`, and `id`, where no field
    /// has that name, the document's own. `None` if the table has no such column; a field that is missing is
    /// [`Cell::Null`]. Truth is `1`, and its opposite `0`.
    pub fn get(&self, name: &str) -> Option<Cell> {
        match &self.0 {
            Source::Table { columns, cells } => {
                columns.iter().position(|column| column == name).map(|column| cells[column].clone())
            }
            Source::Document { id, body } => {
                let field = name.split('.').try_fold(body, |value, part| value.get(part));
                Some(match field {
                    None if name == "id" => Cell::Text(SmolStr::from(*id)),
                    None => Cell::Null,
                    Some(value) => cell(value),
                })
            }
        }
    }

    fn columns(&self) -> String {
        match &self.0 {
            Source::Table { columns, .. } => columns.join(", "),
            Source::Document { .. } => String::new(),
        }
    }
}

fn cell(value: &Value) -> Cell {
    match value {
        Value::Null => Cell::Null,
        Value::Bool(is_true) => Cell::Integer(i64::from(*is_true)),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => Cell::Integer(whole),
            None => Cell::Real(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => Cell::Text(text.into()),
        Value::Array(_) | Value::Object(_) => Cell::Text(format_smolstr!("{value}")),
    }
}

/// Value that a declaration reads from a row: a column by its name, a constant, or a closure.
#[derive(Clone)]
pub struct Column(Reader);

type Closure = Arc<dyn Fn(&TableRow<'_>) -> Cell + Send + Sync>;

#[derive(Clone)]
enum Reader {
    Named(SmolStr),
    Always(Cell),
    Closure(Closure),
}

impl Column {
    /// Reads the same text from every row.
    pub fn always(text: &str) -> Self {
        Self(Reader::Always(Cell::Text(text.into())))
    }

    /// Reads the value that a closure makes of the row. It must depend on the row alone.
    ///
    /// ```
    /// use seaworthy_core::ports::Cell;
    /// use seaworthy_sim::scenario::Column;
    ///
    /// let is_urgent = Column::from_fn(|row| Cell::Integer(i64::from(row.get("priority") == Some(Cell::Integer(9)))));
    /// # drop(is_urgent);
    /// ```
    pub fn from_fn(read: impl Fn(&TableRow<'_>) -> Cell + Send + Sync + 'static) -> Self {
        Self(Reader::Closure(Arc::new(read)))
    }

    /// Holds if a column has this value, for a declaration that asks whether something is so.
    ///
    /// ```
    /// use seaworthy_sim::scenario::{Column, OutboxTable};
    ///
    /// let outbox = OutboxTable::sql("orders", "outbox").sent(Column::is("status", "sent"));
    /// # drop(outbox);
    /// ```
    pub fn is(column: &str, value: &str) -> Self {
        let (column, value) = (SmolStr::from(column), SmolStr::from(value));
        Self::from_fn(move |row| match row.get(&column) {
            Some(Cell::Text(found)) => Cell::Integer(i64::from(found == value)),
            found => Cell::Integer(i64::from(found.is_some_and(|found| found.to_string() == value.as_str()))),
        })
    }

    /// The value for this row.
    ///
    /// # Errors
    /// What is wrong with the declaration.
    pub(crate) fn read(&self, row: &TableRow<'_>) -> Result<Cell, String> {
        match &self.0 {
            Reader::Named(name) => row
                .get(name)
                .ok_or_else(|| format!("it has no column `{name}`, which is declared; it has {}", row.columns())),
            Reader::Always(value) => Ok(value.clone()),
            Reader::Closure(read) => Ok(read(row)),
        }
    }

    /// The value as a text.
    pub(crate) fn text(&self, row: &TableRow<'_>) -> Result<SmolStr, String> {
        Ok(match self.read(row)? {
            Cell::Text(text) => text,
            other => format_smolstr!("{other}"),
        })
    }

    /// Returns `true` unless the row has no value, zero, an empty text or `false` here.
    pub(crate) fn holds(&self, row: &TableRow<'_>) -> Result<bool, String> {
        Ok(match self.read(row)? {
            Cell::Null => false,
            Cell::Integer(value) => value != 0,
            Cell::Real(value) => value != 0.0,
            Cell::Text(text) => !text.is_empty() && text != "0" && text != "false",
            Cell::Blob(value) => !value.is_empty(),
        })
    }
}

impl From<&str> for Column {
    fn from(name: &str) -> Self {
        Self(Reader::Named(name.into()))
    }
}

impl fmt::Debug for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Reader::Named(name) => write!(f, "column {name}"),
            Reader::Always(value) => write!(f, "always {value}"),
            Reader::Closure(_) => f.write_str("closure"),
        }
    }
}
