//! Rows that declared tables hold before anything starts.

use std::sync::Arc;

use seaworthy_core::ports::{Store, StoreError};
use smol_str::SmolStr;

use crate::{
    kernel::World,
    topology::{Kind, Tables},
    trace::{Effect, Outcome, TxId, What},
};

/// Number of documents that are read at a time.
const PAGE: usize = 1_000;

/// Has the stores show the rows of the tables that are declared in them. Says for each whether it does.
pub(crate) async fn watch(tables: &Tables, stores: &[(SmolStr, Arc<dyn Store>)]) -> Vec<bool> {
    for store in tables.stores() {
        assert!(
            stores.iter().any(|(known, _)| known == store),
            "the scenario declares a table in store `{store}`, and no process of its topology runs on a store of that name"
        );
    }
    let mut watched = Vec::with_capacity(stores.len());
    for (name, store) in stores {
        let declared = tables.in_store(name, Kind::Sql);
        if let (false, Err(error)) = (declared.is_empty(), store.watch(&declared).await) {
            panic!(
                "the scenario declares table `{}` in store `{name}`, and its rows can't be seen ({error}): run it on a \
                 store that has tables, with `Scenario::store` or `--store sqlite`, or declare documents",
                declared[0]
            );
        }
        watched.push(!declared.is_empty());
    }
    watched
}

/// Tells what was prepared in declared tables and collections, as commits of the world's own: only with that is known
/// what a sum begins with, and which message was there.
pub(crate) async fn begin(world: &World) {
    for (name, store) in &world.stores {
        let found = prepared(&world.topology.tables, name, &**store).await;
        let found = found.unwrap_or_else(|error| panic!("what was prepared in store `{name}` can't be read: {error}"));
        if !found.is_empty() {
            let effects = world.translate(name, found);
            let (tx, store, outcome) = (TxId(0), name.clone(), Outcome::Done);
            world.record(What::Commit { tx, store, outcome, effects: effects.into(), tried: Box::default() });
        }
    }
}

async fn prepared(tables: &Tables, name: &str, store: &dyn Store) -> Result<Vec<Effect>, StoreError> {
    let (rows, collections) = (tables.in_store(name, Kind::Sql), tables.in_store(name, Kind::Documents));
    if rows.is_empty() && collections.is_empty() {
        return Ok(Vec::new());
    }
    let mut tx = store.begin().await?;
    let mut found: Vec<Effect> = tx.row_changes().await?.into_iter().map(Effect::Row).collect();
    for collection in collections {
        let mut after: Option<SmolStr> = None;
        loop {
            let page = tx.scan(&collection, after.as_deref(), PAGE).await?;
            let is_last = page.len() < PAGE;
            after = page.last().map(|(id, _)| id.clone());
            found.extend(page.into_iter().map(|(id, document)| Effect::Document {
                collection: collection.clone(),
                id,
                version: document.version,
                body: Some(document.body),
            }));
            if is_last {
                break;
            }
        }
    }
    // The triggers that a store has made for its watch are part of it.
    tx.commit().await?;
    Ok(found)
}
