//! Templates of new databases in memory: made once for each set of tables, and copied page by page.

use std::sync::{Arc, LazyLock, Mutex as StdMutex, PoisonError};

use rusqlite::{Connection, backup::Backup};

use super::contents::Contents;
use crate::{config::SqliteConfig, error::OpenError, pragmas, schema};

/// Number of templates that are kept: more sets of tables than the scenarios of one program have.
const TEMPLATES_MAX: usize = 16;

/// Origin of a database in memory: everything that it is made of when it is opened.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) config: SqliteConfig,
    /// The statements that make the user's own tables.
    pub(crate) tables: Arc<str>,
}

struct Template {
    tables: Arc<str>,
    connection: Connection,
    contents: Arc<Contents>,
}

static TEMPLATES: LazyLock<StdMutex<Vec<Template>>> = LazyLock::new(StdMutex::default);

/// Opens a database that is a copy of its template, with what the template holds.
pub(crate) fn open(origin: &Origin) -> Result<(Connection, Arc<Contents>), OpenError> {
    let mut connection = Connection::open_in_memory().map_err(failed("opening"))?;
    pragmas::set(&connection, &origin.config).map_err(failed("setting up"))?;
    // A template is pushed whole or not at all, and nobody writes to it afterwards.
    let mut templates = TEMPLATES.lock().unwrap_or_else(PoisonError::into_inner);
    let place = match templates.iter().position(|template| template.tables == origin.tables) {
        Some(place) => place,
        None => {
            if templates.len() == TEMPLATES_MAX {
                templates.remove(0);
            }
            templates.push(make(&origin.tables)?);
            templates.len() - 1
        }
    };
    let template = &templates[place];
    let copied = Backup::new(&template.connection, &mut connection).and_then(|backup| backup.step(-1));
    copied.map_err(failed("copying the tables of"))?;
    Ok((connection, Arc::clone(&template.contents)))
}

fn make(tables: &Arc<str>) -> Result<Template, OpenError> {
    let mut connection = Connection::open_in_memory().map_err(failed("opening"))?;
    schema::migrate(&mut connection, MEMORY)?;
    connection.execute_batch(tables).map_err(failed("making the tables of"))?;
    if !connection.is_autocommit() {
        connection.execute_batch("COMMIT").map_err(failed("making the tables of"))?;
    }
    let contents = Contents::read(&connection).map_err(failed("reading the tables of"))?;
    Ok(Template { tables: Arc::clone(tables), connection, contents: Arc::new(contents) })
}

const MEMORY: &str = ":memory:";

fn failed(doing: &'static str) -> impl Fn(rusqlite::Error) -> OpenError {
    move |source| OpenError::Sqlite { path: MEMORY.to_owned(), doing, source }
}
