//! A store that is put back to a copy of itself, as after the loss of a disk: the processes on it end, the copy is put in
//! its place, and they start again on what is there.

use std::{sync::Arc, time::Duration};

use super::rest::in_time;
use crate::{
    kernel::{Copy, Incarnation, World},
    plan::{FaultKind, Restart},
    trace::What,
};

/// Time that a store may take to make a copy of itself, or to put one back.
const PATIENCE: Duration = Duration::from_secs(1);

/// Time in which whoever worked on the store is gone: tasks of a dead process are dropped before time goes on.
const GONE: Duration = Duration::from_millis(1);

/// After this long the processes are back.
const BACK: Restart = Restart { after_ms: 1_000, upgrade: false };

/// Copies a store, if that is what the fault is about that has begun. A store that makes no copies is never put back.
pub(super) async fn copy(world: &Arc<World>, index: u32) {
    let Some(at) = world.state().faults.restores(index) else { return };
    let (store, backend) = &world.stores[at];
    // What others commit meanwhile is in the copy or not: so it is told as if it were not.
    let since = world.state().recorder.next_event();
    let Some(Ok(backup)) = in_time(world, PATIENCE, backend.backup()).await else { return };
    let mut state = world.state();
    let parked = state.recorder.given_up.parked_in(store);
    let (messages, sagas) = Default::default();
    state.recorder.copies.keep(index, Copy { store: store.clone(), backup, since, parked, messages, sagas });
}

/// Puts a store back, if that is what the fault is about that ends.
pub(super) async fn put_back(world: &Arc<World>, index: u32) {
    let Some((at, copy)) = ({
        let mut state = world.state();
        let at = state.faults.restores(index);
        at.and_then(|at| Some((at, state.recorder.copies.take(index)?)))
    }) else {
        return;
    };
    world.state().faults.has_struck(index);
    world.record(What::Fault { index, kind: FaultKind::Restore, point: None });
    for incarnation in on_store(world, at) {
        world.crash(&incarnation, BACK);
    }
    world.meter.sleep(GONE).await;
    let Some(Ok(())) = in_time(world, PATIENCE, copy.backup.restore()).await else { return };
    let Copy { store, since, parked, messages, sagas, .. } = copy;
    world.state().recorder.given_up.put_back(&store, parked);
    let (messages, sagas) = (messages.into_iter().collect(), sagas.into_iter().collect());
    world.record(What::Restored { store, since, messages, sagas });
}

/// The processes that are up on a store.
fn on_store(world: &World, at: usize) -> Vec<Arc<Incarnation>> {
    let state = world.state();
    let processes = (0_u16..).zip(&state.processes);
    let of_store = processes.filter(|(index, _)| world.store_of(crate::trace::ProcessIndex(*index)) == at);
    of_store.filter_map(|(_, process)| process.incarnation.clone()).collect()
}
