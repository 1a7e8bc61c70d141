use std::{fmt::Write as _, pin::pin, sync::Arc, time::Duration};

use futures_util::future::select;
use seaworthy_core::ports::{Broker, Spawner};

use super::{
    Budget,
    life::Life,
    operator::Rounds,
    rest::{has_rested, in_time, is_quiet, storm_is_over},
    shared::World,
    state::Due,
};
use crate::{
    invariants::Ending,
    plan::Restart,
    scenario::Boot,
    shell::{TaskSpawner, ports},
    trace::{ProcessIndex, What},
};

/// How often the world looks whether everything has come to rest, in virtual time.
const LOOK: Duration = Duration::from_millis(50);

/// Runs the world: boots, executes the agenda, heals, and waits for rest.
pub(super) async fn control(world: &Arc<World>, budget: &Budget) -> Ending {
    begin(world);
    let mut idle_since = None;
    let mut healed_at = None;
    let mut operator: Option<Rounds> = None;
    loop {
        let now = world.elapsed();
        attend(world, now).await;
        let (next, asking, out_of_budget) = {
            let state = world.state();
            (state.agenda.keys().next().map(|(at, _)| *at), state.asking, state.out_of_budget)
        };
        if out_of_budget {
            return give_up(world, "port calls").await;
        }
        if asking == 0 {
            let idle_since = *idle_since.get_or_insert(now);
            let soon = next.map_or(LOOK, |next| LOOK.min(Duration::from_micros(next.saturating_sub(now))));
            let rested = has_rested(world, now);
            let busy = match &mut operator {
                Some(operator) => operator.make(world, now, rested).await,
                None => false,
            };
            let quiet = !busy && rested && in_time(world, soon, is_quiet(world)).await == Some(true);
            match healed_at {
                None if quiet || storm_is_over(world, now, idle_since) => {
                    heal(world);
                    operator = Some(Rounds::new(now));
                    healed_at = Some(now);
                    continue;
                }
                Some(_) if quiet && next.is_none() => {
                    world.record(What::Quiet);
                    return Ending::Quiet;
                }
                Some(at) if now > at + budget.quiesce.as_micros() as u64 => {
                    return give_up(world, "virtual time").await;
                }
                _ => {}
            }
        } else {
            idle_since = None;
        }
        wait(world, now, next, asking == 0).await;
    }
}

/// Boots every process and puts the timed faults on the agenda.
fn begin(world: &Arc<World>) {
    let timed = {
        let mut state = world.state();
        let timed = state.faults.timed();
        for fault in &timed {
            state.schedule(fault.from_ms * 1_000, Due::FaultBegins(fault.index));
            state.schedule(fault.to_ms * 1_000, Due::FaultEnds(fault.index));
        }
        timed
    };
    drop(timed);
    for index in 0..world.topology.processes.len() {
        boot(world, ProcessIndex(index as u16), false);
    }
}

/// Starts a process anew.
fn boot(world: &Arc<World>, process: ProcessIndex, upgrade: bool) {
    let at = world.elapsed();
    let (life, release) = {
        let mut state = world.state();
        let slot = &mut state.processes[usize::from(process.0)];
        if slot.life.is_some() {
            return;
        }
        slot.incarnations += 1;
        slot.release += u32::from(upgrade);
        let (life, release) = (Life::new(process, slot.incarnations, world.meter.clone()), slot.release);
        slot.life = Some(life.clone());
        let incarnation = life.incarnation;
        state.recorder.record(at, process, incarnation, What::Boot { release });
        (life, release)
    };
    let spawner = TaskSpawner::new(world, &life);
    let (exiting, whose) = (world.clone(), life.clone());
    let boot = Boot::new(
        world.topology.processes[usize::from(process.0)].name.clone(),
        ports(world, &life, spawner.clone()),
        move |reason| exiting.exited(&whose, reason),
    )
    .incarnation(life.incarnation)
    .release(release);
    let program = world.topology.processes[usize::from(process.0)].program.clone();
    spawner.spawn("main", program(boot));
}

/// Does everything that is due.
async fn attend(world: &Arc<World>, now: u64) {
    loop {
        let due = {
            let mut state = world.state();
            match state.agenda.first_entry() {
                Some(entry) if entry.key().0 <= now => entry.remove(),
                _ => return,
            }
        };
        match due {
            Due::Boot { process, upgrade } => boot(world, process, upgrade),
            Due::FaultBegins(index) => {
                let mut state = world.state();
                state.faults.begin(index);
                world.set_disturbed(state.faults.is_disturbed());
            }
            Due::FaultEnds(index) => {
                let mut state = world.state();
                let fired = state.faults.end(index);
                world.set_disturbed(state.faults.is_disturbed());
                if fired {
                    state.recorder.record(now, ProcessIndex::WORLD, 0, What::FaultOver { index });
                }
            }
            Due::Duplicate(message) => {
                // The broker itself makes the copy: nobody is told.
                let _ = world.broker.publish(std::slice::from_ref(&message)).await;
            }
            Due::Repeat { process, request } => {
                let mut state = world.state();
                if state.processes[usize::from(process.0)].life.is_some() {
                    state.arrive(process, request);
                }
            }
            Due::Answer { request, said } => world.answer(&request.answer, said),
        }
    }
}

