//! Relevance of events: those of a trace that belong to the story of a violation.

use std::collections::BTreeMap;

use smol_str::SmolStr;

use super::lineage::{FAR, Lineage, Repetition, Repetitions};
use crate::{
    invariants::Violation,
    plan::Fault,
    trace::{Event, Outcome, What},
};

/// A diagram of more rows is not read.
const ROWS_MAX: usize = 25;
/// Distance from the violation beyond which an event has no part in it.
const DISTANCE_MAX: u32 = 7;
/// So near, what is routine is told each time: it may be what both looked at before either acted.
const ROUTINE_MAX: u32 = 3;
/// Beyond this, a transaction that served nobody and came to nothing is told no more: whoever does one thing after the
/// other did that, too.
const NOTHING_MAX: u32 = 2;
/// Additional distance of the first and the last of like events from the nearest.
const END_OF_A_REPETITION: u32 = 3;
/// Each strike of so few faults is told: after shrinking, every fault that is left is needed.
const FAULTS_MAX: usize = 3;

/// An event that is told, and those like it that are not.
#[derive(Clone, Copy, Debug)]
pub(super) struct ToldEvent<'a> {
    pub(super) event: &'a Event,
    /// Like events before it of which none is told: how many there are, and the first.
    pub(super) before: Option<Untold<'a>>,
    /// Like events between it and the next one that is told, or the end: how many there are, and the last.
    pub(super) after: Option<Untold<'a>>,
}

/// Events like one that is told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Untold<'a> {
    pub(super) times: u64,
    /// The farthest of them.
    pub(super) farthest: &'a Event,
    /// `true` if some were at another process.
    pub(super) elsewhere: bool,
}

/// The events that tell a violation, in the order of the trace, at most [`ROWS_MAX`]: what shows it, the faults that struck
/// and the calls that they struck, and then what led there, the nearest first. Of what is said again and again only the
/// nearest, the first and the last are told; of routine what is near.
///
/// A violation `found_at_the_end` is about something that is missing: what came after the events that show it explains it,
/// too. One that names nothing is told by the whole run, or by what lies around its faults and its end.
pub(super) fn relevant<'a>(
    trace: &'a [Event],
    faults: &[Fault],
    processes: &[SmolStr],
    violation: &Violation,
    found_at_the_end: bool,
) -> Vec<ToldEvent<'a>> {
    let shown: Vec<u32> =
        (0_u32..).zip(trace).filter(|(_, event)| violation.events.contains(&event.number)).map(|at| at.0).collect();
    let lineage = Lineage::new(trace, faults, processes, &violation.entity, &shown);
    let last = if found_at_the_end { None } else { shown.iter().max().copied() };
    let few_faults = faults.len() <= FAULTS_MAX;
    let mut distances = lineage.distances(&shown, DISTANCE_MAX, last, few_faults);
    let is_known = !shown.is_empty() || lineage.knows_the_entity();
    let is_vague = !is_known || distances.iter().all(|distance| *distance == FAR);
    if is_vague {
        distances = without_a_hint(trace, &lineage);
    }
    let mut forced = shown.clone();
    if few_faults {
        forced.extend(lineage.strikes());
    }
    let mut ranks: BTreeMap<u32, Rank> = BTreeMap::new();
    for (position, event) in (0_u32..).zip(trace) {
        let distance = match distances[position as usize] {
            _ if shown.contains(&position) => 0,
            distance if forced.contains(&position) => distance.min(2),
            distance if distance == FAR || !lineage.is_telling(position) => continue,
            distance if distance > NOTHING_MAX && !is_vague && lineage.is_idle(position) => continue,
            distance => distance + dullness(&event.what),
        };
        let apart = violation.events.iter().map(|number| number.abs_diff(event.number)).min().unwrap_or(0);
        ranks.insert(position, (distance, apart));
    }
    for repetition in lineage.repetitions().iter() {
        fold(repetition, &forced, &mut ranks);
    }
    with_their_commits(&lineage, &forced, &mut ranks);
    let mut ranked: Vec<(Rank, u32)> = ranks.into_iter().map(|(position, rank)| (rank, position)).collect();
    ranked.sort_unstable();
    ranked.truncate(ROWS_MAX);
    let mut positions: Vec<u32> = ranked.into_iter().map(|(_, position)| position).collect();
    positions.sort_unstable();
    unfold(trace, &positions, lineage.repetitions())
}

