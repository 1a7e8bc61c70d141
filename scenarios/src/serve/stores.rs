use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use seaworthy_core::ports::{Store, StoreError};
use seaworthy_order_fulfillment::documents::STOCK_COLLECTION;
use seaworthy_sim::cli::CliError;
use seaworthy_sqlite::{SqliteConfig, SqliteStore};
use seaworthy_tokio::TokioClock;

use super::arguments::SqliteUrl;

/// A database for each service, and one for the payments that are not ours.
pub(super) struct Stores {
    pub(super) orders: Arc<dyn Store>,
    pub(super) shipping: Arc<dyn Store>,
    pub(super) payments: Arc<dyn Store>,
}

impl Stores {
    /// Opens them, and creates what is missing: `FILE` for orders, `FILE-shipping` and `FILE-payments` beside it.
    pub(super) fn open(at: &SqliteUrl) -> Result<Self, CliError> {
        let open = |path: PathBuf| -> Result<Arc<dyn Store>, CliError> {
            Ok(Arc::new(SqliteStore::open(path, Arc::new(TokioClock), SqliteConfig::default())?))
        };
        Ok(Self {
            orders: open(at.0.clone())?,
            shipping: open(beside(&at.0, "-shipping"))?,
            payments: open(beside(&at.0, "-payments"))?,
        })
    }

    /// Returns `true` if nothing was ever in stock.
    pub(super) async fn is_new(&self) -> Result<bool, StoreError> {
        let mut tx = self.orders.begin().await?;
        Ok(tx.scan(STOCK_COLLECTION, None, 1).await?.is_empty())
    }

    /// Returns `true` if nothing is left that would move by itself. With a broker that accepts what was handled,
    /// nothing is on its way between the stores then.
    pub(super) async fn are_idle(&self) -> Result<bool, StoreError> {
        Ok(self.orders.backlog().await?.is_idle()
            && self.shipping.backlog().await?.is_idle()
            && self.orders.backlog().await?.is_idle())
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
