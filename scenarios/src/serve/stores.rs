use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use seaworthy_core::ports::{Backlog, Clock, Store, StoreError};
use seaworthy_order_fulfillment::documents::STOCK_COLLECTION;
use seaworthy_redb::{RedbConfig, RedbStore};
use seaworthy_sim::cli::CliError;
use seaworthy_sqlite::{SqliteConfig, SqliteStore};

use super::arguments::{SqliteUrl, StoreUrl};

/// A database for each service, and one for the payments that are not ours.
#[derive(Clone)]
pub(crate) struct Stores {
    pub(crate) orders: Arc<dyn Store>,
    pub(crate) shipping: Arc<dyn Store>,
    pub(crate) payments: Arc<dyn Store>,
}

impl Stores {
    /// Opens them, and creates what is missing.
    pub(crate) fn open(at: &SqliteUrl, clock: &Arc<dyn Clock>, config: &SqliteConfig) -> Result<Self, CliError> {
        let open = |path: PathBuf| -> Result<Arc<dyn Store>, CliError> {
            Ok(Arc::new(SqliteStore::open(path, clock.clone(), config.clone())?))
        };
        let [orders, shipping, payments] = paths(&at.0);
        Ok(Self { orders: open(orders)?, shipping: open(shipping)?, payments: open(payments)? })
    }

    /// Opens them in databases of any kind, with the settings of production, and creates what is missing.
    pub(super) fn open_any(at: &StoreUrl, clock: &Arc<dyn Clock>) -> Result<Self, CliError> {
        let path = match at {
            StoreUrl::Sqlite(path) => return Self::open(&SqliteUrl(path.clone()), clock, &SqliteConfig::default()),
            StoreUrl::Redb(path) => path,
        };
        let open = |path: PathBuf| -> Result<Arc<dyn Store>, CliError> {
            Ok(Arc::new(RedbStore::open(path, clock.clone(), RedbConfig::default())?))
        };
        let [orders, shipping, payments] = paths(path);
        Ok(Self { orders: open(orders)?, shipping: open(shipping)?, payments: open(payments)? })
    }

    /// Returns `true` if nothing was ever in stock.
    pub(super) async fn is_new(&self) -> Result<bool, StoreError> {
        let mut tx = self.orders.begin().await?;
        Ok(tx.scan(STOCK_COLLECTION, None, 1).await?.is_empty())
    }

    /// Returns `true` if nothing is left that would move by itself. With a broker that accepts what was handled,
    /// nothing is on its way between the stores then.
    pub(crate) async fn are_idle(&self) -> Result<bool, StoreError> {
        Ok(self.orders.backlog().await?.is_idle()
            && self.shipping.backlog().await?.is_idle()
            && self.orders.backlog().await?.is_idle())
    }

    /// Returns what waits in the two stores of ours.
    pub(crate) async fn backlogs(&self) -> Result<[Backlog; 2], StoreError> {
        Ok([self.orders.backlog().await?, self.shipping.backlog().await?])
    }
}

/// Returns the files of orders, of shipping and of payments: `FILE`, `FILE-shipping` and `FILE-payments`.
pub(crate) fn paths(file: &Path) -> [PathBuf; 3] {
    ["", "-shipping", "-payments"].map(|suffix| {
        let mut name = file.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    })
}