/// Distance of an event from the violation, and then how far it is from it in the trace.
type Rank = (u32, u64);

/// Leaves of like events those that are `forced`, the nearest one, and a little farther than that the first and the last; of
/// routine all that are near.
fn fold(Repetition { positions, is_routine }: &Repetition, forced: &[u32], ranks: &mut BTreeMap<u32, Rank>) {
    let near = positions.iter().filter_map(|position| Some((*ranks.get(position)?, *position))).min();
    let (Some(((distance, apart), nearest)), [first, .., last]) = (near, &positions[..]) else { return };
    for position in positions.iter().filter(|position| **position != nearest && !forced.contains(position)) {
        let own = ranks.get(position).map(|(own, _)| *own);
        if *is_routine {
            if own.is_some_and(|own| own > ROUTINE_MAX) {
                ranks.remove(position);
            }
        } else if position == first || position == last {
            ranks.insert(*position, (own.unwrap_or(0).max(distance + END_OF_A_REPETITION), apart));
        } else {
            ranks.remove(position);
        }
    }
}

/// Leaves of statements that went well those whose commit may be told, which is what they came to, and those that came to
/// none.
fn with_their_commits(lineage: &Lineage, forced: &[u32], ranks: &mut BTreeMap<u32, Rank>) {
    let is_told_of = |statement: &u32| lineage.commit_of(*statement).is_none_or(|commit| ranks.contains_key(&commit));
    let without: Vec<u32> =
        ranks.keys().copied().filter(|position| !forced.contains(position) && !is_told_of(position)).collect();
    for statement in without {
        ranks.remove(&statement);
    }
}

/// The events at `told`, with those like them that are not among them.
fn unfold<'a>(trace: &'a [Event], told: &[u32], repetitions: &Repetitions) -> Vec<ToldEvent<'a>> {
    let at = |position: u32| &trace[position as usize];
    let mut rows: BTreeMap<u32, ToldEvent<'a>> = told
        .iter()
        .map(|position| (*position, ToldEvent { event: at(*position), before: None, after: None }))
        .collect();
    for Repetition { positions, .. } in repetitions.iter().filter(|repetition| !repetition.is_routine) {
        let (mut row, mut untold): (Option<u32>, Vec<u32>) = (None, Vec::new());
        let told_or_end = positions.iter().map(|position| (Some(*position), rows.contains_key(position)));
        for (position, is_told) in told_or_end.chain([(None, true)]).collect::<Vec<_>>() {
            if !is_told {
                untold.extend(position);
                continue;
            }
            let times = untold.len() as u64;
            let like = |told: &ToldEvent<'_>, farthest: u32| Untold {
                times,
                farthest: at(farthest),
                elsewhere: untold.iter().any(|position| at(*position).process != told.event.process),
            };
            if let (Some(first), Some(last)) = (untold.first(), untold.last()) {
                match (row.and_then(|row| rows.get_mut(&row)), position) {
                    (Some(told), _) => told.after = Some(like(told, *last)),
                    (None, Some(next)) => {
                        if let Some(told) = rows.get_mut(&next) {
                            told.before = Some(like(told, *first));
                        }
                    }
                    (None, None) => {}
                }
            }
            untold.clear();
            row = position;
        }
    }
    rows.into_values().collect()
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
        // It says that all went well, as what it answers does.
        What::Reply { accepted: true, outcome: Outcome::Done, .. } => 2,
        // Mostly a look before something was done.
        What::Abort { .. } => 2,
        // A statement of the user's own that has no label.
        What::Statement { on, outcome: Outcome::Done, .. } if on == "connection" => 3,
        // It looked, and there was nothing to do.
        What::Commit { effects, outcome: Outcome::Done, .. } if effects.is_empty() => 2,
        What::StoreCall { .. } | What::Acquire { .. } => 1,
        _ => 0,
    }
}
