//! The database that the tool works on: of any kind that a service may have, and there already.

use std::sync::Arc;

use rusqlite::{Connection, params};
use seaworthy_core::ports::{RepublishRequest, Store, connection};
use seaworthy_redb::{RedbConfig, RedbStore};
use seaworthy_sim::cli::CliError;
use seaworthy_sqlite::{OpenError, SqliteConfig, SqliteStore};
use seaworthy_tokio::TokioClock;

use crate::serve::StoreUrl;

/// A database that is open.
pub(super) enum Database {
    Sqlite(SqliteStore),
    Redb(RedbStore),
}

impl Database {
    /// Opens a database, which has to be there.
    pub(super) fn open(at: &StoreUrl, migrate: bool) -> Result<Self, CliError> {
        let clock = Arc::new(TokioClock);
        let path = match at {
            // Its files have had one format so far, so there is nothing to migrate.
            StoreUrl::Redb(path) => {
                return Ok(Self::Redb(RedbStore::open_existing(path, clock, RedbConfig::default())?));
            }
            StoreUrl::Sqlite(path) => path,
        };
        let config = SqliteConfig::default();
        let store = if migrate {
            SqliteStore::open_and_migrate(path, clock, config)
        } else {
            SqliteStore::open_existing(path, clock, config)
        };
        Ok(Self::Sqlite(store.map_err(|error| match error {
            OpenError::OlderSchema { .. } => CliError::from(format!("{error}, or say --migrate")),
            error => error.into(),
        })?))
    }

    pub(super) fn store(&self) -> &dyn Store {
        match self {
            Self::Sqlite(store) => store,
            Self::Redb(store) => store,
        }
    }

    /// Counts the rows that would be sent once more. The port has no operation for it, since nobody else asks.
    pub(super) async fn count_dispatched(&self, request: &RepublishRequest) -> Result<usize, CliError> {
        let store = match self {
            Self::Redb(store) => return Ok(usize::try_from(store.count_dispatched(request).await?)?),
            Self::Sqlite(store) => store,
        };
        let mut tx = store.begin().await?;
        let file: &mut Connection = connection(&mut *tx).await?;
        let count: i64 = file.query_row(
            "SELECT count(*) FROM seaworthy_outbox
             WHERE state = 2 AND settled_at >= ?1 AND settled_at < ?2 AND (?3 IS NULL OR aggregatetype = ?3)",
            params![request.since.as_micros(), request.until.as_micros(), request.topic.as_deref()],
            |row| row.get(0),
        )?;
        Ok(usize::try_from(count)?)
    }
}