/// Ends the storm: no more faults, everyone is up, and everyone runs the newest release that the run has seen, as after
/// a rolling upgrade that went through: an older one need not understand what a newer one wrote.
fn heal(world: &Arc<World>) {
    let (newest, older) = {
        let state = world.state();
        let mut newest = state.processes.iter().map(|process| process.release).max().unwrap_or(1);
        for due in state.agenda.values() {
            if let Due::Boot { process, upgrade: true } = due {
                newest = newest.max(state.processes[usize::from(process.0)].release + 1);
            }
        }
        let older = state.processes.iter().filter(|process| process.release < newest);
        (newest, older.filter_map(|process| process.life.clone()).collect::<Vec<_>>())
    };
    for life in older {
        world.crash(&life, Restart { after_ms: 0, upgrade: false });
    }
    world.end_faults();
    let down: Vec<ProcessIndex> = {
        let now = world.elapsed();
        let mut state = world.state();
        // Copies and repetitions that are on their way still arrive when they are due; an answer is delayed no longer.
        for ((at, number), due) in std::mem::take(&mut state.agenda) {
            match due {
                Due::Duplicate(_) | Due::Repeat { .. } => _ = state.agenda.insert((at, number), due),
                Due::Answer { .. } => _ = state.agenda.insert((now, number), due),
                Due::Boot { .. } | Due::FaultBegins(_) | Due::FaultEnds(_) => {}
            }
        }
        for process in &mut state.processes {
            process.release = newest;
        }
        (0_u16..)
            .zip(&state.processes)
            .filter(|(_, process)| process.life.is_none())
            .map(|(index, _)| ProcessIndex(index))
            .collect()
    };
    world.record(What::Healed);
    for process in down {
        boot(world, process, false);
    }
}

/// Waits until something is due or somebody nudges; at rest, only for a moment.
async fn wait(world: &World, now: u64, next: Option<u64>, looking: bool) {
    let look = looking.then(|| now + LOOK.as_micros() as u64);
    let until = match (next, look) {
        (Some(next), Some(look)) => Some(next.min(look)),
        (next, look) => next.or(look),
    };
    world.meter.woken();
    let nudged = pin!(world.nudge.notified());
    match until {
        None => nudged.await,
        Some(until) => {
            let sleep = pin!(world.meter.sleep(Duration::from_micros(until.saturating_sub(now))));
            select(nudged, sleep).await;
        }
    }
}

/// The budget is used up: says what was running and what was still waiting.
async fn give_up(world: &World, of_what: &str) -> Ending {
    let mut waiting = String::new();
    for (name, store) in &world.stores {
        match in_time(world, LOOK, store.backlog()).await {
            None => _ = write!(waiting, "a transaction in {name} that does not end; "),
            Some(Ok(backlog)) => {
                for (count, what) in [
                    (backlog.outbox_unsettled, "outbox rows"),
                    (backlog.sagas_active, "sagas"),
                    (backlog.sagas_stuck, "stuck sagas"),
                ] {
                    if count > 0 {
                        let _ = write!(waiting, "{count} {what} in {name}; ");
                    }
                }
            }
            Some(Err(error)) => _ = write!(waiting, "{name}: {error}; "),
        }
    }
    let rows = world.state().own_tables.as_ref().map_or(0, |tables| tables.pending());
    if rows > 0 {
        let _ = write!(waiting, "{rows} rows of declared outbox tables; ");
    }
    for (group, message) in world.broker.outstanding(5) {
        let _ = write!(waiting, "message {message} for group {group}; ");
    }
    let asking = world.state().asking;
    if asking > 0 {
        let _ = write!(waiting, "{asking} requests or tasks of the client; ");
    }
    let waiting = if waiting.is_empty() { "nothing that the world knows of" } else { waiting.trim_end_matches("; ") };
    world.record(What::OutOfBudget { waiting: waiting.into() });
    let running: Vec<String> = world
        .state()
        .busiest(3)
        .into_iter()
        .map(|(process, point, count)| {
            let name = &world.topology.processes[usize::from(process.0)].name;
            format!("{name} ({count} x {})", point.name())
        })
        .collect();
    let running = if running.is_empty() { "nobody".to_owned() } else { running.join(", ") };
    let sentence = format!("the run used up its budget of {of_what}; busiest: {running}; still waiting: {waiting}");
    world.state().recorder.violate("livelock", "the run".to_owned(), sentence);
    Ending::OutOfBudget
}
