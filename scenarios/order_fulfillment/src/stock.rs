//! Stock levels: what the checkout reserves and releases, and what a confirmed order takes.

use std::collections::BTreeMap;

use async_trait::async_trait;
use seaworthy_core::{
    inbox::{Handler, HandlerError},
    message::Message,
    ports::{Expected, Store, StoreError, Transaction},
};
use smol_str::{SmolStr, format_smolstr};

use crate::{
    documents::{STOCK_COLLECTION, StockLevel},
    json::encode,
    messages::Goods,
};

/// Puts the first stock into an empty store of `orders`: units by article.
///
/// # Errors
/// Any [`StoreError`]; [`StoreError::Conflict`] if an article has a level already. Nothing is put then.
pub async fn stock_up(store: &dyn Store, units: &BTreeMap<SmolStr, u64>) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    for (sku, units) in units {
        let level = StockLevel { available: i64::try_from(*units).unwrap_or(i64::MAX), ..StockLevel::default() };
        write_level(&mut *tx, sku, Expected::Absent, &level).await?;
    }
    tx.commit().await
}

/// The level of an article and its document's version; no stock at all if it was never kept.
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
) -> Result<u64, StoreError> {
    tx.put(STOCK_COLLECTION, sku, expected, encode(level)).await
}

/// Settles the stock of a confirmed order: what was reserved for it is sold.
#[derive(Clone, Copy, Debug)]
pub struct SettleStock;

#[async_trait]
impl Handler for SettleStock {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        let goods: Goods = message.json()?;
        let (mut stock, expected) = level(tx, &goods.sku).await?;
        stock.reserved -= i64::from(goods.quantity);
        stock.sold += i64::from(goods.quantity);
        write_level(tx, &goods.sku, expected, &stock).await?;
        Ok(())
    }
}
