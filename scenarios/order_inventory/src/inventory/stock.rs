use std::collections::BTreeMap;

use seaworthy_core::ports::{Expected, Store, StoreError, Transaction};
use serde::{Deserialize, Serialize};
use smol_str::{SmolStr, format_smolstr};

use crate::parts::encode;

/// Collection of stock levels, by article.
pub const STOCK_COLLECTION: &str = "stock";

/// Units of one article. They only ever move between the three.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockLevel {
    /// Can be reserved. Signed, so that a mistake shows as a negative number instead of failing elsewhere.
    pub available: i64,
    /// Held for orders that are not settled yet.
    pub reserved: i64,
    /// Units that were sold.
    pub sold: i64,
}

/// Fills an empty store with so many units of each article.
///
/// # Errors
/// Any [`StoreError`]; [`StoreError::Conflict`] if one of them is there already.
pub async fn stock_up(store: &dyn Store, units: &BTreeMap<SmolStr, u64>) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    for (sku, units) in units {
        let level = StockLevel { available: i64::try_from(*units).unwrap_or(i64::MAX), ..StockLevel::default() };
        write_level(&mut *tx, sku, Expected::Absent, &level).await?;
    }
    tx.commit().await
}

/// Returns the level of an article and its document's version; no units at all if it was never kept.
///
/// # Errors
/// Any [`StoreError`]; [`StoreError::Refused`] if the document can't be read.
pub async fn level(tx: &mut dyn Transaction, sku: &str) -> Result<(StockLevel, Expected), StoreError> {
    let Some(document) = tx.get(STOCK_COLLECTION, sku).await? else {
        return Ok((StockLevel::default(), Expected::Absent));
    };
    let level = serde_json::from_slice(&document.body)
        .map_err(|error| StoreError::Refused(format_smolstr!("the stock level of {sku} can't be read: {error}")))?;
    Ok((level, Expected::Version(document.version)))
}

/// Writes a level that was read in the same transaction.
///
/// # Errors
/// Any [`StoreError`]; [`StoreError::Conflict`] if another transaction was first.
pub async fn write_level(
    tx: &mut dyn Transaction,
    sku: &str,
    expected: Expected,
    level: &StockLevel,
) -> Result<(), StoreError> {
    tx.put(STOCK_COLLECTION, sku, expected, encode(level)).await.map(drop)
}
