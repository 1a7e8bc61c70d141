use std::{fmt::Write as _, time::Duration};

use super::{
    cycle::cycle,
    hanging::{hanging, seconds},
    kept,
    rest::in_time,
};
use crate::{
    invariants::{Ending, Entity, Violation},
    kernel::{Ask, RunState, Spent, World, beats},
    trace::{ProcessIndex, What},
};

/// Time that a store may let the report wait, in virtual time.
const PATIENCE: Duration = Duration::from_millis(50);

/// So many unanswered requests are told one by one.
const ASKS_TOLD: usize = 5;

/// The budget is used up: says what was still waiting.
///
/// What nobody answers is a violation of its own. Where nothing moves any more and no invariant says why, the run counts
/// as stuck; where it moves and does not end, as livelocked.
pub(super) async fn give_up(world: &World, spent: Spent) -> Ending {
    if spent == Spent::Panic {
        return Ending::CutShort;
    }
    world.state().recorder.give_up();
    let waiting = waiting(world).await;
    let waiting = if waiting.is_empty() { "nothing that the world knows of" } else { waiting.trim_end_matches("; ") };
    kept::count(world).await;
    let hangs = world.tell_waits();
    world.record(What::OutOfBudget { waiting: waiting.into() });
    unanswered(world);
    let hanging = hanging(world, &hangs);
    let error = commonest_error(world);
    let mut state = world.state();
    let last_change = seconds(state.recorder.last_change());
    match spent {
        Spent::VirtualTime => {
            let sentence = format!("nothing has changed since {last_change}; still waiting: {waiting}");
            state.recorder.violate_if_nothing_else("stuck", "the run".to_owned(), sentence);
        }
        Spent::PortCalls | Spent::Steps | Spent::Settling | Spent::Panic => {
            let sentence = livelock(world, &state, spent);
            let sentence = format!("{sentence}; last change at {last_change}; still waiting: {waiting}");
            state.recorder.violate_at_last("livelock", "the run".to_owned(), sentence);
        }
    }
    state.recorder.hint(&hanging.sentence, &hanging.events);
    if let Some(error) = error {
        state.recorder.hint(&error, &[]);
    }
    Ending::OutOfBudget
}

/// Describes what moves and does not end.
fn livelock(world: &World, state: &RunState, spent: Spent) -> String {
    let name = |process: ProcessIndex| &world.topology.processes[usize::from(process.0)].name;
    if spent == Spent::Steps {
        let polls = state.processes.iter().zip(&world.topology.processes).filter_map(|(process, spec)| {
            let incarnation = process.incarnation.as_ref()?;
            Some((incarnation.pulse.polls(), &spec.name))
        });
        let polls: Vec<_> = polls.collect();
        let of_processes: u64 = polls.iter().map(|(polls, _)| polls).sum();
        // Whoever spins was woken last, and is woken still.
        let spins = polls.into_iter().max_by_key(|(polls, _)| *polls);
        return match spins.filter(|_| 2 * of_processes > world.meter.effort().wakes) {
            Some((polls, name)) => format!(
                "the run used up its budget of steps: process {name} was polled {polls} times; it gives way and goes on \
                 at once, without a port call or a wait"
            ),
            None => "the run used up its budget of steps: most of them are the client's, which gives way and goes on at once, or \
                     waits again and again for a little while"
                .to_owned(),
        };
    }
    let busiest = state.busiest(3);
    let running: Vec<String> = busiest
        .iter()
        .map(|(process, point, count)| format!("{} ({count} x {})", name(*process), point.name()))
        .collect();
    let running = if running.is_empty() { "nobody".to_owned() } else { running.join(", ") };
    let cycle = busiest.first().and_then(|(process, ..)| {
        let cycle = cycle(state.recorder.tail(), *process)?;
        Some(format!("; {} does over and over: {cycle}", name(*process)))
    });
    let cycle = cycle.unwrap_or_default();
    let declaration = beats::how_to_declare(state.recorder.tail()).unwrap_or_default();
    let budget = if spent == Spent::Settling { "of time to settle" } else { "of port calls" };
    format!("the run used up its budget {budget} and does not end; busiest: {running}{cycle}{declaration}")
}

/// The error that port calls of the healed system fail with most often.
fn commonest_error(world: &World) -> Option<String> {
    let state = world.state();
    let (process, point, error, times) = state.errors.commonest()?;
    let name = &world.topology.processes[usize::from(process.0)].name;
    Some(format!("; commonest error: {error} ({times} x {} by {name})", point.name()))
}

/// Describes all that the world knows to be waiting.
async fn waiting(world: &World) -> String {
    let mut waiting = String::new();
    for (name, store) in &world.stores {
        match in_time(world, PATIENCE, store.backlog()).await {
            None => _ = write!(waiting, "a transaction in {name} that does not end; "),
            Some(Ok(backlog)) => {
                for (count, what) in [
                    (backlog.outbox_unsettled, "outbox rows"),
                    (backlog.sagas_active, "sagas"),
                    (backlog.sagas_waiting, "sagas that wait for a signal"),
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
    let state = world.state();
    if state.asking > 0 {
        let _ = write!(waiting, "{} requests or tasks of the client; ", state.asking);
    }
    waiting
}

/// Every request that is still without an answer is a violation.
fn unanswered(world: &World) {
    let mut state = world.state();
    let told: Vec<Violation> =
        state.asks.iter().take(ASKS_TOLD).map(|(number, ask)| violation(world, &state, number, ask)).collect();
    for violation in told {
        state.recorder.violate_as(violation);
    }
}

fn violation(world: &World, state: &RunState, number: u64, ask: &Ask) -> Violation {
    let mut sentence = format!(
        "request {number} `{}` of service {} was never answered, asked {} times since {}: ",
        ask.operation,
        ask.service,
        ask.times,
        seconds(ask.since)
    );
    let name = |process: ProcessIndex| &world.topology.processes[usize::from(process.0)].name;
    match ask.taken {
        Some((process, _)) => _ = write!(sentence, "{} took it and did not answer", name(process)),
        None => sentence.push_str("nobody took it"),
    }
    for (process, spec) in state.processes.iter().zip(&world.topology.processes) {
        if spec.service == ask.service
            && let Some(at) = process.returned
        {
            let _ = write!(sentence, "; the main function of {} returned at {}", spec.name, seconds(at));
        }
    }
    Violation {
        invariant: "request-unanswered".into(),
        entity: Entity::Request(number),
        sentence,
        events: ask.taken.map(|(_, event)| event).into_iter().collect(),
        at_the_end: true,
        panicked_at: None,
    }
}
