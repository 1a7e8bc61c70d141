use std::{pin::pin, sync::Arc, time::Duration};

use futures_util::future::select;
use seaworthy_core::ports::{Broker, Spawner};

use super::{
    ending::give_up,
    kept,
    operator::Rounds,
    rest::{OwnWord, Turns, in_time, is_quiet},
    restore,
    view::{Settling, View},
};
use crate::{
    invariants::Ending,
    kernel::{Budget, Due, Incarnation, Spent, World},
    plan::{FaultKind, Restart},
    ports::{TaskSpawner, ports},
    scenario::Boot,
    trace::{ProcessIndex, What, micros},
};

/// Interval at which the world looks whether everything has come to rest, in virtual time. The longer nothing happens,
/// the longer it waits: a hundredth of a second more or less is nothing to a process that waits for minutes.
const LOOK: Duration = Duration::from_millis(100);

/// Longest interval between two looks while the client is at work, in virtual time.
const LOOK_BESIDE: Duration = Duration::from_secs(10);

/// Time without a change after which the operator takes what is still pending for what needs him, in virtual time:
/// longer than the usual backoffs and a visibility timeout.
const HELPS_ITSELF: Duration = Duration::from_secs(6);

/// Part of the time in which nothing has happened that goes by until the next look: one eighth.
const LOOKS: u64 = 8;

/// Runs the world: boots, executes the agenda, heals, and waits for rest.
pub(super) async fn control(world: &Arc<World>, budget: &Budget, scenario: &dyn OwnWord) -> Ending {
    begin(world);
    let mut turns = Turns::new(world.topology.processes.len());
    let (mut healed, mut healed_at) = (false, 0);
    let mut idle_since = None;
    let mut operator: Option<Rounds> = None;
    loop {
        let now = world.elapsed();
        attend(world, now).await;
        world.state().refund(now, &world.meter);
        let view = View::new(world);
        if let Some(spent) = view.spent {
            return give_up(world, spent).await;
        }
        let idle_since = match view.asking {
            0 => *idle_since.get_or_insert(now),
            _ => *idle_since.insert(now),
        };
        let is_over = !view.is_due && now > view.limit(budget);
        let had_turns = turns.look(world) && now >= view.last_change + micros(world.topology.rest);
        let is_idle = view.asking == 0;
        let is_quiet =
            is_idle && (had_turns || is_over) && in_time(world, LOOK, is_quiet(world, scenario)).await == Some(true);
        // The system is left to itself for as long as it may still help itself.
        let needs_help = had_turns && (is_quiet || now >= view.last_change + micros(HELPS_ITSELF));
        let busy = match &mut operator {
            // Also while the client waits: it may be for what is parked.
            Some(operator) => operator.make(world, now, needs_help).await,
            None => false,
        };
        let at_rest = is_quiet && !busy && (is_over || turns.last(world).await);
        if !healed && (at_rest || is_over || view.storm_is_over(now, idle_since)) {
            heal(world);
            healed_at = now;
            operator = Some(Rounds::new(now));
            healed = true;
            continue;
        }
        if healed && at_rest && !view.is_due {
            kept::count(world).await;
            world.record(What::Quiet);
            return Ending::Quiet;
        }
        if healed && is_over {
            return give_up(world, Spent::VirtualTime).await;
        }
        match view.settling(now, idle_since.max(healed_at), budget) {
            Settling::IsOver if healed => return give_up(world, Spent::Settling).await,
            Settling::IsNearlyOver if healed => world.state().recorder.keep_tail(),
            _ => {}
        }
        wait(world, now, &view).await;
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
    let (incarnation, release) = {
        let mut state = world.state();
        let slot = &mut state.processes[usize::from(process.0)];
        if slot.incarnation.is_some() {
            return;
        }
        slot.incarnations += 1;
        slot.release += u32::from(upgrade);
        let newest = slot.release;
        let (incarnation, release) = (Incarnation::new(process, slot.incarnations, world.meter.clone()), slot.release);
        slot.incarnation = Some(incarnation.clone());
        slot.returned = None;
        state.newest = state.newest.max(newest);
        state.recorder.record(at, process, incarnation.number, What::Boot { release });
        (incarnation, release)
    };
    let spawner = TaskSpawner::new(world, &incarnation);
    let (exiting, whose) = (world.clone(), incarnation.clone());
    let boot = Boot::new(
        world.topology.processes[usize::from(process.0)].name.clone(),
        ports(world, &incarnation, spawner.clone()),
        move |reason| exiting.exited(&whose, reason),
    )
    .incarnation(incarnation.number)
    .release(release);
    let program = world.topology.processes[usize::from(process.0)].program.clone();
    let weak = Arc::downgrade(world);
    let main = async move {
        program(boot).await;
        if let Some(world) = weak.upgrade() {
            world.returned(&incarnation);
        }
    };
    spawner.spawn("main", Box::pin(main));
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
        if !matches!(due, Due::Boot { .. }) {
            let mut state = world.state();
            state.fixed = state.fixed.max(now);
        }
        match due {
            Due::Boot { process, upgrade } => boot(world, process, upgrade),
            Due::Kill(incarnation) => {
                if let Some(restart) = incarnation.stopping() {
                    world.has_stopped(&incarnation);
                    world.crash(&incarnation, restart);
                }
            }
            Due::FaultBegins(index) => {
                {
                    let mut state = world.state();
                    state.faults.begin(index);
                    world.set_disturbed(state.faults.is_disturbed());
                }
                roll_out(world, index);
                restore::copy(world, index).await;
            }
            Due::FaultEnds(index) => {
                restore::put_back(world, index).await;
                let mut state = world.state();
                let rolled_out = state.faults.rolled_out(index);
                let fired = state.faults.end(index);
                world.set_disturbed(state.faults.is_disturbed());
                drop(state);
                if fired {
                    record_at(world, rolled_out, What::FaultOver { index });
                }
                if let Some(process) = rolled_out {
                    change_release(world, process, |release| release.saturating_sub(1).max(1));
                }
            }
            Due::Duplicate(message) => {
                // The broker itself makes the copy: nobody is told.
                let _ = world.broker.publish(std::slice::from_ref(&message)).await;
            }
            Due::Repeat { process, request } => {
                let mut state = world.state();
                if state.processes[usize::from(process.0)].incarnation.is_some() {
                    state.arrive(process, request);
                }
            }
            Due::Answer { response, said } => response.give(said),
        }
    }
}

