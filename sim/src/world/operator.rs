//! The operator, who redrives what is parked once its cause is gone.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use seaworthy_core::{
    ids::MessageId,
    ports::{DeadRowRequest, Operation, Store, StoreError},
};
use smol_str::SmolStr;

use super::rest::in_time;
use crate::{
    kernel::World,
    topology::Operator,
    trace::{Outcome, What},
};

/// Longest time that the system goes on by itself after it has healed, before the operator looks: he is not kept
/// waiting by a process that never rests. Longer than a visibility timeout and the usual backoffs.
const PATIENCE_US: u64 = 60_000_000;

/// Time that the world waits for a store that is busy before it looks again.
const LOOK: Duration = Duration::from_millis(50);

/// Rounds of the operator since the world healed.
pub(super) struct Rounds {
    healed_at: u64,
    /// Time of his next look, whether or not the system has come to rest.
    next: u64,
    /// Rows that were redriven. A row that dies again in a world without faults dies of its own, and stays.
    redriven: BTreeSet<(usize, MessageId)>,
    began: bool,
}

/// Dead rows of one store that were not redriven yet.
struct Parked {
    index: usize,
    name: SmolStr,
    store: Arc<dyn Store>,
    rows: Vec<MessageId>,
}

impl Rounds {
    pub(super) fn new(healed_at: u64) -> Self {
        Self { healed_at, next: healed_at + PATIENCE_US, redriven: BTreeSet::new(), began: false }
    }

    /// Looks after every store, if it is time: once the system has come to rest as far as it can without help (`rested`),
    /// or his patience is at an end. Returns whether there was, or may be, something to do: the run is not over then.
    ///
    /// He comes again whenever a row has died meanwhile, for as long as the run lasts: a burial may have been under way
    /// when the world healed.
    pub(super) async fn make(&mut self, world: &World, now: u64, rested: bool) -> bool {
        if world.topology.operator == Operator::Never || !(rested || now >= self.next) {
            return false;
        }
        self.next = now + PATIENCE_US;
        let Some(parked) = self.look(world).await else { return true };
        if parked.is_empty() {
            return false;
        }
        if !self.began {
            self.began = true;
            let count = parked.iter().map(|parked| parked.rows.len() as u64).sum();
            let after_ms = (now - self.healed_at) / 1_000;
            world.record(What::Redrive { parked: count, after_ms });
        }
        for Parked { index, name, store, rows } in parked {
            let request = DeadRowRequest::new(rows.len()).only(rows.clone());
            // A store that is busy, or refuses, is asked again at the next round.
            let Some(Ok(redriven)) = in_time(world, LOOK, store.redrive(&request)).await else { continue };
            self.redriven.extend(rows.into_iter().map(|row| (index, row)));
            if !redriven.is_empty() {
                let (operation, outcome) = (Operation::Redrive, Outcome::Done);
                let (count, messages) = (redriven.len() as u64, redriven.into_iter().collect());
                world.record(What::StoreCall { store: name, operation, count, outcome, messages });
            }
        }
        true
    }

    /// Returns the parked rows, by store; `None` if a store is busy.
    async fn look(&self, world: &World) -> Option<Vec<Parked>> {
        let mut parked = Vec::new();
        for (index, (name, store)) in world.stores.iter().enumerate() {
            let rows: Vec<MessageId> = in_time(world, LOOK, dead(store))
                .await?
                .unwrap_or_default()
                .into_iter()
                .filter(|row| !self.redriven.contains(&(index, *row)))
                .collect();
            if !rows.is_empty() {
                parked.push(Parked { index, name: name.clone(), store: store.clone(), rows });
            }
        }
        Some(parked)
    }
}

/// The messages of a store's dead rows.
async fn dead(store: &Arc<dyn Store>) -> Result<Vec<MessageId>, StoreError> {
    // Mostly there are none, and counting them is cheaper than to fetch them.
    if store.backlog().await?.outbox_dead == 0 {
        return Ok(Vec::new());
    }
    let rows = store.dead_rows(&DeadRowRequest::new(usize::MAX)).await?;
    Ok(rows.into_iter().map(|dead| dead.row.message.id).collect())
}
