//! Whether a run has come to rest.

use std::{pin::pin, time::Duration};

use futures_util::{
    future::{Either, select},
    poll,
};

use super::shared::World;
use super::state::STALL_MAX;
use crate::plan::Latency;

/// How long after the last request and the last timed fault the storm goes on where the system does not come to rest.
const STORM_MAX_US: u64 = 30_000_000;

/// What a store answers, unless it makes the world wait for longer than `patience`.
///
/// A store of one writer is busy for as long as a process that stands still has a transaction open. It is the world that
/// lets the process go on, so it must not stand in line behind it.
pub(super) async fn in_time<T>(world: &World, patience: Duration, answer: impl Future<Output = T>) -> Option<T> {
    let mut answer = pin!(answer);
    // Mostly it is there at once, and a timer is spared.
    if let std::task::Poll::Ready(answer) = poll!(&mut answer) {
        return Some(answer);
    }
    match select(answer, pin!(world.meter.sleep(patience))).await {
        Either::Left((answer, _)) => Some(answer),
        Either::Right(_) => None,
    }
}

/// Whether nothing but looking for work has happened for as long as any call can be under way: what a process is about
/// to do with what it holds in memory shows in no store.
pub(super) fn has_rested(world: &World, now: u64) -> bool {
    let longest_ms = match world.schedule.latency {
        Latency::Zero => 0,
        Latency::Equal { ms } => u64::from(ms),
        Latency::Spread { max_ms, .. } => u64::from(max_ms),
    };
    let rest_us = world.topology.rest.as_micros() as u64 + longest_ms * 1_000 * u64::from(STALL_MAX);
    now >= world.state().recorder.last_active() + rest_us
}

/// Whether nothing is pending anywhere and everyone is up.
pub(super) async fn is_quiet(world: &World) -> bool {
    if world.is_anyone_held_up() {
        return false;
    }
    {
        let state = world.state();
        if state.own_tables.as_ref().is_some_and(|tables| tables.pending() > 0) {
            return false;
        }
        if state.processes.iter().any(|process| process.life.is_none() || !process.requests.is_empty()) {
            return false;
        }
    }
    if world.broker.pending() > 0 {
        return false;
    }
    for (_, store) in &world.stores {
        if !store.backlog().await.is_ok_and(|backlog| backlog.is_idle()) {
            return false;
        }
    }
    true
}

pub(super) fn storm_is_over(world: &World, now: u64, idle_since: u64) -> bool {
    let state = world.state();
    state.agenda.is_empty() && !state.faults.is_disturbed() && now > idle_since + STORM_MAX_US
}
