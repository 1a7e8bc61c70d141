//! Orders that a database was begun with: with others nothing that it holds would add up.

use bytes::Bytes;
use seaworthy_core::ports::{Expected, Store};
use seaworthy_scenarios::order_fulfillment::Orders;
use seaworthy_sim::{cli::CliError, trace::Fingerprint};

const COLLECTION: &str = "serve";
const DOCUMENT: &str = "orders";

/// Remembers the orders where the database is new. One that an older version began remembers none and is taken as it is.
///
/// # Errors
/// Where the database was begun with other orders, or can't be read.
pub(super) async fn with(orders: &Orders, is_new: bool, store: &dyn Store, path: &str) -> Result<(), CliError> {
    let digest = digest(orders)?;
    let mut tx = store.begin().await?;
    match tx.get(COLLECTION, DOCUMENT).await? {
        Some(begun) if begun.body == digest => Ok(()),
        Some(_) => Err(format!(
            "{path} was begun with other orders: give it the file that it was begun with, or begin anew with another --store"
        )
        .into()),
        None if is_new => {
            tx.put(COLLECTION, DOCUMENT, Expected::Absent, digest).await?;
            Ok(tx.commit().await?)
        }
        None => Ok(()),
    }
}

/// The same for the same orders on every machine.
fn digest(orders: &Orders) -> Result<Bytes, CliError> {
    let mut digest = Fingerprint::new();
    digest.add(&serde_json::to_vec(orders)?);
    Ok(Bytes::from(format!("{:#018x}", digest.value())))
}
