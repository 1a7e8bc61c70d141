//! The rows that the stores keep, table by table.

use std::time::Duration;

use super::rest::in_time;
use crate::{
    kernel::World,
    trace::{KeptRows, What},
};

/// Time that a store may take to count, in virtual time.
const PATIENCE: Duration = Duration::from_millis(50);

/// Writes down how many rows each table of each store has, if any has one. A store that does not count is left out, as is one
/// that is busy.
pub(super) async fn count(world: &World) {
    let mut kept = Vec::new();
    for (name, store) in &world.stores {
        if let Some(Ok(counts)) = in_time(world, PATIENCE, store.row_counts()).await {
            let of_store = counts.into_iter().map(|(table, rows)| KeptRows { store: name.clone(), table, rows });
            kept.extend(of_store);
        }
    }
    if !kept.is_empty() {
        world.record(What::Kept { rows: kept.into() });
    }
}
