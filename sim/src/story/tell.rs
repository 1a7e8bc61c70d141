use super::{
    Again, Diagram, FaultTold, Headline, Lane, LaneKind, PlanTold, Pointers, RunTold, Story,
    relevance::{Untold, relevant},
};
use crate::{
    invariants::{Judged, Mode, Violation},
    plan::{Fault, Plan, Target, Workload, counted},
    trace::{Effect, Event, Names, Renderer, What, micros},
    world::RunReport,
};

/// Tells what went wrong in a run: the first violated invariant, the plan in words, the few events that matter, where the
/// plan is, and the line that replays it.
///
/// The run must have kept its trace (`RunOptions::keep_trace`) for the events.
pub fn tell<W: Workload>(plan: &Plan<W>, report: &RunReport, pointers: Pointers) -> Story {
    let run =
        RunTold { fingerprint: report.fingerprint, events: report.events, lasted_us: micros(report.virtual_time) };
    let (plan_told, faults) = (tell_plan(plan, report), &plan.faults);
    let Some(violation) = report.violations.first() else {
        return Story { headline: None, others: Vec::new(), plan: plan_told, run, diagram: None, pointers };
    };
    let mut renderer = renderer(report);
    // Drawn first, because ids have their names in the order of the trace.
    let diagram = report.trace.as_deref().map(|trace| {
        let told = relevant(trace, faults, &report.processes, violation, is_found_at_the_end(report, violation));
        let events: Vec<&Event> = told.iter().map(|told| told.event).collect();
        let mut diagram = Diagram::new(trace, &events, &violation.events, &mut renderer);
        let again = |like: Option<Untold<'_>>| {
            like.map(|Untold { times, farthest, elsewhere }| Again { times, at_us: farthest.at, elsewhere })
        };
        for (row, told) in diagram.rows.iter_mut().zip(&told) {
            row.again(again(told.before), again(told.after));
        }
        diagram
    });
    let about = report.trace.as_deref().and_then(|trace| introduce(trace, violation, renderer.names()));
    let about = about.map(|about| format!(" ({about})")).unwrap_or_default();
    let sentence = format!("{}{about}", renderer.abbreviate(&violation.sentence));
    let Violation { invariant, entity, .. } = violation.clone();
    let headline = Some(Headline { invariant, entity, sentence });
    Story { headline, others: others(report, violation), plan: plan_told, run, diagram, pointers }
}

/// Returns `true` if a violation is about something that did not come about, and not about an event.
fn is_found_at_the_end(report: &RunReport, violation: &Violation) -> bool {
    let is_it = |judged: &&Judged| judged.invariant == violation.invariant;
    violation.at_the_end || report.judged.iter().find(is_it).is_some_and(|judged| judged.mode == Mode::Eventually)
}

/// Renders the events of a run with names that are the same wherever they stand.
pub(super) fn renderer(report: &RunReport) -> Renderer {
    let names = report.trace.as_deref().map(Names::from_events).unwrap_or_default();
    Renderer::new(&report.processes).with_names(names)
}

/// Other invariants that did not hold either, by name.
fn others(report: &RunReport, violation: &Violation) -> Vec<smol_str::SmolStr> {
    let mut others = Vec::new();
    for other in report.violations.iter().map(|other| &other.invariant) {
        if *other != violation.invariant && !others.contains(other) {
            others.push(other.clone());
        }
    }
    others
}

fn tell_plan<W: Workload>(plan: &Plan<W>, report: &RunReport) -> PlanTold {
    let struck = |index: usize| report.fired.iter().any(|fired| fired.index as usize == index);
    let told = |(index, fault): (usize, &Fault)| FaultTold {
        words: fault.to_string(),
        struck: struck(index),
        hits: hit(fault.target()),
    };
    PlanTold {
        scenario: plan.scenario.clone(),
        seed: plan.seed,
        items: counted(plan.workload.len() as u64, W::noun()),
        schedule: plan.schedule.words(),
        faults: plan.faults.iter().enumerate().map(told).collect(),
    }
}

/// The lane of what a fault hits.
fn hit(target: Target) -> Lane {
    let (kind, name) = match target {
        Target::Broker | Target::Topic(_) => return Lane::broker(),
        Target::Process(name) => (LaneKind::Process, name),
        Target::Store(name) => (LaneKind::Store, name),
        Target::Service(name) => (LaneKind::External, name),
    };
    Lane { kind, name }
}

/// The short name of the violation's entity and what it stands for, where the entity is an id.
fn introduce(trace: &[Event], violation: &Violation, names: &Names) -> Option<String> {
    let id = violation.entity.id()?;
    let name = names.find(id)?;
    let stands_for = trace.iter().find_map(|event| match &event.what {
        What::Commit { effects, .. } => effects.iter().find_map(|effect| match effect {
            Effect::Staged(message) if message.id.0 == id => {
                Some(format!("`{}` of `{}`", message.kind, message.subject))
            }
            Effect::SagaCreated { saga, definition, key } if saga.0 == id => {
                Some(format!("saga `{}` of `{key}`", definition.name))
            }
            _ => None,
        }),
        What::Publish { message, .. } if message.id.0 == id => {
            Some(format!("`{}` of `{}`", message.kind, message.subject))
        }
        _ => None,
    });
    Some(match stands_for {
        Some(stands_for) if !violation.sentence.contains(&stands_for) => format!("{name}, {stands_for}"),
        _ => name,
    })
}
