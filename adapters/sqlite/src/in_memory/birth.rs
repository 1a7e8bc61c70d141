//! State of a connection when it was opened, and the checks that it is still so after somebody had it.
//!
//! Statements tell of themselves when they are prepared: SQLite asks an authorizer. What is changed through functions of
//! the connection is compared or simply set again; and a statement that is at hand all the time, and that SQLite has to
//! prepare anew whenever the meaning of statements may have changed, shows what neither would.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use rusqlite::{
    Connection, StatementStatus,
    hooks::{AuthAction, AuthContext, Authorization},
    limits::Limit,
    trace::TraceEventCodes,
};

use crate::config::SqliteConfig;

const LIMITS: [Limit; 12] = [
    Limit::SQLITE_LIMIT_LENGTH,
    Limit::SQLITE_LIMIT_SQL_LENGTH,
    Limit::SQLITE_LIMIT_COLUMN,
    Limit::SQLITE_LIMIT_EXPR_DEPTH,
    Limit::SQLITE_LIMIT_COMPOUND_SELECT,
    Limit::SQLITE_LIMIT_VDBE_OP,
    Limit::SQLITE_LIMIT_FUNCTION_ARG,
    Limit::SQLITE_LIMIT_ATTACHED,
    Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH,
    Limit::SQLITE_LIMIT_VARIABLE_NUMBER,
    Limit::SQLITE_LIMIT_TRIGGER_DEPTH,
    Limit::SQLITE_LIMIT_WORKER_THREADS,
];

/// Query of all that statements can use: compared, since SQLite tells nobody when a function or collation is added.
/// Modules that SQLite adds by itself when they are first used are left out.
const WORDS: &str = "SELECT (SELECT count(*) * 1000003 + sum(flags) FROM pragma_function_list),
                            (SELECT count(*) FROM pragma_collation_list),
                            (SELECT count(*) FROM pragma_module_list WHERE name NOT LIKE 'pragma%' AND name NOT LIKE 'json%')";

/// The statement that is always at hand. It names a collation and functions that a user may put others in the place of.
/// SQLite prepares it anew after each switch of the connection as well (`sqlite3_db_config`), to whatever it was set.
const CANARY: &str = "SELECT 'a' = 'A' COLLATE NOCASE AND lower('A') = 'a'";

/// State of a connection when it was opened.
pub(crate) struct Birth {
    authorizer: Arc<Authorizer>,
    /// The versions of the schemas `main` and `temp`.
    schemas: [i64; 2],
    limits: Vec<i32>,
    words: (i64, i64, i64),
    /// Number of times that the canary was prepared anew and run.
    canary: (i32, i32),
    /// `true` once anything was found that can't be set right again.
    is_spoilt: bool,
}

#[derive(Default)]
struct Authorizer {
    asked: AtomicU32,
    /// `true` once a statement was prepared that changes a setting of the connection, or the databases that it sees.
    changes_settings: AtomicBool,
}

impl Authorizer {
    fn ask(&self, action: AuthAction<'_>) -> Authorization {
        // One thread at a time has the connection, so nothing but the order of its own statements matters.
        self.asked.fetch_add(1, Ordering::Relaxed);
        let changes_settings = match action {
            AuthAction::Pragma { pragma_name, pragma_value: Some(_) } => !only_reads(pragma_name),
            AuthAction::Attach { .. } | AuthAction::Detach { .. } => true,
            _ => false,
        };
        if changes_settings {
            self.changes_settings.store(true, Ordering::Relaxed);
        }
        Authorization::Allow
    }
}

/// Returns `true` if a pragma with a value only selects what it reads.
fn only_reads(pragma: &str) -> bool {
    let pragma = pragma.to_ascii_lowercase();
    ["_info", "_xinfo", "_list", "_check"].iter().any(|ending| pragma.ends_with(ending))
}

impl Birth {
    /// Looks at a connection that is set up, and nobody had so far.
    pub(crate) fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let authorizer = Arc::new(Authorizer::default());
        let asked = Arc::clone(&authorizer);
        connection.authorizer(Some(move |context: AuthContext<'_>| asked.ask(context.action)));
        let limits = limits(connection)?;
        let (schemas, words, is_spoilt) = (schemas(connection)?, words(connection)?, false);
        let canary = canary(connection)?;
        Ok(Self { authorizer, schemas, limits, words, canary, is_spoilt })
    }

    /// Notes whether anybody has changed the meaning of statements, before the store itself does.
    pub(crate) fn look(&mut self, connection: &Connection) {
        let before = self.canary;
        match canary(connection) {
            Ok(now) if now == (before.0, before.1 + 1) => self.canary = now,
            _ => self.is_spoilt = true,
        }
    }

    /// Takes what the store itself has added to the connection since the last look as given.
    pub(crate) fn look_again(&mut self, connection: &Connection) {
        match (canary(connection), schemas(connection)) {
            (Ok(canary), Ok([_, temp])) => {
                self.canary = canary;
                self.schemas[1] = temp;
            }
            _ => self.is_spoilt = true,
        }
    }

    /// Gives up on a connection whose tables are not those of the beginning any more.
    pub(crate) fn spoil(&mut self) {
        self.is_spoilt = true;
    }

    /// Returns `true` if nothing was found so far that can't be set right again.
    pub(crate) fn is_unspoilt(&self) -> bool {
        !self.is_spoilt
    }

    /// The version of the database's schema.
    pub(crate) fn schema(&self) -> i64 {
        self.schemas[0]
    }

    /// Sets right what can be set; says whether the connection is as it was then.
    pub(crate) fn renew(&mut self, connection: &Connection, config: &SqliteConfig) -> rusqlite::Result<bool> {
        self.look(connection);
        let asked = self.authorizer.asked.load(Ordering::Relaxed);
        // Not from the cache: the authorizer is asked, if it is still there.
        connection.prepare("SELECT 1").map(drop)?;
        let is_authorizer = self.authorizer.asked.load(Ordering::Relaxed) != asked;
        let is_same = !self.is_spoilt
            && is_authorizer
            && !self.authorizer.changes_settings.load(Ordering::Relaxed)
            && !connection.is_busy()
            && self.limits == limits(connection)?
            && self.schemas == schemas(connection)?
            && self.words == words(connection)?;
        connection.busy_timeout(config.busy_timeout)?;
        connection.update_hook(None::<fn(rusqlite::hooks::Action, &str, &str, i64)>);
        connection.progress_handler(0, None::<fn() -> bool>);
        connection.trace_v2(TraceEventCodes::empty(), None);
        Ok(is_same)
    }
}

fn limits(connection: &Connection) -> rusqlite::Result<Vec<i32>> {
    LIMITS.into_iter().map(|limit| connection.limit(limit)).collect()
}

fn schemas(connection: &Connection) -> rusqlite::Result<[i64; 2]> {
    let version = |sql| connection.prepare_cached(sql)?.query_row([], |row| row.get(0));
    Ok([version("PRAGMA main.schema_version")?, version("PRAGMA temp.schema_version")?])
}

fn words(connection: &Connection) -> rusqlite::Result<(i64, i64, i64)> {
    connection.prepare_cached(WORDS)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
}

/// Runs the canary; says how often it was prepared anew and run.
fn canary(connection: &Connection) -> rusqlite::Result<(i32, i32)> {
    let mut canary = connection.prepare_cached(CANARY)?;
    canary.query_row([], |_| Ok(()))?;
    Ok((canary.get_status(StatementStatus::RePrepare), canary.get_status(StatementStatus::Run)))
}
