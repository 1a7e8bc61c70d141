//! Relevance of events: those of a trace that belong to the story of a violation.

use smol_str::SmolStr;

use super::lineage::{FAR, Lineage};
use crate::{
    invariants::Violation,
    plan::Fault,
    trace::{Event, Outcome, What},
};

/// A diagram of more rows is not read.
const ROWS_MAX: usize = 25;
/// Distance from the violation beyond which an event has no part in it.
const DISTANCE_MAX: u32 = 7;
/// Each strike of so few faults is told: after shrinking, every fault that is left is needed.
const FAULTS_MAX: usize = 3;

/// The events that tell a violation, in the order of the trace, at most [`ROWS_MAX`]: what shows it, the faults that struck
/// and the calls that they struck, and then what led there, the nearest first.
///
/// A violation `found_at_the_end` is about something that is missing: what came after the events that show it explains it,
/// too. One that names nothing is told by the whole run, or by what lies around its faults and its end.
pub(super) fn relevant<'a>(
    trace: &'a [Event],
    faults: &[Fault],
    processes: &[SmolStr],
    violation: &Violation,
    found_at_the_end: bool,
) -> Vec<&'a Event> {
    let lineage = Lineage::of(trace, faults, processes, &violation.entity);
    let shown: Vec<u32> =
        (0_u32..).zip(trace).filter(|(_, event)| violation.events.contains(&event.number)).map(|at| at.0).collect();
    let last = if found_at_the_end { None } else { shown.iter().max().copied() };
    let few_faults = faults.len() <= FAULTS_MAX;
    let mut distances = lineage.distances(&shown, DISTANCE_MAX, last, few_faults);
    let is_known = !shown.is_empty() || lineage.knows_the_entity();
    if !is_known || distances.iter().all(|distance| *distance == FAR) {
        distances = without_a_hint(trace, &lineage);
    }
    let mut forced = shown.clone();
    if few_faults {
        forced.extend(lineage.strikes());
    }
    let mut ranked: Vec<(u32, u64, usize)> = Vec::new();
    for (position, event) in trace.iter().enumerate() {
        let distance = match distances[position] {
            _ if shown.contains(&(position as u32)) => 0,
            _ if forced.contains(&(position as u32)) => distances[position].min(2),
            distance if distance == FAR || !lineage.is_telling(position as u32) => continue,
            distance => distance + dullness(&event.what),
        };
        let apart = violation.events.iter().map(|number| number.abs_diff(event.number)).min().unwrap_or(0);
        ranked.push((distance, apart, position));
    }
    ranked.sort_unstable();
    ranked.truncate(ROWS_MAX);
    let mut positions: Vec<usize> = ranked.into_iter().map(|(_, _, position)| position).collect();
    positions.sort_unstable();
    positions.into_iter().map(|position| &trace[position]).collect()
}

/// Distances where a violation names nothing that the trace knows: all is equally near in a short run; in a longer one it
/// is what lies around the faults, and what happened last.
fn without_a_hint(trace: &[Event], lineage: &Lineage) -> Vec<u32> {
    let telling = (0..trace.len() as u32).filter(|position| lineage.is_telling(*position));
    let mut distances = vec![FAR; trace.len()];
    if telling.clone().count() > ROWS_MAX {
        let last = telling.clone().rev().take(3);
        let roots: Vec<u32> = lineage.strikes().iter().copied().chain(last).collect();
        distances = lineage.distances(&roots, u32::MAX / 2, None, false);
    }
    // Whatever can't be reached comes last, and the latest of it first.
    let far = distances.iter().filter(|distance| **distance != FAR).max().map_or(0, |far| far + 1);
    for position in telling {
        let distance = &mut distances[position as usize];
        if *distance == FAR {
            *distance = far + (trace.len() as u32 - position) / 8;
        }
    }
    distances
}

/// Returns how much less an event tells than another at the same distance.
fn dullness(what: &What) -> u32 {
    match what {
        // Its row is told by what becomes of it.
        What::Claim { outcome: Outcome::Done, .. } => 2,
        What::Settle { outcome: Outcome::Done, .. } => 1,
        // Mostly a look before something was done.
        What::Abort { .. } => 2,
        // A statement of the user's own that has no label.
        What::Statement { on, outcome: Outcome::Done, .. } if on == "connection" => 3,
        What::StoreCall { .. } | What::Acquire { .. } => 1,
        _ => 0,
    }
}