/// Brings a process back as its next release, if that is what the fault does that has begun.
fn roll_out(world: &Arc<World>, index: u32) {
    let process = {
        let mut state = world.state();
        let Some(process) = state.faults.rolled_out(index) else { return };
        state.faults.has_struck(index);
        process
    };
    record_at(world, Some(process), What::Fault { index, kind: FaultKind::Rollout, point: None });
    change_release(world, process, |release| release + 1);
}

/// Writes down what befalls a process that is asked to stop by it, as an event of the one that is up; otherwise as one of the
/// world.
fn record_at(world: &World, process: Option<ProcessIndex>, what: What) {
    let up = process.and_then(|process| world.state().processes[usize::from(process.0)].incarnation.clone());
    match up {
        Some(incarnation) => world.record_of(&incarnation, what),
        None => world.record(what),
    }
}

/// Has a process run another release: one that is up is asked to stop, and comes back as that.
fn change_release(world: &Arc<World>, process: ProcessIndex, change: impl FnOnce(u32) -> u32) {
    let incarnation = {
        let mut state = world.state();
        let slot = &mut state.processes[usize::from(process.0)];
        slot.release = change(slot.release);
        slot.incarnation.clone()
    };
    if let Some(incarnation) = incarnation {
        world.stop(&incarnation, Restart { after_ms: 0, upgrade: false });
    }
}

/// Ends the storm: no more faults, everyone is up, and everyone runs the newest release that the run has seen, as after
/// a rolling upgrade that went through: an older one need not understand what a newer one wrote.
fn heal(world: &Arc<World>) {
    let (newest, older) = {
        let state = world.state();
        let mut newest = state.processes.iter().map(|process| process.release).max().unwrap_or(1).max(state.newest);
        for due in state.agenda.values() {
            if let Due::Boot { process, upgrade: true } = due {
                newest = newest.max(state.processes[usize::from(process.0)].release + 1);
            }
        }
        let lives = state.processes.iter().filter_map(|process| Some((process.release, process.incarnation.clone()?)));
        // Who was asked to stop has had its time.
        let older = lives.filter(|(release, incarnation)| *release < newest || incarnation.stopping().is_some());
        (newest, older.map(|(_, incarnation)| incarnation).collect::<Vec<_>>())
    };
    for incarnation in older {
        world.crash(&incarnation, Restart { after_ms: 0, upgrade: false });
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
                Due::Boot { .. } | Due::Kill(_) | Due::FaultBegins(_) | Due::FaultEnds(_) => {}
            }
        }
        for process in &mut state.processes {
            process.release = newest;
        }
        (0_u16..)
            .zip(&state.processes)
            .filter(|(_, process)| process.incarnation.is_none())
            .map(|(index, _)| ProcessIndex(index))
            .collect()
    };
    world.record(What::Healed);
    for process in down {
        boot(world, process, false);
    }
}

/// Waits until something is due, somebody nudges, or it is time to look again.
async fn wait(world: &World, now: u64, view: &View) {
    let shortest = if view.asking == 0 { LOOK } else { LOOK_BESIDE };
    let look = now + micros(shortest).max(now.saturating_sub(view.last_change) / LOOKS);
    let until = view.next.map_or(look, |next| next.min(look));
    let nudged = pin!(world.nudge.notified());
    let sleep = pin!(world.meter.sleep(Duration::from_micros(until.saturating_sub(now))));
    select(nudged, sleep).await;
}
