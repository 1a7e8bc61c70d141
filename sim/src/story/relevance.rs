//! Which events of a trace belong to the story of a violation.

use std::collections::BTreeSet;

use seaworthy_core::ports::Cell;
use smol_str::SmolStr;
use uuid::Uuid;

use crate::{
    invariants::Violation,
    trace::{Effect, Event, ProcessIndex, What},
};

/// A diagram of more lines is not read.
const LINES_MAX: usize = 25;

/// What an event is about: ids of messages and sagas, and names of business things (an order, a key).
#[derive(Debug, Default)]
struct Subjects {
    ids: BTreeSet<Uuid>,
    names: BTreeSet<SmolStr>,
}

/// The events that tell a violation, in the order of the trace, at most [`LINES_MAX`].
///
/// First the events that the violation names, then faults and crashes up to its end, then what happened to the same
/// message or saga, then what happened to the same business thing, then what came afterwards; of one rank those nearest
/// to the violation.
///
/// A violation `found_at_the_end` is about something that is missing: nothing that happened comes too late for it.
pub(super) fn relevant<'a>(trace: &'a [Event], violation: &Violation, found_at_the_end: bool) -> Vec<&'a Event> {
    let own = protagonists(trace, violation);
    let wider = acquaintances(trace, &own);
    let last = if found_at_the_end { None } else { violation.events.iter().max().copied() };
    let hurt: BTreeSet<ProcessIndex> =
        trace.iter().filter(|event| violation.events.contains(&event.number)).map(|event| event.process).collect();
    let rank = |event: &Event| {
        let is_over = last.is_some_and(|last| event.number > last);
        match event.what {
            _ if violation.events.contains(&event.number) => Some(0),
            What::Crash | What::Fault { .. } | What::Panic { .. } | What::Exit { .. } if !is_over => Some(1),
            What::Boot { .. } if event.incarnation > 1 && !is_over => Some(1),
            // What a process did not live to do explains what is missing.
            What::Crash | What::Panic { .. } | What::Exit { .. } if hurt.contains(&event.process) => Some(2),
            What::Boot { .. } if event.incarnation > 1 && hurt.contains(&event.process) => Some(4),
            _ if !is_telling(event) => None,
            _ if is_about(event, &own) => Some(if is_over { 4 } else { 2 }),
            _ if is_about(event, &wider) && !is_over => Some(3),
            _ => None,
        }
    };
    let distance =
        |event: &Event| violation.events.iter().map(|number| number.abs_diff(event.number)).min().unwrap_or(0);
    let mut ranked: Vec<(u8, u64, &Event)> =
        trace.iter().filter_map(|event| Some((rank(event)?, distance(event), event))).collect();
    ranked.sort_by_key(|(rank, distance, event)| (*rank, *distance, event.number));
    ranked.truncate(LINES_MAX);
    let mut events: Vec<&Event> = ranked.into_iter().map(|(_, _, event)| event).collect();
    events.sort_by_key(|event| event.number);
    events
}

/// What the violation is about: its entity; if no event knows that one, whatever its events are about.
fn protagonists(trace: &[Event], violation: &Violation) -> Subjects {
    let mut own = Subjects::default();
    match Uuid::parse_str(&violation.entity) {
        Ok(id) => own.ids.extend([id]),
        Err(_) => own.names.extend([SmolStr::from(violation.entity.as_str())]),
    }
    if !trace.iter().any(|event| is_about(event, &own)) {
        for event in trace.iter().filter(|event| violation.events.contains(&event.number)) {
            visit(event, &mut |id, name| {
                own.ids.extend(id);
                own.names.extend(name.cloned());
            });
        }
    }
    own
}

/// Everything that an event names together with a protagonist in one breath: a message and its order, a saga and its
/// key.
fn acquaintances(trace: &[Event], own: &Subjects) -> Subjects {
    let mut wider = Subjects::default();
    for event in trace {
        visit(event, &mut |id, name| {
            let known = id.is_some_and(|id| own.ids.contains(&id)) || name.is_some_and(|name| own.names.contains(name));
            if known {
                wider.ids.extend(id);
                wider.names.extend(name.cloned());
            }
        });
    }
    wider
}

fn is_about(event: &Event, subjects: &Subjects) -> bool {
    let mut found = false;
    visit(event, &mut |id, name| {
        found |= id.is_some_and(|id| subjects.ids.contains(&id));
        found |= name.is_some_and(|name| subjects.names.contains(name));
    });
    found
}

/// Hands over each thing that an event is about: its id, its name, or both where they belong together.
fn visit(event: &Event, see: &mut impl FnMut(Option<Uuid>, Option<&SmolStr>)) {
    match &event.what {
        What::Commit { effects, .. } => effects.iter().for_each(|effect| visit_effect(effect, see)),
        What::Publish { message, .. } | What::Deliver { message, .. } => {
            see(Some(message.id.0), Some(&message.subject));
        }
        What::Ack { message, .. } | What::Nack { message, .. } | What::DuplicateSeen { message, .. } => {
            see(Some(message.0), None);
        }
        What::Claim { rows, .. } => rows.iter().for_each(|row| see(Some(row.message.0), None)),
        What::Acquire { sagas, .. } => sagas.iter().for_each(|(saga, _)| see(Some(saga.0), None)),
        What::External { operation_id, subject, .. } => see(Some(operation_id.0), Some(subject)),
        _ => {}
    }
}

fn visit_effect(effect: &Effect, see: &mut impl FnMut(Option<Uuid>, Option<&SmolStr>)) {
    match effect {
        Effect::Document { id, .. } => see(None, Some(id)),
        Effect::Staged(message) => see(Some(message.id.0), Some(&message.subject)),
        Effect::Dispatched(message)
        | Effect::GivenUp { message, .. }
        | Effect::Handled { message, .. }
        | Effect::Failed { message, .. }
        | Effect::Buried { message, .. }
        | Effect::Exhumed { message, .. } => see(Some(message.0), None),
        Effect::SagaCreated { saga, key, .. } => see(Some(saga.0), Some(key)),
        Effect::SagaLogged { saga, .. } => see(Some(saga.0), None),
        Effect::Operation { id, .. } => see(Some(id.0), None),
        Effect::Observed { subject, .. } | Effect::Entry { key: subject, .. } | Effect::Amount { sum: subject, .. } => {
            see(None, Some(subject));
        }
        Effect::Row(row) => row.before.iter().chain(&row.after).flat_map(|cells| cells.iter()).for_each(|cell| {
            if let Cell::Text(text) = cell {
                see(Uuid::parse_str(text).ok(), Some(text));
            }
        }),
        Effect::Checkpoint { .. } => {}
    }
}

/// Whether an event is worth a line: beginnings, statements and refused receives are not.
fn is_telling(event: &Event) -> bool {
    !matches!(
        event.what,
        What::Begin { .. }
            | What::Statement { .. }
            | What::Abort { .. }
            | What::StoreCall { .. }
            | What::Subscribe { .. }
            | What::ReceiveFailed { .. }
    )
}
