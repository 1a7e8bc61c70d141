//! The operator, who redrives what is parked, and has processes take up what they gave up, once the cause is gone.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use seaworthy_core::{
    ids::MessageId,
    ports::{
        DeadLetterRequest, DeadRowRequest, GivenUp, Operation, SagaListRequest, SagaStatus, Spawner, Store, StoreError,
    },
};
use smol_str::SmolStr;

use super::rest::in_time;
use crate::{
    kernel::{Incarnation, World},
    ports::TaskSpawner,
    topology::Operator,
    trace::{Outcome, What},
};

/// Longest time that the system goes on by itself after it has healed, before the operator looks: he is not kept
/// waiting by a process that never rests. Longer than a visibility timeout and the usual backoffs.
const PATIENCE_US: u64 = 60_000_000;

/// So often a process is asked to take up one thing.
const ASKED_MAX: u32 = 5;

/// Time that the world waits for a store that is busy before it looks again.
const LOOK: Duration = Duration::from_millis(50);

/// Rounds of the operator since the world healed.
pub(super) struct Rounds {
    healed_at: u64,
    /// Time of his next look, whether or not the system has come to rest.
    next: u64,
    /// Rows that were redriven. A row that dies again in a world without faults dies of its own, and stays.
    redriven: BTreeSet<(usize, MessageId)>,
    /// Number of times that a process was asked to take up each dead letter and stuck saga: it may just have started, and
    /// nobody is there yet who could. What is given up again so often stays.
    asked: BTreeMap<(SmolStr, GivenUp), u32>,
    /// Held by each of these requests that is under way, in a process that lives.
    under_way: Arc<()>,
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
        Self {
            healed_at,
            next: healed_at + PATIENCE_US,
            redriven: BTreeSet::new(),
            asked: BTreeMap::new(),
            under_way: Arc::default(),
            began: false,
        }
    }

    /// Looks after every store, if it is time: once the system has come to rest as far as it can without help (`rested`),
    /// or his patience is at an end. Returns whether there was, or may be, something to do: the run is not over then.
    ///
    /// He comes again whenever a row has died meanwhile, for as long as the run lasts: a burial may have been under way
    /// when the world healed.
    pub(super) async fn make(&mut self, world: &Arc<World>, now: u64, rested: bool) -> bool {
        if world.topology.operator == Operator::Never || !(rested || now >= self.next) {
            return false;
        }
        // What was asked for is done, or was in vain, before he asks once more.
        if Arc::strong_count(&self.under_way) > 1 && now < self.next {
            return true;
        }
        self.next = now + PATIENCE_US;
        let Some(parked) = self.look(world).await else { return true };
        let given_up = self.given_up(world);
        if parked.is_empty() && given_up.is_empty() {
            return false;
        }
        if !self.began {
            self.began = true;
            let rows: usize = parked.iter().map(|parked| parked.rows.len()).sum();
            let count = (rows + given_up.len()) as u64;
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
        for (store, what) in given_up {
            if in_time(world, LOOK, is_listed(world, &store, &what)).await == Some(false) {
                tell_unlisted(world, &store, &what);
            }
            take_up(world, &store, &what, &self.under_way);
            *self.asked.entry((store, what)).or_insert(0) += 1;
        }
        true
    }

    /// Returns the dead letters and stuck sagas that are still there, each with its store.
    fn given_up(&self, world: &World) -> Vec<(SmolStr, GivenUp)> {
        let state = world.state();
        let parked = state.recorder.given_up.parked().iter();
        let is_open = |parked: &&(SmolStr, GivenUp)| self.asked.get(*parked).is_none_or(|times| *times < ASKED_MAX);
        parked.filter(is_open).cloned().collect()
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

/// Returns `true` if the store's own list has what was given up, or says that it can't be asked.
async fn is_listed(world: &World, store: &SmolStr, what: &GivenUp) -> bool {
    let Some((_, store)) = world.stores.iter().find(|(name, _)| name == store) else { return true };
    match what {
        GivenUp::Message { consumer, message } => {
            let request = DeadLetterRequest::new(consumer.clone(), 1).only(vec![*message]);
            store.dead_letters(&request).await.map_or(true, |letters| !letters.is_empty())
        }
        GivenUp::Saga(saga) => {
            let request = SagaListRequest::new(usize::MAX >> 1).of_status(SagaStatus::Stuck);
            let listed = store.sagas(&request).await;
            listed.map_or(true, |sagas| sagas.iter().any(|listed| listed.saga.id == *saga))
        }
        _ => true,
    }
}

fn tell_unlisted(world: &World, store: &SmolStr, what: &GivenUp) {
    let (id, noun) = match what {
        GivenUp::Message { message, .. } => (message.0, "a dead letter"),
        GivenUp::Saga(saga) => (saga.0, "a stuck saga"),
        _ => return,
    };
    let sentence = format!("{noun} of store `{store}` is in no list that an operator can ask for");
    world.state().recorder.violate("unlisted", id, sentence);
}

/// Has a process of the store take up what was given up, if one can: by a task of that process. Services that share a store are
/// asked one after the other: what is not one's own may be the next one's.
fn take_up(world: &Arc<World>, store: &SmolStr, what: &GivenUp, under_way: &Arc<()>) {
    let lives: Vec<Arc<Incarnation>> = {
        let state = world.state();
        let processes = state.processes.iter().zip(&world.topology.processes);
        processes
            .filter(|(_, spec)| spec.store == *store)
            .filter_map(|(process, _)| process.incarnation.clone())
            .collect()
    };
    ask_each(world, lives.into(), what.clone(), Arc::clone(under_way));
}

/// Asks the parts of the first process, by a task of its own, and those of the next one if none of them took it up.
#[expect(clippy::only_used_in_recursion, reason = "the operator is done once nobody holds it any more")]
fn ask_each(world: &Arc<World>, mut lives: VecDeque<Arc<Incarnation>>, what: GivenUp, under_way: Arc<()>) {
    let Some(incarnation) = lives.pop_front() else { return };
    let parts = incarnation.parts().clone();
    if parts.is_empty() {
        return ask_each(world, lives, what, under_way);
    }
    let next = Arc::downgrade(world);
    let task = async move {
        for part in parts {
            if part.take_up(&what).await {
                return;
            }
        }
        if let Some(world) = next.upgrade() {
            ask_each(&world, lives, what, under_way);
        }
    };
    TaskSpawner::new(world, &incarnation).spawn("operator", Box::pin(task));
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
